-- The rows behind $1 that were stored in the batches being read: up to which, and how far they are in MySQL's log. A batch is of one
-- file, and each row bears the position of its event.
SELECT b.i_id_source AS id, max(l.i_id_event)::bigint AS last, max(l.t_binlog_name) AS file, max(l.i_binlog_position)::bigint AS position
FROM sch_chameleon.t_log_replica l
JOIN sch_chameleon.t_replica_batch b ON b.i_id_batch = l.i_id_batch
WHERE l.i_id_event > $1 AND NOT b.b_processed
GROUP BY b.i_id_source
