INSERT INTO sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position, v_log_table)
SELECT i_id_source, $2, $3, v_log_table[1] FROM sch_chameleon.t_sources WHERE i_id_source = $1
