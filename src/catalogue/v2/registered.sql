-- How many tables are registered for each source and schema.
SELECT i_id_source, v_schema_name, count(*) AS tables
FROM sch_chameleon.t_replica_tables
GROUP BY i_id_source, v_schema_name
ORDER BY 1, 2
