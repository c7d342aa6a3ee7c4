-- What add_source leaves in the catalogue.
SELECT 't_sources ' || src::text FROM sch_chameleon.t_sources src
UNION ALL
SELECT 't_last_received ' || rcv::text FROM sch_chameleon.t_last_received rcv
UNION ALL
SELECT 't_last_replayed ' || rpl::text FROM sch_chameleon.t_last_replayed rpl
UNION ALL
SELECT 'v_version ' || ver::text FROM sch_chameleon.v_version ver
