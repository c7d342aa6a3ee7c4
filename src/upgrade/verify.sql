-- The tables of the old catalogue held against those of the new one. The expected coordinate is worked out
-- in another way than when it was written: as the greatest of two number pairs.
-- $1: old ids; for each, $2: the new id, $3 and $4: its start.
-- Most tables have the same key as the first one: it is put together once.
WITH first AS (
    SELECT v_table_pkey AS new_key, ARRAY['"' || array_to_string(v_table_pkey, '","') || '"']::varchar[] AS old_key
    FROM sch_chameleon.t_replica_tables
    LIMIT 1
)
SELECT count(*) AS tables,
       count(*) FILTER (WHERE n.i_id_table IS NULL OR n.i_id_source IS DISTINCT FROM s.new_id
                              OR n.v_schema_name <> t.v_schema_name OR n.v_table_name <> t.v_table_name) AS missing,
       count(*) FILTER (WHERE NOT n.b_replica_enabled) AS disabled,
       count(*) FILTER (WHERE n.i_id_table IS NOT NULL
                         AND NOT coalesce(n.v_table_pkey = (SELECT new_key FROM first) AND t.v_table_pkey = (SELECT old_key FROM first), false)
                         AND '"' || array_to_string(n.v_table_pkey, '","') || '"' IS DISTINCT FROM t.v_table_pkey[1])
           AS wrong_keys,
       count(*) FILTER (WHERE n.i_id_table IS NOT NULL AND CASE
           WHEN t.t_binlog_name IS NULL
           THEN (n.t_binlog_name, n.i_binlog_position) IS DISTINCT FROM (s.start_file, s.start_position + 1)
           ELSE (n.t_binlog_name = t.t_binlog_name OR n.t_binlog_name = s.start_file) IS NOT TRUE
             OR ARRAY[split_part(n.t_binlog_name, '.', 2)::numeric, n.i_binlog_position - 1]
                IS DISTINCT FROM
                greatest(ARRAY[split_part(t.t_binlog_name, '.', 2)::numeric, t.i_binlog_position],
                         ARRAY[split_part(s.start_file, '.', 2)::numeric, s.start_position])
           END) AS wrong_coordinates
FROM _sch_chameleon_version1.t_replica_tables t
LEFT JOIN unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[])
              AS s (old_id, new_id, start_file, start_position)
    ON s.old_id = t.i_id_source
LEFT JOIN sch_chameleon.t_replica_tables n ON n.i_id_table = t.i_id_table
