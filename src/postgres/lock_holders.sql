-- What holds a lock on a table of the schema $1 that keeps a writer's lock away, or any lock on the table $2
-- (schema.table), and how it is ended. The locks of a prepared transaction have no process; one of them is on its own id.
SELECT DISTINCT
       CASE WHEN l.pid IS NULL
            THEN format('the prepared transaction %1$L of the role %2$s (it never ends by itself: COMMIT PREPARED %1$L; or ROLLBACK PREPARED %1$L;)',
                        p.gid, p.owner)
            ELSE format('server process %s (%s)', a.pid,
                        concat_ws(', ', nullif(a.application_name, ''), a.state, format('SELECT pg_terminate_backend(%s); ends it', a.pid)))
       END AS holder
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_locks own
    ON l.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid' AND own.virtualtransaction = l.virtualtransaction
LEFT JOIN pg_prepared_xacts p ON p.transaction = own.transactionid
WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND (a.pid IS NOT NULL OR p.gid IS NOT NULL)
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (n.nspname = $1 AND l.mode <> 'AccessShareLock' OR n.nspname || '.' || c.relname = $2)
ORDER BY 1
