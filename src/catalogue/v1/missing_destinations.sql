-- The destination schemas that are not there. A name of 64 bytes is cut to 63 by PostgreSQL.
SELECT t_dest_schema
FROM sch_chameleon.t_sources
WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = t_dest_schema::name)
ORDER BY i_id_source
