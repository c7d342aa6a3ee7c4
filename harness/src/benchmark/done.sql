-- What an upgrade has left.
SELECT (SELECT t_version::text FROM sch_chameleon.v_version),
       (SELECT count(*) FROM sch_chameleon.t_replica_tables),
       (SELECT count(*) FROM _sch_chameleon_version1.t_log_replica)
