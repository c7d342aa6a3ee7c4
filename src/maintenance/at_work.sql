-- The sources whose status says that a pg_chameleon is at work on them.
SELECT t_source FROM sch_chameleon.t_sources
WHERE enm_status IN ('initialising', 'syncing', 'running')
ORDER BY i_id_source
