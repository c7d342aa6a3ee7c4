-- The columns of the ordinary tables of a schema with their types, the schema's own without its name; whether the table
-- inherits from the log table; and the labels of its enums.
SELECT c.relname::text AS name,
       EXISTS (SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
               WHERE h.inhrelid = c.oid AND p.relname = 't_log_replica' AND p.relnamespace = n.oid) AS is_log,
       a.attname::text AS item,
       CASE WHEN t.typnamespace = n.oid THEN t.typname::text ELSE format_type(a.atttypid, a.atttypmod) END AS kind
FROM pg_namespace n
JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r'
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = $1
UNION ALL
SELECT t.typname, NULL, NULL, (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = $1 AND t.typtype = 'e'
