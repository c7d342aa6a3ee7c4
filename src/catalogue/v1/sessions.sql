-- Sessions of pg_chameleon on this database, and how many more can't be looked into.
SELECT pid, usename::text AS role, application_name, client_addr::text AS client,
       application_name IS NULL AS hidden
FROM pg_stat_activity
WHERE datname = current_database()
  AND pid <> pg_backend_pid()
  AND (left(application_name, 6) = '[PGCH]' OR (application_name IS NULL AND usename IS NOT NULL))
ORDER BY pid
