-- What the new catalogue holds of each source.
SELECT s.t_source, s.jsb_schema_mappings, s.enm_status::text AS enm_status, s.b_consistent,
       s.t_binlog_name, s.i_binlog_position,
       (SELECT count(*) FROM sch_chameleon.t_replica_batch b WHERE b.i_id_source = s.i_id_source) AS batches,
       (SELECT count(*) FROM sch_chameleon.t_replica_batch b
        WHERE b.i_id_source = s.i_id_source AND NOT b.b_started AND NOT b.b_processed AND NOT b.b_replayed)
           AS batches_not_started,
       (SELECT count(*) FROM sch_chameleon.t_replica_batch b
        WHERE b.i_id_source = s.i_id_source AND b.v_log_table = ANY (s.v_log_table)) AS batches_with_a_log_table,
       (SELECT min(b.t_binlog_name) FROM sch_chameleon.t_replica_batch b WHERE b.i_id_source = s.i_id_source)
           AS batch_file,
       (SELECT min(b.i_binlog_position) FROM sch_chameleon.t_replica_batch b WHERE b.i_id_source = s.i_id_source)
           AS batch_position,
       (SELECT min(b.t_gtid_set) FROM sch_chameleon.t_replica_batch b WHERE b.i_id_source = s.i_id_source) AS batch_gtids,
       (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'sch_chameleon' AND c.relkind = 'r' AND c.relname = ANY (s.v_log_table)) AS log_tables,
       (SELECT count(*) FROM sch_chameleon.t_last_received r WHERE r.i_id_source = s.i_id_source)
           + (SELECT count(*) FROM sch_chameleon.t_last_replayed r WHERE r.i_id_source = s.i_id_source) AS lag_rows
FROM sch_chameleon.t_sources s
ORDER BY s.i_id_source
