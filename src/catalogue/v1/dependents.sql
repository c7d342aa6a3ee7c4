-- Objects in other schemas that refer to an object of the schema $1: they follow it when it is renamed.
WITH catalogue AS (
    SELECT oid AS namespace FROM pg_namespace WHERE nspname = $1
), member AS (
    SELECT 'pg_class'::regclass AS class, c.oid FROM pg_class c JOIN catalogue ON relnamespace = namespace
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid FROM pg_type t JOIN catalogue ON typnamespace = namespace
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p JOIN catalogue ON pronamespace = namespace
    UNION ALL
    SELECT 'pg_namespace'::regclass, namespace FROM catalogue
), dependent AS (
    SELECT DISTINCT d.classid, d.objid, d.refclassid, d.refobjid
    FROM pg_depend d
    JOIN member m ON m.class = d.refclassid AND m.oid = d.refobjid
    WHERE d.deptype IN ('n', 'a')
      -- What depends on the schema alone is in it, but for these two.
      AND (d.refclassid <> 'pg_namespace'::regclass
           OR d.classid IN ('pg_default_acl'::regclass, to_regclass('pg_catalog.pg_publication_namespace')))
      -- A foreign key depends on the table and on its index.
      AND NOT (d.refclassid = 'pg_class'::regclass
               AND EXISTS (SELECT FROM pg_class i WHERE i.oid = d.refobjid AND i.relkind IN ('i', 'I')))
), placed AS (
    SELECT d.*,
           CASE d.classid
               WHEN 'pg_class'::regclass THEN d.objid
               WHEN 'pg_rewrite'::regclass THEN (SELECT ev_class FROM pg_rewrite r WHERE r.oid = d.objid)
               WHEN 'pg_constraint'::regclass THEN (SELECT conrelid FROM pg_constraint c WHERE c.oid = d.objid)
               WHEN 'pg_attrdef'::regclass THEN (SELECT adrelid FROM pg_attrdef a WHERE a.oid = d.objid)
               WHEN 'pg_trigger'::regclass THEN (SELECT tgrelid FROM pg_trigger t WHERE t.oid = d.objid)
               WHEN 'pg_policy'::regclass THEN (SELECT polrelid FROM pg_policy p WHERE p.oid = d.objid)
           END AS relation
    FROM dependent d
)
SELECT CASE WHEN p.classid IN ('pg_rewrite'::regclass, 'pg_attrdef'::regclass)
            THEN pg_describe_object('pg_class'::regclass, p.relation, 0)
            ELSE pg_describe_object(p.classid, p.objid, 0) END AS dependent,
       string_agg(DISTINCT pg_describe_object(p.refclassid, p.refobjid, 0), ', ') AS depends_on
FROM placed p
CROSS JOIN catalogue
WHERE coalesce((SELECT relnamespace FROM pg_class c WHERE c.oid = p.relation),
               (SELECT pronamespace FROM pg_proc f WHERE p.classid = 'pg_proc'::regclass AND f.oid = p.objid),
               (SELECT typnamespace FROM pg_type t WHERE p.classid = 'pg_type'::regclass AND t.oid = p.objid),
               0) <> catalogue.namespace
GROUP BY 1
ORDER BY 1
