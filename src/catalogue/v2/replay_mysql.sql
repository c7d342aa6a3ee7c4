-- fn_replay_mysql(max_events, source_id, exit_on_error): applies the head of the source's oldest waiting batch.
--
-- A batch waits when it is started, processed, not replayed and listed in t_batch_events. At most max_events of its
-- events are taken from the list and applied in the order of their ids; events of tables that are not in
-- t_replica_tables, or not enabled there, are passed over. Every event of a batch ends in exactly one of i_replayed,
-- i_ddl and i_skipped.
--
-- First all events are applied under one savepoint. Only when one fails are they applied again, each under a
-- savepoint of its own, so that what fails can be undone alone. A failed event is told in t_error_log and in
-- v_table_error. With exit_on_error the call ends there: what came before is done, the failed event is the head of the
-- list. Without, the table is disabled and its remaining events are removed.
--
-- Statements run under the caller's search_path, which those of MySQL's DDL may count on, and may set for those after
-- them. The function itself looks for names in pg_catalog alone: until it has set that, and while the caller's is set,
-- it uses no operator, and no name that is not qualified.

CREATE FUNCTION sch_chameleon.fn_replay_mysql(integer, integer, boolean)
RETURNS sch_chameleon.ty_replay_status
LANGUAGE plpgsql AS
$BODY$
#variable_conflict error
DECLARE
    callers_path pg_catalog.text := pg_catalog.current_setting('search_path');
    callers_path_is_set boolean := false;
    max_events ALIAS FOR $1;
    source_id ALIAS FOR $2;
    exit_on_error ALIAS FOR $3;
    status sch_chameleon.ty_replay_status := (false, false, NULL);
    batch record;
    taken bigint[];
    left_over bigint[];
    events pg_catalog.text;
    event record;
    one_by_one boolean := false;
    replayed bigint := 0;
    ddl bigint := 0;
    skipped bigint;
    disabled bigint[] := '{}';
    failed_event bigint;
    last_event_time bigint;
    removed bigint;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

    IF max_events IS NULL OR max_events < 1 THEN
        RAISE EXCEPTION 'max_events must be at least 1, not %', coalesce(max_events::text, 'null')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Set replay_max_rows to at least 1.';
    END IF;

    SELECT bat.i_id_batch, bat.v_log_table, lst.i_id_event
    INTO batch
    FROM sch_chameleon.t_replica_batch bat
    JOIN sch_chameleon.t_batch_events lst ON lst.i_id_batch = bat.i_id_batch
    WHERE bat.i_id_source = source_id AND bat.b_started AND bat.b_processed AND NOT bat.b_replayed
    ORDER BY bat.ts_created, bat.i_id_batch
    LIMIT 1;
    IF NOT FOUND THEN
        PERFORM pg_catalog.set_config('search_path', callers_path, true);
        RETURN status;
    END IF;
    taken := batch.i_id_event[1:max_events];
    left_over := batch.i_id_event[max_events + 1:];

    -- The events to apply, each with its statement. Values pass as text, as a client would send them, so that the
    -- columns' types read them. The statement is null when the event has no value for a key column, or the table no
    -- key: it must not touch a row then.
    events := format(
        $QUERY$
        SELECT log.i_id_event, log.enm_binlog_event, log.v_schema_name, log.v_table_name,
            log.t_binlog_name, log.i_binlog_position, tab.i_id_table,
            CASE WHEN log.enm_binlog_event = 'ddl' THEN 'N/A' ELSE row_key.t_condition END AS t_key,
            CASE log.enm_binlog_event
                WHEN 'insert' THEN format(
                    'INSERT INTO %%I.%%I (%%s) VALUES (%%s);',
                    log.v_schema_name, log.v_table_name, new_row.t_columns, new_row.t_values
                )
                WHEN 'update' THEN format(
                    'UPDATE %%I.%%I SET %%s WHERE ',
                    log.v_schema_name, log.v_table_name, new_row.t_assignments
                ) || row_key.t_condition || ';'
                WHEN 'delete' THEN format(
                    'DELETE FROM %%I.%%I WHERE ', log.v_schema_name, log.v_table_name
                ) || row_key.t_condition || ';'
                ELSE log.t_query
            END AS t_statement,
            count(*) FILTER (WHERE log.enm_binlog_event <> 'ddl') OVER so_far AS i_rows,
            count(*) FILTER (WHERE log.enm_binlog_event = 'ddl') OVER so_far AS i_statements
        FROM unnest($1) AS taken (i_id_event)
        JOIN sch_chameleon.%I log ON log.i_id_event = taken.i_id_event
        JOIN sch_chameleon.t_replica_tables tab
            ON tab.i_id_source = $2
            AND tab.v_schema_name = log.v_schema_name
            AND tab.v_table_name = log.v_table_name
            AND tab.b_replica_enabled
        CROSS JOIN LATERAL (
            SELECT
                string_agg(quote_ident(col.key), ',') FILTER (WHERE log.enm_binlog_event = 'insert') AS t_columns,
                string_agg(quote_nullable(col.value), ',') FILTER (WHERE log.enm_binlog_event = 'insert') AS t_values,
                string_agg(quote_ident(col.key) || '=' || quote_nullable(col.value), ',')
                    FILTER (WHERE log.enm_binlog_event = 'update') AS t_assignments
            FROM jsonb_each_text(log.jsb_event_after) col
            WHERE log.enm_binlog_event IN ('insert', 'update')
        ) new_row
        CROSS JOIN LATERAL (
            SELECT CASE
                WHEN bool_and(img.jsb_row ? col.name) THEN string_agg(
                    quote_ident(col.name) || coalesce('=' || quote_literal(img.jsb_row ->> col.name), ' IS NULL'),
                    ' AND ' ORDER BY col.position
                )
            END AS t_condition
            FROM (
                SELECT CASE log.enm_binlog_event
                    WHEN 'update' THEN log.jsb_event_before
                    ELSE log.jsb_event_after
                END AS jsb_row
            ) img
            CROSS JOIN unnest(tab.v_table_pkey) WITH ORDINALITY AS col (name, position)
        ) row_key
        WINDOW so_far AS (ORDER BY log.i_id_event ROWS UNBOUNDED PRECEDING)
        ORDER BY log.i_id_event
        $QUERY$,
        batch.v_log_table
    );

    BEGIN
        FOR event IN EXECUTE events USING taken, source_id LOOP
            IF NOT callers_path_is_set THEN
                PERFORM pg_catalog.set_config('search_path', callers_path, true);
                callers_path_is_set := true;
            END IF;
            EXECUTE event.t_statement;
            replayed := event.i_rows;
            ddl := event.i_statements;
        END LOOP;
        IF callers_path_is_set THEN
            callers_path := pg_catalog.current_setting('search_path');
            PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        END IF;
    EXCEPTION WHEN OTHERS THEN
        one_by_one := true;
        replayed := 0;
        ddl := 0;
    END;

    IF one_by_one THEN
        FOR event IN EXECUTE events USING taken, source_id LOOP
            CONTINUE WHEN event.i_id_table = ANY (disabled);
            BEGIN
                IF event.t_statement IS NULL AND event.enm_binlog_event IN ('update', 'delete') THEN
                    RAISE EXCEPTION 'the event does not have every key column of the table'
                        USING ERRCODE = 'object_not_in_prerequisite_state';
                END IF;
                PERFORM pg_catalog.set_config('search_path', callers_path, true);
                EXECUTE event.t_statement;
                callers_path := pg_catalog.current_setting('search_path');
                PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
                IF event.enm_binlog_event = 'ddl' THEN
                    ddl := ddl + 1;
                ELSE
                    replayed := replayed + 1;
                END IF;
            EXCEPTION WHEN OTHERS THEN
                INSERT INTO sch_chameleon.t_error_log (
                    i_id_batch, i_id_source, v_table_name, v_schema_name, t_table_pkey,
                    t_binlog_name, i_binlog_position, ts_error, t_sql, t_error_message
                )
                VALUES (
                    batch.i_id_batch, source_id, event.v_table_name, event.v_schema_name, coalesce(event.t_key, ''),
                    coalesce(event.t_binlog_name, ''), coalesce(event.i_binlog_position, 0), clock_timestamp(),
                    quote_literal(event.t_statement), format('%s - %s', SQLSTATE, SQLERRM)
                );
                status.v_table_error := status.v_table_error || format(
                    '%I.%I SQLSTATE: %s - ERROR MESSAGE: %s',
                    event.v_schema_name, event.v_table_name, SQLSTATE, SQLERRM
                )::character varying;
                IF exit_on_error THEN
                    failed_event := event.i_id_event;
                    EXIT;
                END IF;
                UPDATE sch_chameleon.t_replica_tables tab
                SET b_replica_enabled = false
                WHERE tab.i_id_table = event.i_id_table;
                disabled := disabled || event.i_id_table;
            END;
        END LOOP;
    END IF;

    IF failed_event IS NOT NULL THEN
        left_over := ARRAY(SELECT id FROM unnest(taken) id WHERE id >= failed_event ORDER BY id) || left_over;
        taken := ARRAY(SELECT id FROM unnest(taken) id WHERE id < failed_event);
    END IF;

    EXECUTE format(
        $QUERY$
        WITH done AS (
            DELETE FROM sch_chameleon.%I log
            USING unnest($1) AS taken (i_id_event)
            WHERE log.i_id_event = taken.i_id_event
            RETURNING log.i_id_event, log.i_my_event_time
        )
        SELECT count(*), (array_agg(i_my_event_time ORDER BY i_id_event DESC))[1]
        FROM done
        $QUERY$,
        batch.v_log_table
    )
    INTO skipped, last_event_time
    USING taken;
    skipped := skipped - replayed - ddl;

    IF disabled <> '{}' THEN
        EXECUTE format(
            $QUERY$
            DELETE FROM sch_chameleon.%I log
            USING sch_chameleon.t_replica_tables tab
            WHERE log.i_id_batch = $1
                AND tab.i_id_table = ANY ($2)
                AND log.v_schema_name = tab.v_schema_name
                AND log.v_table_name = tab.v_table_name
            $QUERY$,
            batch.v_log_table
        )
        USING batch.i_id_batch, disabled;
        GET DIAGNOSTICS removed = ROW_COUNT;
        skipped := skipped + removed;
    END IF;

    UPDATE sch_chameleon.t_last_replayed rpl
    SET ts_last_replayed = to_timestamp(last_event_time)
    WHERE rpl.i_id_source = source_id AND last_event_time IS NOT NULL;

    UPDATE sch_chameleon.t_batch_events lst
    SET i_id_event = left_over
    WHERE lst.i_id_batch = batch.i_id_batch;

    IF replayed + ddl > 0 THEN
        UPDATE sch_chameleon.t_replica_batch bat
        SET i_replayed = coalesce(bat.i_replayed, 0) + replayed,
            i_ddl = coalesce(bat.i_ddl, 0) + ddl,
            i_skipped = coalesce(bat.i_skipped, 0) + skipped,
            ts_replayed = clock_timestamp()
        WHERE bat.i_id_batch = batch.i_id_batch;
        status.b_continue := true;
    ELSE
        UPDATE sch_chameleon.t_replica_batch bat
        SET i_skipped = coalesce(bat.i_skipped, 0) + skipped
        WHERE bat.i_id_batch = batch.i_id_batch;
        status.b_continue := left_over <> '{}';
    END IF;

    IF failed_event IS NOT NULL THEN
        status.b_error := true;
        status.b_continue := false;
    END IF;
    IF failed_event IS NOT NULL OR status.b_continue THEN
        PERFORM pg_catalog.set_config('search_path', callers_path, true);
        RETURN status;
    END IF;

    DELETE FROM sch_chameleon.t_log_replica log WHERE log.i_id_batch = batch.i_id_batch;
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM sch_chameleon.t_batch_events lst WHERE lst.i_id_batch = batch.i_id_batch;
    UPDATE sch_chameleon.t_replica_batch bat
    SET b_replayed = true,
        i_skipped = bat.i_skipped + removed,
        ts_replayed = clock_timestamp()
    WHERE bat.i_id_batch = batch.i_id_batch;

    status.b_continue := EXISTS (
        SELECT
        FROM sch_chameleon.t_replica_batch bat
        JOIN sch_chameleon.t_batch_events lst ON lst.i_id_batch = bat.i_id_batch
        WHERE bat.i_id_source = source_id AND bat.b_started AND bat.b_processed AND NOT bat.b_replayed
    );
    PERFORM pg_catalog.set_config('search_path', callers_path, true);
    RETURN status;
END
$BODY$;
