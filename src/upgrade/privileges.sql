-- The statements that grant again what was granted on the old schema, its tables, views and sequences, and
-- their columns, wherever the new catalogue has one of the same name. The owners need no grants.
WITH schemas AS (
    SELECT old.oid AS old, new.oid AS new, old.nspacl, old.nspowner
    FROM pg_namespace old, pg_namespace new
    WHERE old.nspname = $1 AND new.nspname = 'sch_chameleon'
), relations AS (
    SELECT o.oid, o.relname, o.relacl, o.relowner,
           CASE WHEN n.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, n.oid AS new
    FROM schemas s
    JOIN pg_class o ON o.relnamespace = s.old AND o.relkind IN ('r', 'p', 'v', 'S')
    JOIN pg_class n ON n.relnamespace = s.new AND n.relname = o.relname
                   AND (n.relkind = 'S') = (o.relkind = 'S') AND n.relkind IN ('r', 'p', 'v', 'S')
), granted AS (
    SELECT 'SCHEMA sch_chameleon' AS object, a.privilege_type AS privilege, a.grantee, a.is_grantable, s.nspowner AS owner
    FROM schemas s, aclexplode(s.nspacl) a
    UNION ALL
    SELECT format('%s sch_chameleon.%I', r.kind, r.relname), a.privilege_type, a.grantee, a.is_grantable, r.relowner
    FROM relations r, aclexplode(r.relacl) a
    UNION ALL
    SELECT format('TABLE sch_chameleon.%I', r.relname), format('%s (%I)', a.privilege_type, c.attname),
           a.grantee, a.is_grantable, r.relowner
    FROM relations r
    JOIN pg_attribute c ON c.attrelid = r.oid AND c.attnum > 0 AND NOT c.attisdropped
    JOIN pg_attribute m ON m.attrelid = r.new AND m.attname = c.attname AND NOT m.attisdropped
    CROSS JOIN LATERAL aclexplode(c.attacl) a
)
SELECT format('GRANT %s ON %s TO %s%s', privilege, object,
              CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
              CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
FROM granted
WHERE grantee <> owner
ORDER BY 1
