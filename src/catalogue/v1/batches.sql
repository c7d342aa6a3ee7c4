-- What the rule of batches (src/batches.rs) needs of each source: its newest batch, and the newest $1 of those that are
-- neither replayed nor listed and have rows, each with what lies between it and the next of these. However many batches
-- were kept, they never leave the server, and most are not even looked at.
WITH RECURSIVE with_rows AS (
    -- By the indexes of the log tables, from one batch that has rows to the next: rows and empty batches cost nothing.
    SELECT min(i_id_batch) AS id FROM sch_chameleon.t_log_replica
    UNION ALL
    SELECT (SELECT min(l.i_id_batch) FROM sch_chameleon.t_log_replica l WHERE l.i_id_batch > w.id)
    FROM with_rows w
    WHERE w.id IS NOT NULL
), newest AS (
    -- Most are among the newest of all; of a source that has been quiet for long, its own are few.
    SELECT s.i_id_source, coalesce(
        (SELECT max(b.i_id_batch) FROM sch_chameleon.t_replica_batch b
         WHERE b.i_id_source = s.i_id_source
           AND b.i_id_batch > (SELECT max(i_id_batch) FROM sch_chameleon.t_replica_batch) - 10000),
        (SELECT max(b.i_id_batch)
         FROM (SELECT i_id_batch FROM sch_chameleon.t_replica_batch WHERE i_id_source = s.i_id_source OFFSET 0) b)
    ) AS i_id_batch
    FROM sch_chameleon.t_sources s
), open AS (
    SELECT b.i_id_source, b.i_id_batch,
           row_number() OVER (PARTITION BY b.i_id_source ORDER BY b.i_id_batch DESC) AS place,
           count(*) OVER (PARTITION BY b.i_id_source) AS of
    FROM with_rows w
    JOIN sch_chameleon.t_replica_batch b ON b.i_id_batch = w.id
    JOIN newest n ON n.i_id_source = b.i_id_source AND n.i_id_batch <> b.i_id_batch
    WHERE NOT b.b_replayed AND NOT EXISTS (SELECT FROM sch_chameleon.t_batch_events e WHERE e.i_id_batch = b.i_id_batch)
), kept AS MATERIALIZED (
    SELECT k.*, lead(k.i_id_batch) OVER (PARTITION BY k.i_id_source ORDER BY k.i_id_batch) AS until,
           k.i_id_batch IN (SELECT id FROM with_rows WHERE id IS NOT NULL) AS has_rows
    FROM (SELECT i_id_source, i_id_batch, true AS is_newest, 0 AS open FROM newest WHERE i_id_batch IS NOT NULL
          UNION ALL
          SELECT i_id_source, i_id_batch, false, of FROM open WHERE place <= $1) k
), followed AS MATERIALIZED (
    SELECT k.*,
           EXISTS (SELECT FROM sch_chameleon.t_replica_batch a
                   WHERE NOT k.is_newest AND a.i_id_source = k.i_id_source AND a.i_id_batch > k.i_id_batch
                     AND (a.b_replayed OR EXISTS (SELECT FROM sch_chameleon.t_batch_events e
                                                  WHERE e.i_id_batch = a.i_id_batch))) AS by_applied
    FROM kept k
)
SELECT k.i_id_source, k.is_newest, k.open, k.by_applied,
       b.i_id_batch, b.t_binlog_name, b.i_binlog_position::bigint AS i_binlog_position, b.b_processed,
       b.b_replayed OR EXISTS (SELECT FROM sch_chameleon.t_batch_events e WHERE e.i_id_batch = b.i_id_batch) AS applied,
       k.has_rows, r.t_binlog_name AS row_file, r.i_binlog_position::bigint AS row_position,
       EXISTS (SELECT FROM sch_chameleon.t_discarded_rows d WHERE d.i_id_batch = b.i_id_batch) AS discarded,
       n.i_id_batch IS NOT NULL AS has_next, n.t_binlog_name AS next_file, n.i_binlog_position::bigint AS next_position,
       NOT k.is_newest AND NOT k.by_applied
           AND EXISTS (SELECT FROM sch_chameleon.t_replica_batch o
                       WHERE o.i_id_source = k.i_id_source AND o.i_id_batch > k.i_id_batch AND o.ts_created < b.ts_created)
           AS clock_put_back,
       n.i_id_batch - b.i_id_batch - 1 - (SELECT count(*) FROM sch_chameleon.t_replica_batch o
                                          WHERE o.i_id_batch > b.i_id_batch AND o.i_id_batch < n.i_id_batch) AS gone_before,
       CASE WHEN k.until > n.i_id_batch
            THEN k.until - n.i_id_batch - 1 - (SELECT count(*) FROM sch_chameleon.t_replica_batch o
                                               WHERE o.i_id_batch > n.i_id_batch AND o.i_id_batch < k.until)
            ELSE 0 END AS gone_after,
       u.t_binlog_name AS until_file, u.i_binlog_position::bigint AS until_position,
       p.t_binlog_name AS before_file, p.i_binlog_position::bigint AS before_position
FROM followed k
JOIN sch_chameleon.t_replica_batch b ON b.i_id_batch = k.i_id_batch
-- OFFSET 0 keeps PostgreSQL from walking through the rows of all other batches by i_id_event.
LEFT JOIN LATERAL (SELECT * FROM (SELECT i_id_event, t_binlog_name, i_binlog_position
                                  FROM sch_chameleon.t_log_replica l
                                  WHERE k.has_rows AND l.i_id_batch = k.i_id_batch OFFSET 0) l
                   ORDER BY l.i_id_event DESC
                   LIMIT 1) r ON true
LEFT JOIN LATERAL (SELECT o.i_id_batch, o.t_binlog_name, o.i_binlog_position
                   FROM sch_chameleon.t_replica_batch o
                   WHERE NOT k.is_newest AND NOT k.by_applied
                     AND o.i_id_source = k.i_id_source AND o.i_id_batch > k.i_id_batch
                   ORDER BY o.i_id_batch
                   LIMIT 1) n ON true
LEFT JOIN sch_chameleon.t_replica_batch u ON u.i_id_batch = k.until
LEFT JOIN LATERAL (SELECT o.t_binlog_name, o.i_binlog_position
                   FROM sch_chameleon.t_replica_batch o
                   WHERE k.is_newest AND o.i_id_source = k.i_id_source
                     AND o.i_id_batch > k.i_id_batch - 10000 AND o.i_id_batch < k.i_id_batch
                   ORDER BY substring(o.t_binlog_name FROM '[0-9]+$')::numeric DESC NULLS LAST, o.i_binlog_position DESC
                   LIMIT 1) p ON true
ORDER BY k.i_id_source, k.i_id_batch DESC
