-- Schemas of other names that hold what a 1.7 catalogue holds.
SELECT n.nspname::text
FROM pg_namespace n
WHERE n.nspname NOT IN ('sch_chameleon', '_sch_chameleon_version1', '_sch_chameleon_version2')
  AND EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 't_replica_batch')
  AND EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 't_index_def')
ORDER BY 1
LIMIT 5
