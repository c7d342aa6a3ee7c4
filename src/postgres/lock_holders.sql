-- The sessions that hold a lock on a table of the schema $1 that keeps a writer's lock away, or any lock on the table $2
-- (schema.table).
SELECT DISTINCT format('server process %s', a.pid)
       || coalesce(format(' (%s)', nullif(concat_ws(', ', nullif(a.application_name, ''), a.state), '')), '') AS session
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (n.nspname = $1 AND l.mode <> 'AccessShareLock' OR n.nspname || '.' || c.relname = $2)
ORDER BY 1
