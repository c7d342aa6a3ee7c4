SELECT i_id_source, t_source, t_source_schema, t_dest_schema, enm_status::text AS enm_status,
       ts_last_received, ts_last_replay
FROM sch_chameleon.t_sources
ORDER BY i_id_source
