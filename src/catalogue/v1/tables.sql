-- One pass over the tables, a row for each source and file of own coordinates (NULL: none).
SELECT i_id_source, t_binlog_name,
       count(*) AS tables,
       max(i_binlog_position)::bigint AS largest_position,
       min(i_binlog_position)::bigint AS smallest_position,
       count(*) FILTER (WHERE (t_binlog_name IS NULL) <> (i_binlog_position IS NULL)) AS halves
FROM sch_chameleon.t_replica_tables
GROUP BY i_id_source, t_binlog_name
