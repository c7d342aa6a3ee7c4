-- What a schema holds: how many relations, how large they are with their indexes, whose it is, and whether what is
-- read of a catalogue can be read of it.
SELECT pg_get_userbyid(n.nspowner)::text AS owner,
       pg_has_role(n.nspowner, 'USAGE') AS owns,
       (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')) AS tables,
       (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
        FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'm')) AS bytes,
       (SELECT count(*) = 4
        FROM (VALUES ('v_version', 't_version', NULL), ('t_sources', 't_source', NULL),
                     ('t_replica_tables', 'v_table_name', NULL),
                     ('t_replica_batch', 'ts_created', 'timestamp without time zone')) e (relation, name, type)
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = e.relation AND has_table_privilege(c.oid, 'SELECT')
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = e.name AND NOT a.attisdropped
                               AND format_type(a.atttypid, NULL) = coalesce(e.type, format_type(a.atttypid, NULL))) AS is_catalogue
FROM pg_namespace n
WHERE n.nspname = $1
