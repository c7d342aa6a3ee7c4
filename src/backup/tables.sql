-- The tables of the catalogue, their names as the bytes that a dump has.
SELECT c.relname::text AS name, convert_to(c.relname::text, current_setting('server_encoding')) AS bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind = 'r'
ORDER BY c.relname
