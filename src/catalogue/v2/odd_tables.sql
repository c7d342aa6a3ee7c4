-- The tables of a source that have a coordinate of their own or are disabled, the first $2 of them, with how many there are.
SELECT t.v_schema_name::text || '.' || t.v_table_name::text AS title, t.b_replica_enabled AS enabled,
       t.t_binlog_name::text AS file, t.i_binlog_position::bigint AS position, count(*) OVER () AS number
FROM sch_chameleon.t_replica_tables t
WHERE t.i_id_source = $1 AND (t.t_binlog_name IS NOT NULL OR NOT t.b_replica_enabled)
ORDER BY 1
LIMIT $2
