SELECT t_binlog_name || ':' || i_binlog_position
FROM sch_chameleon.t_replica_tables
WHERE v_schema_name || '.' || v_table_name = $1
