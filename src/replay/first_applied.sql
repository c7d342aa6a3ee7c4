-- Of the batch that the next call of fn_process_batch works on: how many events it lists, and the first among the
-- first $2 of them that will be applied, because its table is replicated (by any source, as the function has it).
SELECT b.i_id_batch, cardinality(b.i_id_event)::bigint AS listed, f.*
FROM (SELECT b.i_id_batch, e.i_id_event
      FROM sch_chameleon.t_replica_batch b
      JOIN sch_chameleon.t_batch_events e ON e.i_id_batch = b.i_id_batch
      WHERE b.i_id_source = $1 AND b.b_started AND b.b_processed AND NOT b.b_replayed
      ORDER BY b.ts_created
      LIMIT 1) b
LEFT JOIN LATERAL (
    SELECT h.place, l.i_id_event, l.enm_binlog_event::text AS kind,
           l.v_schema_name || '.' || l.v_table_name AS table_name,
           coalesce(l.t_binlog_name || ':' || l.i_binlog_position, 'no coordinate') AS coordinate
    FROM unnest(b.i_id_event[1:$2]) WITH ORDINALITY AS h (i_id_event, place)
    JOIN sch_chameleon.t_log_replica l ON l.i_id_event = h.i_id_event AND l.i_id_batch = b.i_id_batch
    WHERE EXISTS (SELECT FROM sch_chameleon.t_replica_tables t
                  WHERE t.v_schema_name = l.v_schema_name AND t.v_table_name = l.v_table_name)
    ORDER BY h.place
    LIMIT 1
) f ON true
