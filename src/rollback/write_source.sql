UPDATE _sch_chameleon_version1.t_sources
SET enm_status = 'stopped', ts_last_received = $2, ts_last_replay = coalesce($3, ts_last_replay)
WHERE i_id_source = $1
