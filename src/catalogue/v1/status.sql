-- Lags as 1.8.2 shows them: of reading, behind now; of replaying, behind the reading.
SELECT i_id_source, t_source, t_source_schema, t_dest_schema, enm_status::text AS enm_status,
       ts_last_received, ts_last_replay,
       date_trunc('second', localtimestamp - ts_last_received)::text AS read_lag,
       date_trunc('second', ts_last_received - ts_last_replay)::text AS replay_lag,
       (SELECT count(*) FROM sch_chameleon.t_replica_tables t WHERE t.i_id_source = s.i_id_source) AS tables
FROM sch_chameleon.t_sources s
ORDER BY i_id_source
