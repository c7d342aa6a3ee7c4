-- The 1.7 catalogue's tables held against the 2.0 one's, once they have changed their names: worked out in another way than
-- when it was written. $1: the old sources; for each, $2 and $3: from where it goes on.
SELECT count(*) AS tables,
       count(*) FILTER (WHERE n.i_id_table IS NULL) AS without_a_new_one,
       count(*) FILTER (WHERE NOT n.b_replica_enabled) AS disabled,
       count(*) FILTER (WHERE string_to_array(substr(t.v_table_pkey[1], 2, length(t.v_table_pkey[1]) - 2), '","')
                              IS DISTINCT FROM n.v_table_pkey::text[]) AS wrong_keys,
       count(*) FILTER (WHERE (t.t_binlog_name IS NULL) <> (t.i_binlog_position IS NULL)) AS halves,
       -- One of its own that the source is past says nothing.
       count(*) FILTER (WHERE (split_part(t.t_binlog_name, '.', 2)::numeric, t.i_binlog_position::bigint)
                              <= (split_part(s.file, '.', 2)::numeric, s.position)) AS passed,
       -- A table that 2.0 would pass over at a place, 1.8.2 passes over as well.
       count(*) FILTER (WHERE (split_part(n.t_binlog_name, '.', 2)::numeric, n.i_binlog_position - 1)
                              > (split_part(s.file, '.', 2)::numeric, s.position)
                          AND ((split_part(t.t_binlog_name, '.', 2)::numeric, t.i_binlog_position::bigint)
                               >= (split_part(n.t_binlog_name, '.', 2)::numeric, n.i_binlog_position)) IS NOT TRUE) AS too_early
FROM sch_chameleon.t_replica_tables t
LEFT JOIN unnest($1::bigint[], $2::text[], $3::bigint[]) AS s (old_id, file, position) ON s.old_id = t.i_id_source
-- OFFSET 0: the few sources are joined before their many tables.
LEFT JOIN (SELECT o.i_id_source, w.i_id_source AS new_id
           FROM sch_chameleon.t_sources o
           JOIN _sch_chameleon_version2.t_sources w
               ON EXISTS (SELECT FROM jsonb_each_text(w.jsb_schema_mappings) m
                          WHERE m.key = o.t_source_schema AND m.value = o.t_dest_schema)
           OFFSET 0) p ON p.i_id_source = t.i_id_source
LEFT JOIN _sch_chameleon_version2.t_replica_tables n
    ON n.i_id_source = p.new_id AND n.v_schema_name = t.v_schema_name AND n.v_table_name = t.v_table_name
