-- Sessions of pg_chameleon on this database: [PGCH] is 1.8.2, [pg_chameleon] is 2.0. Every role may see the
-- application name of every session; the address of another role's is NULL.
SELECT pid, usename::text AS role, application_name,
       CASE WHEN client_addr IS NOT NULL THEN host(client_addr)
            WHEN client_port = -1 THEN 'this machine' END AS client
FROM pg_stat_activity
WHERE datname = current_database()
  AND pid <> pg_backend_pid()
  AND (left(application_name, 6) = '[PGCH]' OR left(application_name, 14) = '[pg_chameleon]')
ORDER BY pid
