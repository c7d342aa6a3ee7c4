-- The sources: where each reads on, how many batches have rows that wait to be applied, and how much of the
-- oldest is done.
SELECT s.i_id_source AS id, s.t_source::text AS name, s.enm_status::text AS status, s.b_consistent AS consistent,
       s.b_paused OR coalesce(r.b_paused, false) OR coalesce(p.b_paused, false) AS paused,
       s.t_binlog_name::text AS point_file, s.i_binlog_position::bigint AS point_position,
       b.t_binlog_name::text AS file, b.i_binlog_position::bigint AS position,
       w.batches, w.applied, t.replicated, t.disabled
FROM sch_chameleon.t_sources s
LEFT JOIN sch_chameleon.t_last_received r ON r.i_id_source = s.i_id_source
LEFT JOIN sch_chameleon.t_last_replayed p ON p.i_id_source = s.i_id_source
LEFT JOIN LATERAL (
    SELECT t_binlog_name, i_binlog_position
    FROM sch_chameleon.t_replica_batch
    WHERE i_id_source = s.i_id_source AND NOT b_processed
    ORDER BY i_id_batch DESC
    LIMIT 1
) b ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS batches,
           (array_agg(w.i_id_batch ORDER BY w.i_id_batch))[1]::text || '/'
               || coalesce((array_agg(w.i_replayed ORDER BY w.i_id_batch))[1], 0)::text AS applied
    FROM sch_chameleon.t_replica_batch w
    JOIN sch_chameleon.t_batch_events e ON e.i_id_batch = w.i_id_batch
    WHERE w.i_id_source = s.i_id_source AND w.b_started AND w.b_processed AND NOT w.b_replayed
      AND EXISTS (SELECT FROM sch_chameleon.t_log_replica l WHERE l.i_id_batch = w.i_id_batch)
) w ON true
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE b_replica_enabled) AS replicated,
           count(*) FILTER (WHERE NOT b_replica_enabled) AS disabled
    FROM sch_chameleon.t_replica_tables
    WHERE i_id_source = s.i_id_source
) t ON true
ORDER BY s.i_id_source
