-- No batch of the source is read or replayed again, an orphan neither: 1.8.2 reads on from the latest of those that are not
-- processed. It deletes them by ts_replayed, after batch_retention.
UPDATE _sch_chameleon_version1.t_replica_batch
SET b_started = true, b_processed = true, b_replayed = true, ts_replayed = coalesce(ts_replayed, clock_timestamp()::timestamp)
WHERE i_id_source = $1 AND NOT (b_started AND b_processed AND b_replayed)
