-- Replays at most $1 events of the oldest waiting batch of source $2, as docs/catalogues.md describes it.
-- Returns whether there is more to do for the source. An event that fails undoes the whole call.

CREATE FUNCTION sch_chameleon.fn_process_batch(integer, integer) RETURNS boolean
LANGUAGE plpgsql AS $function$
DECLARE
    max_events ALIAS FOR $1;
    source_id ALIAS FOR $2;
    batch bigint;
    head bigint[];
    last_event_time bigint;
    event record;
    key_columns text[];
    condition text;
    statement text;
    replayed bigint := 0;
    ddl bigint := 0;
    skipped bigint;
BEGIN
    SELECT b.i_id_batch, coalesce(e.i_id_event[1:max_events], '{}') INTO batch, head
    FROM sch_chameleon.t_replica_batch b
    JOIN sch_chameleon.t_batch_events e USING (i_id_batch)
    WHERE b.i_id_source = source_id AND b.b_started AND b.b_processed AND NOT b.b_replayed
    ORDER BY b.ts_created
    LIMIT 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    -- The time is that of the event listed last, also when it isn't applied.
    SELECT i_my_event_time INTO last_event_time
    FROM sch_chameleon.t_log_replica
    WHERE i_id_batch = batch AND i_id_event = head[cardinality(head)];

    FOR event IN
        SELECT l.enm_binlog_event AS kind, l.jsb_event_data AS data, l.jsb_event_update AS before,
               l.t_query AS query, format('%I.%I', l.v_schema_name, l.v_table_name) AS target,
               registered.key_text
        FROM sch_chameleon.t_log_replica l
        CROSS JOIN LATERAL (
            SELECT t.v_table_pkey[1] AS key_text
            FROM sch_chameleon.t_replica_tables t
            WHERE t.v_schema_name = l.v_schema_name AND t.v_table_name = l.v_table_name
            ORDER BY t.i_id_source <> source_id
            LIMIT 1
        ) AS registered
        WHERE l.i_id_batch = batch AND l.i_id_event = ANY (head)
        ORDER BY l.i_id_event
    LOOP
        IF event.kind = 'ddl' THEN
            EXECUTE event.query;
            ddl := ddl + 1;
            CONTINUE;
        END IF;

        IF event.data IS NULL AND event.kind <> 'delete' THEN
            RAISE EXCEPTION 'the % of % has no row', event.kind, event.target;
        END IF;

        -- A key column list holds each name in double quotes, with nothing escaped inside.
        key_columns := CASE
            WHEN event.key_text LIKE '"%"' THEN
                string_to_array(substr(event.key_text, 2, length(event.key_text) - 2), '","')
            ELSE string_to_array(event.key_text, ',')
        END;
        SELECT string_agg(
                   format('%I = %L', name, CASE event.kind WHEN 'update' THEN event.before ELSE event.data END ->> name),
                   ' AND ')
        INTO condition
        FROM unnest(key_columns) AS name
        WHERE event.data IS DISTINCT FROM '{}';

        -- Each is NULL when there is no column to write or no key to find the row by.
        SELECT CASE event.kind
                   WHEN 'insert' THEN
                       'INSERT INTO ' || event.target || ' (' || string_agg(quote_ident(key), ', ')
                       || ') VALUES (' || string_agg(quote_nullable(value), ', ') || ')'
                   WHEN 'update' THEN
                       'UPDATE ' || event.target || ' SET '
                       || string_agg(format('%I = %L', key, value), ', ') || ' WHERE ' || condition
                   WHEN 'delete' THEN
                       'DELETE FROM ' || event.target || ' WHERE ' || condition
               END
        INTO statement
        FROM jsonb_each_text(event.data);

        CONTINUE WHEN statement IS NULL;
        EXECUTE statement;
        replayed := replayed + 1;
    END LOOP;

    UPDATE sch_chameleon.t_sources
    SET ts_last_replay = to_timestamp(last_event_time)
    WHERE i_id_source = source_id AND last_event_time IS NOT NULL;

    IF replayed + ddl > 0 THEN
        DELETE FROM sch_chameleon.t_log_replica WHERE i_id_batch = batch AND i_id_event = ANY (head);
        UPDATE sch_chameleon.t_batch_events
        SET i_id_event = i_id_event[max_events + 1:]
        WHERE i_id_batch = batch;
        UPDATE sch_chameleon.t_replica_batch
        SET i_replayed = coalesce(i_replayed, 0) + replayed, i_ddl = coalesce(i_ddl, 0) + ddl, i_skipped = 0,
            ts_replayed = clock_timestamp()
        WHERE i_id_batch = batch;
        RETURN true;
    END IF;

    DELETE FROM sch_chameleon.t_log_replica WHERE i_id_batch = batch;
    GET DIAGNOSTICS skipped = ROW_COUNT;
    DELETE FROM sch_chameleon.t_batch_events WHERE i_id_batch = batch;
    UPDATE sch_chameleon.t_replica_batch
    SET b_replayed = true, i_skipped = skipped, ts_replayed = clock_timestamp()
    WHERE i_id_batch = batch;
    RETURN EXISTS (
        SELECT FROM sch_chameleon.t_replica_batch b
        JOIN sch_chameleon.t_batch_events e USING (i_id_batch)
        WHERE b.i_id_source = source_id AND b.b_started AND b.b_processed AND NOT b.b_replayed
    );
END
$function$;
