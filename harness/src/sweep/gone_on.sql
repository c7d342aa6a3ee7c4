-- What the 2.0 daemon leaves that has applied a batch: replayed, and the next one open behind it.
UPDATE sch_chameleon.t_replica_batch
SET b_started = true, b_processed = true, b_replayed = true, ts_processed = now(), ts_replayed = now(), i_replayed = 1;
INSERT INTO sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position, v_log_table)
    SELECT i_id_source, t_binlog_name, i_binlog_position + 1000, v_log_table FROM sch_chameleon.t_replica_batch;
UPDATE sch_chameleon.t_sources SET b_consistent = true, t_binlog_name = NULL, i_binlog_position = NULL;
UPDATE sch_chameleon.t_replica_tables SET t_binlog_name = NULL, i_binlog_position = NULL
