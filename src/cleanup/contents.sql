-- What a schema holds: how many relations, how large they are with their indexes, whose it is, and whether the tables of a
-- catalogue are among them.
SELECT pg_get_userbyid(n.nspowner)::text AS owner,
       pg_has_role(n.nspowner, 'USAGE') AS owns,
       (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')) AS tables,
       (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
        FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'm')) AS bytes,
       ARRAY(SELECT c.relname::text FROM pg_class c
             WHERE c.relnamespace = n.oid AND c.relname IN ('v_version', 't_sources', 't_replica_tables', 't_replica_batch')) AS of_a_catalogue
FROM pg_namespace n
WHERE n.nspname = $1
