-- Sessions of pg_chameleon 2.0 on this database. Its reading process bears a name from its first batch on; the others bear none,
-- and are known by what they have asked last, which a role may see of its own sessions. What the session does, since how many
-- seconds, and for whom it waits.
SELECT a.pid, a.application_name, coalesce(a.query, '') AS query, coalesce(a.state = 'active', false) AS active,
       date_part('epoch', clock_timestamp() - a.state_change)::double precision AS seconds,
       CASE WHEN a.wait_event_type = 'Lock' THEN (
           SELECT string_agg(format('server process %s%s%s', h.pid, ' of the role ' || h.usename::text,
                                    ', ' || nullif(h.application_name, '')), '; ' ORDER BY h.pid)
           FROM pg_stat_activity h
           WHERE h.pid = ANY (pg_blocking_pids(a.pid))) END AS blockers
FROM pg_stat_activity a
WHERE a.datname = current_database()
  AND a.pid <> pg_backend_pid()
  AND (left(a.application_name, 14) = '[pg_chameleon]'
       OR (a.application_name = '' AND strpos(a.query, 'sch_chameleon') > 0))
ORDER BY a.pid
