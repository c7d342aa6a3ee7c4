-- Of the replicated tables of a source that have these names: what they look like in the destination schema. An enum's
-- labels are NULL for other types.
SELECT t.v_table_name, columns.*,
       string_to_array(substr(t.v_table_pkey[1], 2, length(t.v_table_pkey[1]) - 2), '","') AS registered,
       ARRAY(SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
             WHERE i.indrelid = c.oid AND i.indisprimary) AS key
FROM sch_chameleon.t_replica_tables t
-- A name of 64 bytes, which MySQL has, is cut to 63 by PostgreSQL: as a table's, and by the cast.
JOIN pg_class c ON c.relname = t.v_table_name::name AND c.relkind IN ('r', 'p')
               AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $2::text::name)
CROSS JOIN LATERAL (
    SELECT array_agg(a.attname ORDER BY a.attnum) AS names,
           array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS kinds,
           array_agg(a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' ORDER BY a.attnum) AS required,
           array_agg(CASE WHEN y.typtype = 'e' THEN
                         (SELECT json_agg(e.enumlabel)::text FROM pg_enum e WHERE e.enumtypid = y.oid)
                     END ORDER BY a.attnum) AS labels
    FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) columns
WHERE t.i_id_source = $1 AND t.v_schema_name = $2 AND t.v_table_name = ANY ($3)
