-- The server, the role and what stands under the three schema names.
SELECT current_setting('server_version_num')::int AS version_number,
       current_setting('server_version') AS version,
       current_database()::text AS database,
       current_user::text AS role,
       pg_is_in_recovery() AS in_recovery,
       current_setting('default_transaction_read_only')::boolean AS read_only,
       -- Whoever may not see more of a standby's connection than that it is there, sees no state.
       CASE WHEN current_setting('synchronous_standby_names') <> ''
                 AND current_setting('synchronous_commit') NOT IN ('off', 'local')
                 AND NOT EXISTS (SELECT FROM pg_stat_replication WHERE coalesce(sync_state, 'sync') IN ('sync', 'quorum'))
            THEN current_setting('synchronous_standby_names') END AS awaited_standbys,
       has_database_privilege(current_database(), 'CREATE') AS may_create_schemas,
       (SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = 'sch_chameleon') AS owner,
       (SELECT pg_has_role(nspowner, 'USAGE')
               -- To act as the owner, which PostgreSQL 16 made a privilege of its own.
               AND pg_has_role(nspowner, CASE WHEN current_setting('server_version_num')::int >= 160000
                                              THEN 'SET' ELSE 'MEMBER' END)
        FROM pg_namespace WHERE nspname = 'sch_chameleon') AS owns_schema,
       ARRAY(SELECT c.relname::text
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'sch_chameleon' AND c.relkind IN ('r', 'p', 'v', 'S')
               AND NOT pg_has_role(c.relowner, 'USAGE')
               -- The sequence of a column has the owner of its table.
               AND NOT EXISTS (SELECT FROM pg_depend d
                               WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind = 'S'
                                 AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
             ORDER BY 1) AS not_owned,
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'sch_chameleon' AND c.relname = 'v_version') AS has_version,
       ARRAY(SELECT nspname::text FROM pg_namespace
             WHERE nspname IN ('_sch_chameleon_version1', '_sch_chameleon_version2')
             ORDER BY 1) AS leftovers
