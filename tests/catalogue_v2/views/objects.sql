CREATE SCHEMA "Odd, schema";
CREATE TABLE "Odd, schema"."The table" ("A b" int PRIMARY KEY, c int UNIQUE, d text, "E""f" int);
CREATE INDEX "I y" ON "Odd, schema"."The table" (lower(d)) WHERE c > 3;
CREATE UNIQUE INDEX "It""s" ON "Odd, schema"."The table" (d, "E""f" DESC);
CREATE TABLE "Odd, schema".child (
    id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT "F d" FOREIGN KEY (id) REFERENCES "Odd, schema"."The table" (c) DEFERRABLE INITIALLY DEFERRED
);

CREATE SCHEMA plain;
CREATE TABLE plain.parent (id int PRIMARY KEY, u int UNIQUE, v text);
CREATE INDEX hashed ON plain.parent USING hash (v);
-- The name of a constraint in another schema.
CREATE INDEX "The table_pkey" ON plain.parent (v);
CREATE TABLE plain.kid (
    id int PRIMARY KEY,
    parent int REFERENCES plain.parent ON UPDATE RESTRICT ON DELETE CASCADE,
    odd int REFERENCES "Odd, schema"."The table"
);
CREATE MATERIALIZED VIEW plain.seen AS SELECT 1 AS id;
CREATE INDEX seen_id ON plain.seen (id);
