UPDATE sch_chameleon.t_sources
SET b_consistent = false, t_binlog_name = $2, i_binlog_position = $3
WHERE i_id_source = $1
