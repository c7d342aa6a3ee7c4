-- Batches, of those that wait and the open ones $1, whose rows were stored twice: 1.8.2 was killed between two chunks, and
-- has read the batch again from its beginning. Its coordinates then fall back to that of the first row, or, where a table
-- had one of its own that was cleared the first time, before it; where all rows were of one statement, and so of one
-- coordinate, the first row comes again. The oldest $2 of those of each source that wait.
WITH twice AS (
    SELECT f.i_id_batch, f.waits
    FROM (SELECT e.i_id_batch, e.waits, r.*
          FROM (SELECT i_id_batch, i_id_event[1] AS first, true AS waits FROM sch_chameleon.t_batch_events
                UNION ALL
                SELECT o.i_id_batch,
                       (SELECT min(l.i_id_event)
                        FROM (SELECT i_id_event FROM sch_chameleon.t_log_replica
                              WHERE i_id_batch = o.i_id_batch OFFSET 0) l),
                       false
                FROM unnest($1) AS o (i_id_batch)) e
          CROSS JOIN LATERAL (
              SELECT l.i_id_event, l.t_binlog_name, l.i_binlog_position, l.v_schema_name, l.v_table_name,
                     l.enm_binlog_event, l.jsb_event_data, l.jsb_event_update, l.t_query
              FROM sch_chameleon.t_log_replica l
              -- The list begins with the first one; some may have gone from the log table since.
              WHERE l.i_id_batch = e.i_id_batch AND l.i_id_event >= e.first
              ORDER BY l.i_id_event
              LIMIT 1) r
          OFFSET 0) f
    JOIN sch_chameleon.t_log_replica l
        ON l.i_id_batch = f.i_id_batch AND l.i_binlog_position <= f.i_binlog_position
       AND l.t_binlog_name = f.t_binlog_name AND l.i_id_event > f.i_id_event
    GROUP BY f.i_id_batch, f.waits, f.i_id_event, f.i_binlog_position
    HAVING bool_or(l.i_binlog_position < f.i_binlog_position)
        OR bool_or((l.v_schema_name, l.v_table_name, l.enm_binlog_event) = (f.v_schema_name, f.v_table_name, f.enm_binlog_event)
                   AND l.jsb_event_data IS NOT DISTINCT FROM f.jsb_event_data
                   AND l.jsb_event_update IS NOT DISTINCT FROM f.jsb_event_update
                   AND l.t_query IS NOT DISTINCT FROM f.t_query)
        OR EXISTS (SELECT FROM sch_chameleon.t_log_replica o
                   WHERE o.i_id_batch = f.i_id_batch AND o.i_id_event > f.i_id_event
                     AND o.i_id_event < max(l.i_id_event) AND o.i_binlog_position <> f.i_binlog_position)
)
SELECT t.i_id_source, t.i_id_batch
FROM (SELECT b.i_id_source, b.i_id_batch, t.waits,
             row_number() OVER (PARTITION BY b.i_id_source, t.waits ORDER BY b.i_id_batch) AS place
      FROM twice t
      JOIN sch_chameleon.t_replica_batch b ON b.i_id_batch = t.i_id_batch
      WHERE NOT b.b_replayed) t
WHERE t.place <= $2 OR NOT t.waits
ORDER BY t.i_id_source, t.i_id_batch
