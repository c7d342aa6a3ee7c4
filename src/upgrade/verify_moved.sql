-- The tables whose point a live batch's first row moves past their source's start and their own coordinate, and how many
-- of them stand there; worked out in another way than when it was written. $1: old ids; for each, $3 and $4: its start.
-- $5: the batches.
WITH first AS (
    SELECT DISTINCT ON (b.i_id_source, l.v_schema_name, l.v_table_name)
           b.i_id_source, l.v_schema_name, l.v_table_name, l.t_binlog_name, l.i_binlog_position::bigint AS i_binlog_position
    FROM _sch_chameleon_version1.t_log_replica l
    JOIN _sch_chameleon_version1.t_replica_batch b ON b.i_id_batch = l.i_id_batch
    WHERE l.i_id_batch = ANY ($5)
    ORDER BY b.i_id_source, l.v_schema_name, l.v_table_name, l.i_id_event
), due AS (
    SELECT t.i_id_table, f.t_binlog_name, f.i_binlog_position
    FROM first f
    JOIN _sch_chameleon_version1.t_replica_tables t
        ON t.i_id_source = f.i_id_source AND t.v_schema_name = f.v_schema_name AND t.v_table_name = f.v_table_name
    JOIN unnest($1::bigint[], $3::text[], $4::bigint[]) AS s (old_id, start_file, start_position)
        ON s.old_id = t.i_id_source
    WHERE f.t_binlog_name ~ '^.+\.[0-9]{1,18}$' AND f.i_binlog_position > 0
      AND ARRAY[split_part(f.t_binlog_name, '.', 2)::numeric, f.i_binlog_position - 1]
        > greatest(ARRAY[split_part(s.start_file, '.', 2)::numeric, s.start_position],
                   CASE WHEN t.t_binlog_name IS NOT NULL
                        THEN ARRAY[split_part(t.t_binlog_name, '.', 2)::numeric, t.i_binlog_position] END)
)
SELECT count(*) AS due,
       count(*) FILTER (WHERE (n.t_binlog_name, n.i_binlog_position) = (d.t_binlog_name, d.i_binlog_position)) AS moved
FROM due d
LEFT JOIN sch_chameleon.t_replica_tables n ON n.i_id_table = d.i_id_table
