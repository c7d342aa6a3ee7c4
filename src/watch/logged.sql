-- What has been logged of errors behind $1, and of discarded rows behind $2: how many, up to which, and the last of them. Rows that
-- could not be stored are of a batch, and so of a source, as long as the batch is kept.
SELECT 'error' AS kind, e.i_id_source AS id, count(*) AS number, max(e.i_id_log) AS last,
       (array_agg(e.v_schema_name::text || '.' || e.v_table_name::text || ': ' || coalesce(e.t_error_message, '')
                  ORDER BY e.i_id_log DESC))[1] AS message
FROM sch_chameleon.t_error_log e
WHERE e.i_id_log > $1
GROUP BY e.i_id_source
UNION ALL
SELECT 'discarded', b.i_id_source, count(*), max(d.i_id_row),
       (array_agg(d.v_schema_name::text || '.' || d.v_table_name::text ORDER BY d.i_id_row DESC))[1]
FROM sch_chameleon.t_discarded_rows d
LEFT JOIN sch_chameleon.t_replica_batch b ON b.i_id_batch = d.i_id_batch
WHERE d.i_id_row > $2
GROUP BY b.i_id_source
