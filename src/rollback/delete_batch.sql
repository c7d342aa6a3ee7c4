-- A source has no two batches of one coordinate.
DELETE FROM _sch_chameleon_version1.t_replica_batch
WHERE i_id_source = $1 AND t_binlog_name = $2 AND i_binlog_position = $3
