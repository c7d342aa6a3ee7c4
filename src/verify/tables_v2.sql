-- What a 2.0 catalogue replicates: each table with its source and its schema on MySQL, as the source maps it.
SELECT s.t_source AS source, s.i_id_source AS id, m.key AS source_schema, t.v_schema_name::text AS schema,
       t.v_table_name::text AS name, t.b_replica_enabled AS enabled
FROM sch_chameleon.t_replica_tables t
JOIN sch_chameleon.t_sources s USING (i_id_source)
LEFT JOIN LATERAL jsonb_each_text(s.jsb_schema_mappings) m ON m.value = t.v_schema_name
WHERE s.enm_source_type = 'mysql'
ORDER BY 1, 4, 5
