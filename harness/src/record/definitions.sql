-- Everything that is defined in the schemas $1, one line for each thing: where it stands (a unique key), its
-- definition as the server writes it out, and, for routines, the body as it was given. The search path is
-- empty, so every name outside pg_catalog is written with its schema. Options whose names begin with pg_ are the
-- server's own notes (since November 2026 minor versions keep a pg_attver there), not anybody's setting.

WITH schema AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname = ANY ($1)
),
relation AS (
    SELECT c.*, c.oid::regclass::text AS name,
           CASE c.relkind
               WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
               WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'
               WHEN 'c' THEN 'composite type' ELSE 'relation ' || c.relkind::text
           END AS kind
    FROM pg_class c JOIN schema ON schema.oid = c.relnamespace
    WHERE c.relkind NOT IN ('i', 'I', 't')
),
-- A constraint's type and the type of a table's row have no life of their own.
own_type AS (
    SELECT t.* FROM pg_type t JOIN schema ON schema.oid = t.typnamespace
    WHERE t.typrelid = 0 AND t.typelem = 0
),
described AS (
    SELECT classoid, objoid, objsubid, description FROM pg_description
)

SELECT format('schema %I', nspname) AS key,
       format('owner %s, privileges %s, comment %L', nspowner::regrole, nspacl, d.description) AS definition,
       NULL::text AS body
FROM schema s LEFT JOIN described d ON d.classoid = 'pg_namespace'::regclass AND d.objoid = s.oid

UNION ALL
SELECT format('default privileges %s in %I for %s', d.defaclobjtype, s.nspname, d.defaclrole::regrole),
       d.defaclacl::text, NULL
FROM pg_default_acl d JOIN schema s ON s.oid = d.defaclnamespace

UNION ALL
SELECT format('%s %s', r.kind, r.name),
       format('owner %s, privileges %s, persistence %s, options %s, replica identity %s, row security %s %s, inherits %s, populated %s, comment %L',
              r.relowner::regrole, r.relacl, r.relpersistence,
              (SELECT array_agg(o) FROM unnest(r.reloptions) o WHERE o NOT LIKE 'pg\_%'), r.relreplident,
              r.relrowsecurity, r.relforcerowsecurity,
              (SELECT array_agg(i.inhparent::regclass ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = r.oid), r.relispopulated,
              d.description),
       NULL
FROM relation r
LEFT JOIN described d ON d.classoid = 'pg_class'::regclass AND d.objoid = r.oid AND d.objsubid = 0

UNION ALL
SELECT format('view definition %s', r.name), pg_get_viewdef(r.oid), NULL
FROM relation r WHERE r.relkind IN ('v', 'm')

UNION ALL
SELECT format('column %s %s %I', r.name, lpad(row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum)::text, 4, '0'), a.attname),
       format('%s, collation %s, not null %s, default %s, identity %L, generated %L, storage %s, statistics %s, inherited %s, options %s, privileges %s, comment %L',
              format_type(a.atttypid, a.atttypmod), nullif(a.attcollation, 0)::regcollation, a.attnotnull,
              pg_get_expr(v.adbin, v.adrelid), a.attidentity, to_jsonb(a) ->> 'attgenerated', a.attstorage, a.attstattarget, a.attinhcount,
              (SELECT array_agg(o) FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg\_%'), a.attacl, d.description),
       NULL
FROM relation r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef v ON v.adrelid = r.oid AND v.adnum = a.attnum
LEFT JOIN described d ON d.classoid = 'pg_class'::regclass AND d.objoid = r.oid AND d.objsubid = a.attnum
WHERE r.relkind <> 'S'

UNION ALL
SELECT format('sequence of %s', r.name),
       format('%s from %s by %s, between %s and %s, cache %s, cycle %s, owned by %s',
              s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
              (SELECT format('%s.%I', p.refobjid::regclass, a.attname)
               FROM pg_depend p JOIN pg_attribute a ON a.attrelid = p.refobjid AND a.attnum = p.refobjsubid
               WHERE p.classid = 'pg_class'::regclass AND p.objid = r.oid AND p.deptype IN ('a', 'i'))),
       NULL
FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid

UNION ALL
SELECT format('constraint %I of %s', c.conname, CASE WHEN c.conrelid <> 0 THEN c.conrelid::regclass::text ELSE c.contypid::regtype::text END),
       format('%s, local %s, inherited %s, comment %L', pg_get_constraintdef(c.oid), c.conislocal, c.coninhcount, d.description),
       NULL
FROM pg_constraint c JOIN schema ON schema.oid = c.connamespace
LEFT JOIN described d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = c.oid

UNION ALL
SELECT format('index %s', i.indexrelid::regclass),
       format('%s, valid %s, clustered %s, replica identity %s, owner %s, comment %L', pg_get_indexdef(i.indexrelid),
              i.indisvalid, i.indisclustered, i.indisreplident, c.relowner::regrole, d.description),
       NULL
FROM pg_index i JOIN relation r ON r.oid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid
LEFT JOIN described d ON d.classoid = 'pg_class'::regclass AND d.objoid = i.indexrelid

UNION ALL
SELECT format('trigger %I on %s', t.tgname, r.name),
       format('%s, enabled %s, comment %L', pg_get_triggerdef(t.oid), t.tgenabled, d.description), NULL
FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid
LEFT JOIN described d ON d.classoid = 'pg_trigger'::regclass AND d.objoid = t.oid
WHERE NOT t.tgisinternal

UNION ALL
SELECT format('rule %I on %s', w.rulename, r.name), format('%s, enabled %s', pg_get_ruledef(w.oid), w.ev_enabled), NULL
FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class
WHERE w.rulename <> '_RETURN'

UNION ALL
SELECT format('policy %I on %s', p.polname, r.name),
       format('%s, permissive %s, to %s, using %s, check %s', p.polcmd, p.polpermissive, p.polroles::regrole[],
              pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)),
       NULL
FROM pg_policy p JOIN relation r ON r.oid = p.polrelid

UNION ALL
SELECT format('type %s', t.oid::regtype),
       format('owner %s, privileges %s, kind %s, labels %s, base %s, not null %s, default %s, comment %L',
              t.typowner::regrole, t.typacl, t.typtype,
              (SELECT array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
              CASE WHEN t.typbasetype <> 0 THEN format_type(t.typbasetype, t.typtypmod) END,
              t.typnotnull, t.typdefault, d.description),
       NULL
FROM own_type t
LEFT JOIN described d ON d.classoid = 'pg_type'::regclass AND d.objoid = t.oid

UNION ALL
SELECT format('routine %s', p.oid::regprocedure),
       format('(%s) returns %s, language %s, owner %s, privileges %s, volatile %s, strict %s, security definer %s, leakproof %s, parallel %s, cost %s, rows %s, settings %s, aggregate %s, comment %L',
              pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), l.lanname, p.proowner::regrole, p.proacl,
              p.provolatile, p.proisstrict, p.prosecdef, p.proleakproof, p.proparallel, p.procost, p.prorows, p.proconfig,
              (SELECT format('%s over %s, final %s, combine %s, initially %L, sorted by %s', a.aggtransfn, a.aggtranstype::regtype,
                             a.aggfinalfn, a.aggcombinefn, a.agginitval, a.aggsortop::regoperator)
               FROM pg_aggregate a WHERE a.aggfnoid = p.oid),
              d.description),
       p.prosrc
FROM pg_proc p JOIN schema ON schema.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
LEFT JOIN described d ON d.classoid = 'pg_proc'::regclass AND d.objoid = p.oid
