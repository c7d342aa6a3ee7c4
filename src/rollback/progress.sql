-- How far the new replica has come since the upgrade. Nowhere, as long as it has applied no event and brought no table
-- anew: that it has read a table's first event, and cleared its coordinate, changes nothing in the destination.
WITH new_table AS (
    SELECT n.i_id_table, n.i_id_source, n.i_binlog_position AS position,
           substring(n.t_binlog_name FROM '[0-9]+$')::numeric AS file
    FROM sch_chameleon.t_replica_tables n
), old_coordinate AS (
    SELECT i_id_source, t_binlog_name, i_binlog_position FROM _sch_chameleon_version1.t_replica_batch
    UNION ALL
    SELECT i_id_source, t_binlog_name, i_binlog_position FROM _sch_chameleon_version1.t_replica_tables
    UNION ALL
    SELECT b.i_id_source, l.t_binlog_name, l.i_binlog_position
    FROM _sch_chameleon_version1.t_log_replica l JOIN _sch_chameleon_version1.t_replica_batch b USING (i_id_batch)
), furthest AS (
    -- Nothing that the upgrade has written lies behind it, but for the one that it adds.
    SELECT s.i_id_source,
           max(ARRAY[substring(o.t_binlog_name FROM '[0-9]+$')::numeric, o.i_binlog_position]) AS coordinate
    FROM sch_chameleon.t_sources s
    JOIN _sch_chameleon_version1.t_sources old
        ON old.t_dest_schema IN (SELECT value FROM jsonb_each_text(s.jsb_schema_mappings))
    JOIN old_coordinate o ON o.i_id_source = old.i_id_source
    WHERE o.t_binlog_name IS NOT NULL AND o.i_binlog_position IS NOT NULL
    GROUP BY s.i_id_source
)
SELECT (SELECT coalesce(sum(coalesce(i_replayed, 0) + coalesce(i_ddl, 0)), 0)::bigint
        FROM sch_chameleon.t_replica_batch) AS applied,
       (SELECT count(*) FROM sch_chameleon.t_error_log) AS failed,
       -- The daemon deletes what it has replayed after batch_retention. The upgrade's batches had the first numbers.
       (SELECT count(*)
        FROM (SELECT min(i_id_batch) AS first FROM sch_chameleon.t_replica_batch GROUP BY i_id_source) b
        WHERE b.first > (SELECT max(i_id_source) FROM sch_chameleon.t_sources)) AS forgotten,
       (SELECT count(*)
        FROM new_table n
        LEFT JOIN furthest f USING (i_id_source)
        WHERE n.i_id_table > (SELECT coalesce(max(i_id_table), 0) FROM _sch_chameleon_version1.t_replica_tables)
           OR n.file IS NOT NULL AND ARRAY[n.file, n.position] > ARRAY[f.coordinate[1], f.coordinate[2] + 1]) AS brought_anew,
       ARRAY(SELECT t_source FROM sch_chameleon.t_sources
             WHERE enm_status IN ('running', 'syncing', 'initialising') ORDER BY 1) AS at_work
