-- How many objects of each kind the catalogue has.
SELECT format('its %s', kind), count(*)
FROM (SELECT CASE c.relkind WHEN 'r' THEN 'tables' WHEN 'v' THEN 'views' WHEN 'S' THEN 'sequences' WHEN 'i' THEN 'indexes'
                            ELSE format('relations of the kind %s', c.relkind) END AS kind
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1
      UNION ALL
      SELECT 'functions' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1
      UNION ALL
      SELECT 'types' FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = $1
      UNION ALL
      SELECT CASE k.contype WHEN 'p' THEN 'primary keys' WHEN 'f' THEN 'foreign keys' ELSE 'unique constraints' END
      FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
      WHERE n.nspname = $1 AND k.contype IN ('p', 'f', 'u')) AS objects
GROUP BY kind
ORDER BY kind
