-- Replays at most $1 events of the oldest waiting batch of source $2, as CATALOGUES.md describes it.
-- Returns whether there is more to do for the source.

CREATE FUNCTION sch_chameleon.fn_process_batch(integer, integer) RETURNS boolean
LANGUAGE plpgsql AS $function$
DECLARE
    max_events ALIAS FOR $1;
    source_id ALIAS FOR $2;
    batch bigint;
    head bigint[];
    event record;
    key_names text[];
    before_image jsonb;
    assignments text;
    conditions text;
    replayed bigint := 0;
    ddl bigint := 0;
    skipped bigint;
BEGIN
    SELECT b.i_id_batch, e.i_id_event[1:max_events] INTO batch, head
    FROM sch_chameleon.t_replica_batch b
    JOIN sch_chameleon.t_batch_events e USING (i_id_batch)
    WHERE b.i_id_source = source_id AND b.b_started AND b.b_processed AND NOT b.b_replayed
    ORDER BY b.ts_created
    LIMIT 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    FOR event IN
        SELECT l.enm_binlog_event AS kind, l.jsb_event_data AS image, l.jsb_event_update AS before,
               l.t_query AS query, format('%I.%I', l.v_schema_name, l.v_table_name) AS target,
               t.v_table_pkey[1] AS key_text
        FROM sch_chameleon.t_log_replica l
        JOIN sch_chameleon.t_replica_tables t
          ON t.i_id_source = source_id
         AND t.v_schema_name = l.v_schema_name AND t.v_table_name = l.v_table_name
        WHERE l.i_id_batch = batch AND l.i_id_event = ANY (head)
        ORDER BY l.i_id_event
    LOOP
        IF event.kind = 'ddl' THEN
            EXECUTE event.query;
            ddl := ddl + 1;
            CONTINUE;
        END IF;

        IF event.kind = 'insert' THEN
            EXECUTE (
                SELECT format('INSERT INTO %s (%s) VALUES (%s)', event.target,
                              string_agg(quote_ident(key), ', '), string_agg(quote_nullable(value), ', '))
                FROM jsonb_each_text(event.image)
            );
        ELSE
            key_names := string_to_array(trim(BOTH '"' FROM event.key_text), '","');
            before_image := CASE event.kind WHEN 'update' THEN event.before ELSE event.image END;
            SELECT string_agg(format('%I = %L', name, before_image ->> name), ' AND ') INTO conditions
            FROM unnest(key_names) AS name;
            IF event.kind = 'update' THEN
                SELECT string_agg(format('%I = %L', key, value), ', ') INTO assignments
                FROM jsonb_each_text(event.image);
                EXECUTE format('UPDATE %s SET %s WHERE %s', event.target, assignments, conditions);
            ELSE
                EXECUTE format('DELETE FROM %s WHERE %s', event.target, conditions);
            END IF;
        END IF;
        replayed := replayed + 1;
    END LOOP;

    IF replayed + ddl > 0 THEN
        UPDATE sch_chameleon.t_sources
        SET ts_last_replay = (
            SELECT to_timestamp(i_my_event_time) FROM sch_chameleon.t_log_replica
            WHERE i_id_batch = batch AND i_id_event = ANY (head)
            ORDER BY i_id_event DESC LIMIT 1
        )
        WHERE i_id_source = source_id;
        DELETE FROM sch_chameleon.t_log_replica WHERE i_id_batch = batch AND i_id_event = ANY (head);
        UPDATE sch_chameleon.t_batch_events SET i_id_event = i_id_event[max_events + 1:]
        WHERE i_id_batch = batch;
        UPDATE sch_chameleon.t_replica_batch
        SET i_replayed = coalesce(i_replayed, 0) + replayed, i_ddl = coalesce(i_ddl, 0) + ddl,
            i_skipped = coalesce(i_skipped, 0), ts_replayed = clock_timestamp()
        WHERE i_id_batch = batch;
        RETURN true;
    END IF;

    DELETE FROM sch_chameleon.t_log_replica WHERE i_id_batch = batch;
    GET DIAGNOSTICS skipped = ROW_COUNT;
    DELETE FROM sch_chameleon.t_batch_events WHERE i_id_batch = batch;
    UPDATE sch_chameleon.t_replica_batch
    SET b_replayed = true, i_skipped = coalesce(i_skipped, 0) + skipped, ts_replayed = clock_timestamp()
    WHERE i_id_batch = batch;
    RETURN EXISTS (
        SELECT FROM sch_chameleon.t_replica_batch b JOIN sch_chameleon.t_batch_events USING (i_id_batch)
        WHERE b.i_id_source = source_id AND b.b_started AND b.b_processed AND NOT b.b_replayed
    );
END
$function$;
