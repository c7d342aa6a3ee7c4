-- Of each source whose newest batch is one of $1: where the batch before it stands, when that was never processed; and the
-- last place before the newest, within its file, at which any batch stands that is still kept.
SELECT n.i_id_source,
       p.t_binlog_name AS unprocessed_file, p.i_binlog_position::bigint AS unprocessed_position,
       CASE WHEN k.position IS NOT NULL THEN n.t_binlog_name END AS before_file, k.position AS before_position
FROM sch_chameleon.t_replica_batch n
LEFT JOIN LATERAL (SELECT o.t_binlog_name, o.i_binlog_position, o.b_processed
                   FROM sch_chameleon.t_replica_batch o
                   WHERE o.i_id_source = n.i_id_source
                     AND o.i_id_batch > n.i_id_batch - 10000 AND o.i_id_batch < n.i_id_batch
                   ORDER BY o.i_id_batch DESC
                   LIMIT 1) p ON NOT p.b_processed
LEFT JOIN LATERAL (SELECT max(o.i_binlog_position)::bigint AS position
                   FROM sch_chameleon.t_replica_batch o
                   WHERE o.i_id_source = n.i_id_source AND o.t_binlog_name = n.t_binlog_name
                     AND o.i_binlog_position < n.i_binlog_position) k ON true
WHERE n.i_id_batch = ANY ($1)
