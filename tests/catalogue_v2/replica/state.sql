-- All that a call of fn_replay_mysql may change in the catalogue, without ids of its own making and times of day.
SELECT line
FROM (
    SELECT 1, i_id_batch, concat_ws(' ', 'batch', i_id_batch, CASE WHEN b_replayed THEN 'replayed' ELSE 'waits' END,
        CASE WHEN ts_replayed IS NOT NULL THEN 'touched' END,
        'rows', coalesce(i_replayed::text, 'null'), 'ddl', coalesce(i_ddl::text, 'null'))
    FROM sch_chameleon.t_replica_batch
    UNION ALL
    SELECT 2, i_id_batch, concat_ws(' ', 'list', i_id_batch, i_id_event::text)
    FROM sch_chameleon.t_batch_events
    UNION ALL
    SELECT 3, i_id_event, concat_ws(' ', 'log', tableoid::regclass, i_id_event, enm_binlog_event, v_table_name)
    FROM sch_chameleon.t_log_replica
    UNION ALL
    SELECT 4, i_id_log, concat_ws(' ', 'error', i_id_batch, i_id_source, v_schema_name, v_table_name,
        'key', t_table_pkey, 'at', t_binlog_name, i_binlog_position, 'time', ts_error IS NOT NULL, t_error_message,
        -- The real function names the columns in no certain order.
        (SELECT string_agg(piece, ' ' ORDER BY piece COLLATE "C") FROM regexp_split_to_table(t_sql, '[ (),]+') piece))
    FROM sch_chameleon.t_error_log
    UNION ALL
    SELECT 5, i_id_table, concat_ws(' ', 'disabled', i_id_source, v_schema_name, v_table_name)
    FROM sch_chameleon.t_replica_tables
    WHERE NOT b_replica_enabled
    UNION ALL
    SELECT 6, i_id_source, concat_ws(' ', 'last replayed', i_id_source, ts_last_replayed)
    FROM sch_chameleon.t_last_replayed
    UNION ALL
    SELECT 7, i_id_source, concat_ws(' ', 'last received', i_id_source, ts_last_received)
    FROM sch_chameleon.t_last_received
    UNION ALL
    SELECT 8, i_id_row, concat_ws(' ', 'discarded', rws::text)
    FROM sch_chameleon.t_discarded_rows rws
    UNION ALL
    SELECT 9, i_id_source, concat_ws(' ', 'source', src::text)
    FROM sch_chameleon.t_sources src
) AS state (kind, number, line)
ORDER BY kind, number
