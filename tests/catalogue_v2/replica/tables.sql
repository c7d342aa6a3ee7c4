CREATE SCHEMA "Dest, schema";
CREATE TABLE "Dest, schema".item (
    id int PRIMARY KEY,
    name text,
    price numeric(10, 2) CONSTRAINT price_is_positive CHECK (price > 0)
);
CREATE TABLE "Dest, schema".other (id int PRIMARY KEY, v varchar(20));
CREATE TABLE "Dest, schema".pair (a int, b int, v text);
CREATE TABLE "Dest, schema"."Odd ""table"", it's" ("The ""Key"", a" int, "É" text, "plain" text, PRIMARY KEY ("The ""Key"", a", "É"));
CREATE TABLE "Dest, schema".anything (
    id bigint PRIMARY KEY, txt text, chr char(5), num numeric(30, 10), dbl double precision, flag boolean, bits bit(4),
    raw bytea, day date, at timestamp, zoned timestamptz, clock time, doc jsonb, plain_doc json, tags text[], grid int[]
);
CREATE TABLE "Dest, schema".keyless (a int, b int);
CREATE TABLE "Dest, schema".unknown (id int PRIMARY KEY);

INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_schema_name, v_table_name, v_table_pkey)
VALUES
    (1, 'Dest, schema', 'item', '{id}'),
    (1, 'Dest, schema', 'other', '{id}'),
    (1, 'Dest, schema', 'pair', '{a,b}'),
    (1, 'Dest, schema', 'Odd "table", it''s', ARRAY['The "Key", a', 'É']),
    (1, 'Dest, schema', 'anything', '{id}'),
    (1, 'Dest, schema', 'keyless', '{}');
