-- The rows of batches that were closed: 2.0 has applied them, or they were lost long ago.
WITH listed AS (
    DELETE FROM _sch_chameleon_version1.t_batch_events e
    USING _sch_chameleon_version1.t_replica_batch b
    WHERE b.i_id_batch = e.i_id_batch AND b.i_id_source = ANY ($1)
)
DELETE FROM _sch_chameleon_version1.t_log_replica l
USING _sch_chameleon_version1.t_replica_batch b
WHERE b.i_id_batch = l.i_id_batch AND b.i_id_source = ANY ($1)
