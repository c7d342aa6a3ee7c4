-- The furthest end of the first row that the batches $1 hold of a replicated table, for each source and file. A row whose
-- coordinate can't be read says nothing.
SELECT f.i_id_source, f.t_binlog_name, max(f.i_binlog_position)::bigint AS i_binlog_position
FROM (SELECT DISTINCT ON (b.i_id_source, l.v_schema_name, l.v_table_name)
             b.i_id_source, l.t_binlog_name, l.i_binlog_position
      FROM sch_chameleon.t_log_replica l
      JOIN sch_chameleon.t_replica_batch b ON b.i_id_batch = l.i_id_batch
      JOIN sch_chameleon.t_replica_tables t
          ON t.i_id_source = b.i_id_source AND t.v_schema_name = l.v_schema_name AND t.v_table_name = l.v_table_name
      WHERE l.i_id_batch = ANY ($1)
      ORDER BY b.i_id_source, l.v_schema_name, l.v_table_name, l.i_id_event) f
WHERE f.t_binlog_name ~ '^.+\.[0-9]{1,18}$' AND f.i_binlog_position > 0
GROUP BY f.i_id_source, f.t_binlog_name
