-- The batch that 1.8.2 goes on with, $4. It takes the latest ts_created: later than any other, by the clock that wrote those.
INSERT INTO _sch_chameleon_version1.t_replica_batch (i_id_batch, i_id_source, t_binlog_name, i_binlog_position, ts_created)
SELECT $4, $1, $2, $3, coalesce(max(ts_created) + interval '1 microsecond', clock_timestamp()::timestamp)
FROM _sch_chameleon_version1.t_replica_batch
WHERE i_id_source = $1
