-- How far a source has come: where its newest batch begins, which is yet to be read, and whether rows wait to be applied: those
-- of a batch that is listed, however old it is, or those of its last two, which may be about to be listed. (Rows of older ones
-- that are not listed are those of orphans: nobody will apply them. A batch whose rows are all applied stays listed until the
-- replica looks for more of it.)
SELECT b.t_binlog_name::text AS file, b.i_binlog_position::bigint AS position,
       EXISTS (SELECT FROM sch_chameleon.t_log_replica l
               WHERE l.i_id_batch IN (SELECT i_id_batch FROM sch_chameleon.t_replica_batch
                                      WHERE i_id_source = $1 ORDER BY i_id_batch DESC LIMIT 2))
       OR EXISTS (SELECT FROM sch_chameleon.t_replica_batch w
                  JOIN sch_chameleon.t_batch_events USING (i_id_batch)
                  WHERE w.i_id_source = $1 AND w.b_started AND w.b_processed AND NOT w.b_replayed
                    AND EXISTS (SELECT FROM sch_chameleon.t_log_replica l WHERE l.i_id_batch = w.i_id_batch)) AS waiting
FROM sch_chameleon.t_replica_batch b
WHERE b.i_id_source = $1 AND NOT b.b_processed
ORDER BY b.i_id_batch DESC
LIMIT 1
