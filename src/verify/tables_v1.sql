-- What a 1.7 catalogue replicates: each table with its source and its schema on MySQL.
SELECT s.t_source AS source, s.i_id_source::bigint AS id, s.t_source_schema AS source_schema, t.v_schema_name::text AS schema,
       t.v_table_name::text AS name, true AS enabled
FROM sch_chameleon.t_replica_tables t
JOIN sch_chameleon.t_sources s USING (i_id_source)
ORDER BY 1, 4, 5
