-- The sources with their tables counted. Lags as 2.0.21's show_status has them: of reading, behind now; of
-- replaying, behind the reading.
SELECT s.i_id_source, s.t_source, s.enm_source_type::text AS enm_source_type, s.enm_status::text AS enm_status,
       s.jsb_schema_mappings, s.b_consistent, s.t_binlog_name, s.i_binlog_position,
       r.ts_last_received, p.ts_last_replayed,
       date_trunc('second', localtimestamp - r.ts_last_received)::text AS read_lag,
       date_trunc('second', r.ts_last_received - p.ts_last_replayed)::text AS replay_lag,
       b.t_binlog_name AS batch_file, b.i_binlog_position AS batch_position,
       t.replicated, t.disabled, t.inconsistent
FROM sch_chameleon.t_sources s
LEFT JOIN sch_chameleon.t_last_received r ON r.i_id_source = s.i_id_source
LEFT JOIN sch_chameleon.t_last_replayed p ON p.i_id_source = s.i_id_source
LEFT JOIN LATERAL (
    SELECT t_binlog_name, i_binlog_position
    FROM sch_chameleon.t_replica_batch
    WHERE i_id_source = s.i_id_source AND NOT b_processed
    ORDER BY ts_created DESC
    LIMIT 1
) b ON true
LEFT JOIN (
    SELECT i_id_source,
           count(*) FILTER (WHERE b_replica_enabled) AS replicated,
           count(*) FILTER (WHERE NOT b_replica_enabled) AS disabled,
           count(*) FILTER (WHERE t_binlog_name IS NOT NULL) AS inconsistent
    FROM sch_chameleon.t_replica_tables
    GROUP BY i_id_source
) t ON t.i_id_source = s.i_id_source
ORDER BY s.i_id_source
