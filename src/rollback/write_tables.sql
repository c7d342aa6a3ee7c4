-- Brings 1.7's list of tables to what 2.0 has. What is as it is to be is left alone. $11: the id of the first that is added.
, removed AS (
    DELETE FROM _sch_chameleon_version1.t_replica_tables t
    USING decided d
    WHERE t.i_id_table = d.old_table AND d.fate <> 'kept'
    RETURNING 1
), kept AS (
    UPDATE _sch_chameleon_version1.t_replica_tables t
    SET v_table_pkey = ARRAY[d.key]::varchar(100)[], t_binlog_name = d.own_file, i_binlog_position = d.own_position
    FROM decided d
    WHERE t.i_id_table = d.old_table AND d.fate = 'kept'
      AND (t.v_table_pkey <> ARRAY[d.key]::varchar(100)[]
           OR (t.t_binlog_name, t.i_binlog_position::bigint) IS DISTINCT FROM (d.own_file, d.own_position))
    RETURNING 1
), added AS (
    INSERT INTO _sch_chameleon_version1.t_replica_tables
        (i_id_table, i_id_source, v_table_name, v_schema_name, v_table_pkey, t_binlog_name, i_binlog_position)
    SELECT $11 - 1 + row_number() OVER (ORDER BY d.old_id, d.v_schema_name, d.v_table_name), d.old_id, d.v_table_name, d.v_schema_name, ARRAY[d.key]::varchar(100)[], d.own_file, d.own_position
    FROM decided d
    WHERE d.fate = 'added'
    RETURNING 1
)
SELECT (SELECT count(*) FROM removed) AS removed, (SELECT count(*) FROM kept) AS changed, (SELECT count(*) FROM added) AS added
