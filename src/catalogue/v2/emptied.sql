-- The newest $1 batches of all sources that are not processed, not the newest of their source, and have no rows: the daemon
-- deletes these at its start.
SELECT b.i_id_source, b.i_id_batch, b.t_binlog_name, b.i_binlog_position::bigint AS i_binlog_position,
       n.t_binlog_name AS until_file, n.i_binlog_position::bigint AS until_position,
       EXISTS (SELECT FROM sch_chameleon.t_replica_batch a
               WHERE a.i_id_source = b.i_id_source AND a.i_id_batch > b.i_id_batch
                 AND (a.b_replayed OR EXISTS (SELECT FROM sch_chameleon.t_batch_events e
                                              WHERE e.i_id_batch = a.i_id_batch))) AS by_applied,
       m.newest - b.i_id_batch - 1 - (SELECT count(*) FROM sch_chameleon.t_replica_batch o
                                      WHERE o.i_id_batch > b.i_id_batch AND o.i_id_batch < m.newest) AS gone_since
FROM sch_chameleon.t_replica_batch b
JOIN (SELECT i_id_source, max(i_id_batch) AS newest FROM sch_chameleon.t_replica_batch GROUP BY i_id_source) m
    ON m.i_id_source = b.i_id_source AND m.newest > b.i_id_batch
LEFT JOIN LATERAL (SELECT o.t_binlog_name, o.i_binlog_position
                   FROM sch_chameleon.t_replica_batch o
                   WHERE o.i_id_source = b.i_id_source AND o.i_id_batch > b.i_id_batch
                   ORDER BY o.i_id_batch
                   LIMIT 1) n ON true
WHERE NOT b.b_processed AND NOT b.b_replayed
  AND NOT EXISTS (SELECT FROM sch_chameleon.t_log_replica l WHERE l.i_id_batch = b.i_id_batch)
  AND NOT EXISTS (SELECT FROM sch_chameleon.t_batch_events e WHERE e.i_id_batch = b.i_id_batch)
ORDER BY b.i_id_batch DESC
LIMIT $1
