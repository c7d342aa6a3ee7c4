-- Those of the replicated tables that a list of the configuration names, by their names on MySQL: how many, and the first.
-- $1: the schemas that the source maps; $2: schemas of which all tables are named, but for those of $3 called $4;
-- of the schemas $5 the tables called $6.
WITH selected AS (
    SELECT s.t_source_schema::text AS schema, t.v_table_name::text AS name
    FROM sch_chameleon.t_replica_tables t JOIN sch_chameleon.t_sources s USING (i_id_source)
    WHERE s.t_source_schema::text = ANY ($1)
      AND (s.t_source_schema::text = ANY ($2)
           AND (s.t_source_schema::text, t.v_table_name::text) NOT IN (SELECT * FROM unnest($3::text[], $4::text[]))
           OR (s.t_source_schema::text, t.v_table_name::text) IN (SELECT * FROM unnest($5::text[], $6::text[])))
)
SELECT (SELECT count(*) FROM selected) AS tables, schema, name FROM selected ORDER BY schema, name LIMIT $7
