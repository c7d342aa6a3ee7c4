-- Rows and the tables they name matter only for what has not been replayed.
SELECT b.i_id_batch, b.i_id_source, b.t_binlog_name, b.i_binlog_position::bigint AS i_binlog_position,
       b.b_started, b.b_processed, b.b_replayed, b.ts_created,
       e.i_id_batch IS NOT NULL AS listed,
       CASE WHEN b.b_replayed THEN 0 ELSE coalesce(cardinality(e.i_id_event), 0) END::bigint AS waiting,
       NOT b.b_replayed
           AND EXISTS (SELECT FROM sch_chameleon.t_log_replica l WHERE l.i_id_batch = b.i_id_batch) AS has_rows,
       CASE WHEN b.b_replayed OR e.i_id_batch IS NOT NULL THEN ARRAY[]::text[]
            ELSE ARRAY(SELECT DISTINCT format('%s.%s', l.v_schema_name, l.v_table_name)
                       FROM sch_chameleon.t_log_replica l
                       WHERE l.i_id_batch = b.i_id_batch
                       ORDER BY 1)
       END AS tables_named
FROM sch_chameleon.t_replica_batch b
LEFT JOIN sch_chameleon.t_batch_events e ON e.i_id_batch = b.i_id_batch
