-- What becomes of each table that either catalogue has. By src/way_back.rs, which is the model that this is tested against.
-- For each old source, $1: its id; $2: that of its new source, if 2.0 still has it; $3: its schema; $4 and $5: from where it
-- goes on; $6 and $7: where it started at the upgrade; $8: whether a coordinate that is gone may have been 2.0's own.
-- $9: the live batches of then whose rows tell where a table was first read. $10: the largest position that 1.7 holds.
WITH source AS (
    SELECT s.*, ARRAY[substring(s.file FROM '[0-9]+$')::numeric, s.position] AS coordinate,
           ARRAY[substring(s.start_file FROM '[0-9]+$')::numeric, s.start_position] AS started
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::boolean[])
             AS s (old_id, new_id, dest_schema, file, position, start_file, start_position, unsure)
), first_row AS (
    SELECT DISTINCT ON (b.i_id_source, l.v_schema_name, l.v_table_name)
           b.i_id_source, l.v_schema_name, l.v_table_name, l.t_binlog_name, l.i_binlog_position::bigint AS i_binlog_position
    FROM _sch_chameleon_version1.t_log_replica l
    JOIN _sch_chameleon_version1.t_replica_batch b ON b.i_id_batch = l.i_id_batch
    WHERE l.i_id_batch = ANY ($9::bigint[])
    ORDER BY b.i_id_source, l.v_schema_name, l.v_table_name, l.i_id_event
), old AS (
    -- What the upgrade stored for each: its point plus one. A first row ends one behind the point.
    SELECT t.i_id_table, t.i_id_source, t.v_schema_name, t.v_table_name, s.new_id, g.file, g.position, g.given
    FROM _sch_chameleon_version1.t_replica_tables t
    JOIN source s ON s.old_id = t.i_id_source
    LEFT JOIN first_row r
        ON r.i_id_source = t.i_id_source AND r.v_schema_name = t.v_schema_name AND r.v_table_name = t.v_table_name
       AND r.t_binlog_name ~ '^.+\.[0-9]{1,18}$' AND r.i_binlog_position > 0
    LEFT JOIN LATERAL (
        SELECT c.file, c.position, ARRAY[substring(c.file FROM '[0-9]+$')::numeric, c.position] AS given
        FROM (VALUES (s.start_file, s.start_position + 1), (t.t_binlog_name, t.i_binlog_position::bigint + 1),
                     (r.t_binlog_name, r.i_binlog_position)) AS c (file, position)
        WHERE c.file IS NOT NULL AND c.position IS NOT NULL AND s.start_file IS NOT NULL
        ORDER BY 3 DESC
        LIMIT 1) g ON true
), together AS (
    SELECT t.i_id_source, t.xmin::text AS written
    FROM sch_chameleon.t_replica_tables t
    WHERE t.i_id_source IN (SELECT new_id FROM source WHERE unsure)
    GROUP BY 1, 2
    HAVING count(*) > 1
), new AS (
    SELECT n.*, n.xmin::text AS written,
           ARRAY[substring(n.t_binlog_name FROM '[0-9]+$')::numeric, n.i_binlog_position] AS own,
           '"' || array_to_string(n.v_table_pkey, '","') || '"' AS key
    FROM sch_chameleon.t_replica_tables n
    WHERE n.i_id_source IN (SELECT new_id FROM source)
), joined AS (
    SELECT s.old_id, o.i_id_table AS old_table, n.i_id_table AS new_table,
           coalesce(n.v_schema_name, o.v_schema_name) AS v_schema_name,
           coalesce(n.v_table_name, o.v_table_name) AS v_table_name,
           n.v_table_pkey, n.key, n.b_replica_enabled, n.t_binlog_name, n.i_binlog_position, n.own, n.written,
           n.i_id_source AS new_id, o.file, o.position, o.given, s.coordinate, s.unsure
    FROM new n
    FULL JOIN old o
        ON o.new_id = n.i_id_source AND o.v_schema_name = n.v_schema_name AND o.v_table_name = n.v_table_name
    JOIN source s
        ON s.old_id = coalesce(o.i_id_source, (SELECT m.old_id FROM source m
                                               WHERE m.new_id = n.i_id_source AND m.dest_schema = n.v_schema_name))
), furthest AS (
    -- Where 2.0 has copied a table, an event that ends exactly there is in the copy; what the upgrade stored is one more than
    -- the point already.
    SELECT b.*, c.own_file, c.own_position
    FROM joined b
    LEFT JOIN LATERAL (
        SELECT c.own_file, c.own_position
        FROM (VALUES (b.t_binlog_name, b.i_binlog_position + CASE WHEN b.own = b.given THEN 0 ELSE 1 END),
                     (b.file, b.position)) AS c (own_file, own_position)
        WHERE c.own_file IS NOT NULL AND c.own_position IS NOT NULL
          AND ARRAY[substring(c.own_file FROM '[0-9]+$')::numeric, c.own_position - 1] > b.coordinate
        ORDER BY ARRAY[substring(c.own_file FROM '[0-9]+$')::numeric, c.own_position] DESC
        LIMIT 1) c ON true
), decided AS (
    SELECT f.*,
           CASE WHEN f.coordinate[2] IS NULL OR r.name IS NULL THEN 'gone'
                WHEN f.new_table IS NULL THEN 'missing'
                WHEN NOT f.b_replica_enabled THEN 'disabled'
                WHEN f.unsure AND f.t_binlog_name IS NULL
                     AND NOT EXISTS (SELECT FROM together t WHERE t.i_id_source = f.new_id AND t.written = f.written)
                    THEN 'unsure'
                WHEN cardinality(f.v_table_pkey) = 0 OR f.v_table_pkey && '{""}' OR length(f.key) > 100
                     OR array_to_string(f.v_table_pkey, '') LIKE '%"%' THEN 'unfit'
                WHEN f.own_position > $10::bigint THEN 'too_far'
                WHEN f.old_table IS NULL THEN 'added'
                ELSE 'kept' END AS fate
    FROM furthest f
    LEFT JOIN (SELECT n.nspname AS schema, c.relname AS name
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p')
               OFFSET 0) r
        ON r.schema = f.v_schema_name::name AND r.name = f.v_table_name::name
)
