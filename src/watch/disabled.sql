-- The first tables whose replica is disabled, each with the last error that was logged for it.
SELECT t.i_id_source AS id, t.v_schema_name::text AS schema, t.v_table_name::text AS name,
       (SELECT e.t_error_message
        FROM sch_chameleon.t_error_log e
        WHERE e.v_schema_name::text = t.v_schema_name::text AND e.v_table_name::text = t.v_table_name::text
        ORDER BY e.i_id_log DESC
        LIMIT 1) AS message
FROM sch_chameleon.t_replica_tables t
WHERE NOT t.b_replica_enabled
ORDER BY 1, 2, 3
LIMIT $1
