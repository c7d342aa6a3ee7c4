-- The roles that own what is in the catalogue, or have been granted something of it: who restores it needs them. The role
-- that initdb has made owns without a note of it.
WITH objects AS (
    SELECT 'pg_namespace'::regclass AS class, oid, nspowner AS owner FROM pg_namespace WHERE nspname = $1
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, c.relowner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, p.proowner
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, t.typowner
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = $1
)
SELECT pg_get_userbyid(owner)::text FROM objects
UNION
SELECT pg_get_userbyid(d.refobjid)::text
FROM objects o
JOIN pg_shdepend d ON d.classid = o.class AND d.objid = o.oid AND d.deptype = 'a'
     AND d.refclassid = 'pg_authid'::regclass
     AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1
