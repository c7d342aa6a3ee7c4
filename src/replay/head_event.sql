-- The event that the next call of fn_process_batch begins with.
SELECT b.i_id_batch, l.i_id_event, l.enm_binlog_event::text AS kind,
       l.v_schema_name || '.' || l.v_table_name AS table_name,
       coalesce(l.t_binlog_name || ':' || l.i_binlog_position, 'no coordinate') AS place
FROM (SELECT b.i_id_batch, e.i_id_event[1] AS i_id_event
      FROM sch_chameleon.t_replica_batch b
      JOIN sch_chameleon.t_batch_events e ON e.i_id_batch = b.i_id_batch
      WHERE b.i_id_source = $1 AND b.b_started AND b.b_processed AND NOT b.b_replayed
      ORDER BY b.ts_created
      LIMIT 1) b
JOIN sch_chameleon.t_log_replica l ON l.i_id_event = b.i_id_event AND l.i_id_batch = b.i_id_batch
