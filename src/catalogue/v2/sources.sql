-- The sources with what the way back needs of each; their batches are read by the rule of batches.
SELECT s.i_id_source, s.t_source, s.jsb_schema_mappings, s.b_consistent, s.t_binlog_name,
       s.i_binlog_position::bigint AS i_binlog_position, r.ts_last_received, p.ts_last_replayed,
       coalesce(n.b_started, false) AS newest_is_started,
       coalesce(w.batches, 0) AS batches, coalesce(w.events, 0) AS events
FROM sch_chameleon.t_sources s
LEFT JOIN sch_chameleon.t_last_received r ON r.i_id_source = s.i_id_source
LEFT JOIN sch_chameleon.t_last_replayed p ON p.i_id_source = s.i_id_source
LEFT JOIN LATERAL (SELECT b.b_started
                   FROM sch_chameleon.t_replica_batch b
                   WHERE b.i_id_source = s.i_id_source
                   ORDER BY b.i_id_batch DESC
                   LIMIT 1) n ON true
LEFT JOIN (SELECT b.i_id_source, count(*) AS batches, coalesce(sum(cardinality(e.i_id_event)), 0)::bigint AS events
           FROM sch_chameleon.t_batch_events e
           JOIN sch_chameleon.t_replica_batch b ON b.i_id_batch = e.i_id_batch
           WHERE b.b_started AND b.b_processed AND NOT b.b_replayed
           GROUP BY b.i_id_source) w ON w.i_id_source = s.i_id_source
ORDER BY s.i_id_source
