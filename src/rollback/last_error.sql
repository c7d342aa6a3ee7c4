SELECT format('%s.%s', v_schema_name, v_table_name) AS table_name, t_error_message AS message
FROM sch_chameleon.t_error_log
WHERE i_id_source = $1
ORDER BY i_id_log DESC
LIMIT 1
