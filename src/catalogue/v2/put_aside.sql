-- Whether the 1.7 catalogue that an upgrade has put aside is there, and can be read.
SELECT coalesce(has_schema_privilege(n.oid, 'USAGE')
                AND has_table_privilege(to_regclass('_sch_chameleon_version1.v_version'), 'SELECT')
                AND has_table_privilege(to_regclass('_sch_chameleon_version1.t_replica_tables'), 'SELECT')
                AND has_table_privilege(to_regclass('sch_chameleon.t_replica_tables'), 'SELECT'), false) AS readable
FROM pg_namespace n
WHERE n.nspname = '_sch_chameleon_version1'
