-- Each replicated table with what the 2.0 catalogue can not take of it, or the replica can not rely on.
-- A key is readable when it is one list of names in double quotes with commas between and nothing else
-- (docs/catalogues.md, v_table_pkey).
-- Most tables share their keys: each is taken apart once. OFFSET 0 keeps PostgreSQL from taking them apart before.
WITH unreadable AS (
    SELECT v_table_pkey, tables
    FROM (SELECT v_table_pkey, count(*) AS tables FROM sch_chameleon.t_replica_tables GROUP BY v_table_pkey OFFSET 0) t
    WHERE coalesce(cardinality(t.v_table_pkey) <> 1
                   OR t.v_table_pkey[1] !~ '^".+"$'
                   OR t.v_table_pkey[1] ~ '"(\s+,\s*|,\s+|,,+)"'
                   OR '' = ANY (string_to_array(substr(t.v_table_pkey[1], 2, length(t.v_table_pkey[1]) - 2), '","')),
                   true)
), examined AS (
    SELECT (SELECT s.t_source FROM sch_chameleon.t_sources s WHERE s.i_id_source = t.i_id_source) AS source,
           t.v_schema_name, t.v_table_name, t.v_table_pkey[1] AS key,
           length(t.v_table_name) > 64 OR length(t.v_schema_name) > 64 AS too_long,
           t.v_table_pkey IN (SELECT v_table_pkey FROM unreadable) AS unreadable_key,
           r.has_primary_key IS NULL AS missing,
           NOT r.has_primary_key AS without_primary_key
    FROM sch_chameleon.t_replica_tables t
    -- A name of 64 bytes, which MySQL has, is cut to 63 by PostgreSQL: as a table's, and by the cast.
    LEFT JOIN (SELECT n.nspname AS schema, c.relname AS name,
                      EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS has_primary_key
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p')
               OFFSET 0) r
        ON r.schema = t.v_schema_name::name AND r.name = t.v_table_name::name
)
