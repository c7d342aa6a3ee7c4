-- The tables whose first row a live batch holds ($1: the batches): each is complete up to just before the end of that row,
-- so its point plus one is that end, where that is further than what was written.
UPDATE sch_chameleon.t_replica_tables n
SET t_binlog_name = r.t_binlog_name, i_binlog_position = r.i_binlog_position
FROM (SELECT t.i_id_table, l.t_binlog_name, l.i_binlog_position::bigint AS i_binlog_position
      FROM (SELECT b.i_id_source, min(l.i_id_event) AS i_id_event
            FROM _sch_chameleon_version1.t_log_replica l
            JOIN _sch_chameleon_version1.t_replica_batch b ON b.i_id_batch = l.i_id_batch
            WHERE l.i_id_batch = ANY ($1)
            GROUP BY b.i_id_source, l.v_schema_name, l.v_table_name) f
      JOIN _sch_chameleon_version1.t_log_replica l ON l.i_id_event = f.i_id_event AND l.i_id_batch = ANY ($1)
      JOIN _sch_chameleon_version1.t_replica_tables t
          ON t.i_id_source = f.i_id_source AND t.v_schema_name = l.v_schema_name AND t.v_table_name = l.v_table_name
      WHERE l.t_binlog_name ~ '^.+\.[0-9]{1,18}$' AND l.i_binlog_position > 0) r
WHERE n.i_id_table = r.i_id_table
  AND (substring(r.t_binlog_name FROM '[0-9]+$')::numeric, r.i_binlog_position)
    > (substring(n.t_binlog_name FROM '[0-9]+$')::numeric, n.i_binlog_position)
