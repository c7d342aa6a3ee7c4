-- Every table of the old sources, with its point plus one: the larger of its source's start and its own
-- coordinate, by file number and then by position. $1: old ids, $2: new ids, $3 and $4: the starts.
-- Most tables have the same key as the first one: it is taken apart once.
WITH first AS (
    SELECT v_table_pkey AS old_key,
           string_to_array(substr(v_table_pkey[1], 2, length(v_table_pkey[1]) - 2), '","')::varchar(100)[] AS new_key
    FROM _sch_chameleon_version1.t_replica_tables
    LIMIT 1
)
INSERT INTO sch_chameleon.t_replica_tables
    (i_id_table, i_id_source, v_table_name, v_schema_name, v_table_pkey, t_binlog_name, i_binlog_position)
SELECT t.i_id_table,
       s.new_id,
       t.v_table_name,
       t.v_schema_name,
       CASE WHEN t.v_table_pkey = (SELECT old_key FROM first) THEN (SELECT new_key FROM first)
            ELSE string_to_array(substr(t.v_table_pkey[1], 2, length(t.v_table_pkey[1]) - 2), '","')::varchar(100)[] END,
       CASE WHEN o.later THEN t.t_binlog_name ELSE s.start_file END,
       CASE WHEN o.later THEN t.i_binlog_position::bigint ELSE s.start_position END + 1
FROM _sch_chameleon_version1.t_replica_tables t
JOIN unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[])
         AS s (old_id, new_id, start_file, start_position)
    ON s.old_id = t.i_id_source
CROSS JOIN LATERAL (
    SELECT t.t_binlog_name IS NOT NULL
           AND (substring(t.t_binlog_name FROM '[0-9]+$')::numeric, t.i_binlog_position::bigint)
             > (substring(s.start_file FROM '[0-9]+$')::numeric, s.start_position) AS later
) o
