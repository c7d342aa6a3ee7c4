-- Does what fn_process_batch(max_events, source_id) does, and closes the batch when that was all of it; or does nothing.
--
-- outcome: replayed (so many events, as one call of fn_process_batch would have done, and when closed the call after it;
-- handed_over says which tables that function did, and why); function (nothing was done: the next so many events are for
-- fn_process_batch); or nothing (no batch waits). halted: an event that must stand alone, such as DDL, comes next.
CREATE OR REPLACE FUNCTION pg_temp.chameleon_replay_slice(
    source_id bigint, max_events integer, worth_it integer, search_path_of_the_role text,
    OUT outcome text, OUT events integer, OUT closed boolean, OUT halted boolean, OUT handed_over text[]
)
LANGUAGE plpgsql
SET work_mem = '128MB' SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on
SET quote_all_identifiers = off AS
$BODY$
#variable_conflict error
DECLARE
    batch bigint;
    list bigint[];
    listed integer;
    first_event bigint;
    last_event bigint;
    last_time bigint;
    barrier bigint;
    fit record;
    origin text;
    in_sets bigint := 0;
    by_function bigint := 0;
    gone bigint;
    leftover_schemas text[] := '{}';
    leftover_tables text[] := '{}';
    part record;
BEGIN
    closed := false;
    halted := false;
    SELECT b.i_id_batch, e.i_id_event INTO batch, list
    FROM sch_chameleon.t_replica_batch b
    JOIN sch_chameleon.t_batch_events e ON e.i_id_batch = b.i_id_batch
    WHERE b.i_id_source = source_id AND b.b_started AND b.b_processed AND NOT b.b_replayed
    ORDER BY b.ts_created
    LIMIT 1;
    IF NOT FOUND THEN
        outcome := 'nothing';
        RETURN;
    END IF;

    outcome := 'function';
    listed := cardinality(list);
    events := least(listed, max_events);
    IF events < worth_it THEN
        RETURN;
    END IF;
    first_event := list[1];
    last_event := list[events];
    -- The list holds exactly the events of the batch between its ends, in their order.
    IF list[1:events] IS DISTINCT FROM (
        SELECT array_agg(l.i_id_event ORDER BY l.i_id_event)
        FROM sch_chameleon.t_log_replica l
        WHERE l.i_id_batch = batch AND l.i_id_event BETWEEN first_event AND last_event) THEN
        RETURN;
    END IF;

    CREATE TEMP TABLE chameleon_tables ON COMMIT DROP AS
    SELECT row_number() OVER (ORDER BY g.schema_name, g.table_name) AS number, g.*, r.*,
           to_regclass(format('%I.%I', g.schema_name, g.table_name)) AS target, false AS in_order, NULL::text AS reason
    FROM (SELECT l.v_schema_name::text AS schema_name, l.v_table_name::text AS table_name, count(*) AS events,
                 min(l.i_id_event) AS begins, min(l.i_id_event) FILTER (WHERE l.enm_binlog_event = 'ddl') AS first_ddl
          FROM sch_chameleon.t_log_replica l
          WHERE l.i_id_batch = batch AND l.i_id_event BETWEEN first_event AND last_event
          GROUP BY 1, 2) g
    CROSS JOIN LATERAL (
        SELECT count(*) AS registrations,
               -- Names with quotes or commas in them can be taken apart in more than one way.
               min(CASE WHEN cardinality(t.v_table_pkey) = 1 AND t.v_table_pkey[1] ~ '^"[^",]+"(,"[^",]+")*$'
                        THEN string_to_array(substr(t.v_table_pkey[1], 2, length(t.v_table_pkey[1]) - 2), '","')
                   END) AS key_names
        FROM sch_chameleon.t_sources s
        JOIN sch_chameleon.t_replica_tables t
            ON t.i_id_source = s.i_id_source AND t.v_table_name = g.table_name AND t.v_schema_name = g.schema_name) r
    WHERE r.registrations > 0;
    SELECT count(*) AS tables, coalesce(sum(t.events), 0) AS of,
           coalesce(sum(t.events) FILTER (WHERE t.events >= worth_it), 0) AS events
    INTO fit
    FROM chameleon_tables t;
    IF fit.tables * worth_it > fit.of OR fit.events * 2 < fit.of THEN
        -- Many tables with few events: to find out about each would take longer than to replay them.
        RETURN;
    END IF;
    -- As writing to them would lock them: what is found out about a table then stays so.
    FOR part IN SELECT t.target FROM chameleon_tables t JOIN pg_class c ON c.oid = t.target
                WHERE c.relkind = 'r' ORDER BY t.number
    LOOP
        EXECUTE format('LOCK TABLE ONLY %s IN ROW EXCLUSIVE MODE', part.target);
    END LOOP;
    UPDATE chameleon_tables t
    SET in_order = o.in_order OR t.registrations > 1,
        reason = CASE WHEN t.events < worth_it AND NOT o.in_order THEN 'it has few events' ELSE o.reason END
    FROM chameleon_tables c
    CROSS JOIN LATERAL pg_temp.chameleon_obstacle(c.target, c.key_names) o
    WHERE c.number = t.number;

    -- Up to the first DDL that will be run, or event whose place among those of other tables matters.
    SELECT min(least(t.first_ddl, CASE WHEN t.in_order THEN t.begins END)) INTO barrier FROM chameleon_tables t;
    halted := barrier IS NOT NULL;
    IF halted THEN
        events := array_position(list, barrier) - 1;
        IF events < worth_it THEN
            -- Where one is so near, others may be.
            events := least(listed, 20 * worth_it);
            RETURN;
        END IF;
        last_event := list[events];
        DELETE FROM chameleon_tables t WHERE t.begins > last_event;
        UPDATE chameleon_tables t
        SET events = g.events, reason = CASE WHEN g.events < worth_it THEN 'it has few events' ELSE t.reason END
        FROM (SELECT l.v_schema_name::text AS schema_name, l.v_table_name::text AS table_name, count(*) AS events
              FROM sch_chameleon.t_log_replica l
              WHERE l.i_id_batch = batch AND l.i_id_event BETWEEN first_event AND last_event
              GROUP BY 1, 2) g
        WHERE g.schema_name = t.schema_name AND g.table_name = t.table_name;
    END IF;
    SELECT l.i_my_event_time INTO last_time
    FROM sch_chameleon.t_log_replica l
    WHERE l.i_id_batch = batch AND l.i_id_event = last_event;

    SELECT count(*) FILTER (WHERE t.reason IS NULL) AS tables, coalesce(sum(t.events) FILTER (WHERE t.reason IS NULL), 0) AS events,
           coalesce(sum(t.events), 0) AS of
    INTO fit
    FROM chameleon_tables t;
    IF fit.events = 0 OR fit.events * 2 < fit.of THEN
        RETURN;
    END IF;
    IF fit.tables > 1 THEN
        -- Else each would be looked for among the events of all.
        CREATE TEMP TABLE chameleon_slice ON COMMIT DROP AS
        SELECT t.number, l.i_id_event, l.enm_binlog_event, l.jsb_event_data, l.jsb_event_update
        FROM sch_chameleon.t_log_replica l
        JOIN chameleon_tables t ON t.schema_name = l.v_schema_name AND t.table_name = l.v_table_name
        WHERE l.i_id_batch = batch AND l.i_id_event BETWEEN first_event AND last_event AND t.reason IS NULL;
        CREATE INDEX ON chameleon_slice (number);
    END IF;

    FOR part IN SELECT * FROM chameleon_tables t ORDER BY t.number
    LOOP
        IF part.reason IS NULL THEN
            origin := CASE WHEN fit.tables > 1 THEN format('chameleon_slice WHERE number = %s', part.number)
                           ELSE format('sch_chameleon.t_log_replica WHERE i_id_batch = %s AND i_id_event BETWEEN %s AND %s
                                        AND v_schema_name = %L AND v_table_name = %L',
                                       batch, first_event, last_event, part.schema_name, part.table_name) END;
            BEGIN
                PERFORM pg_temp.chameleon_replay_group(origin, part.target, part.key_names);
                in_sets := in_sets + part.events;
            EXCEPTION
                -- What is no event's fault.
                WHEN lock_not_available OR transaction_rollback OR insufficient_resources OR operator_intervention
                     OR system_error THEN
                    RAISE;
                WHEN OTHERS THEN
                    part.reason := SQLERRM;
            END;
        END IF;
        IF part.reason IS NOT NULL THEN
            handed_over := handed_over || format('%s.%s: %s', part.schema_name, part.table_name, part.reason);
            leftover_schemas := leftover_schemas || part.schema_name;
            leftover_tables := leftover_tables || part.table_name;
            by_function := by_function + part.events;
        END IF;
    END LOOP;
    IF in_sets = 0 THEN
        RETURN;
    END IF;

    IF by_function > 0 THEN
        UPDATE sch_chameleon.t_batch_events e
        SET i_id_event = ARRAY(SELECT l.i_id_event
                               FROM sch_chameleon.t_log_replica l
                               WHERE l.i_id_batch = batch AND l.i_id_event BETWEEN first_event AND last_event
                                 AND (l.v_schema_name, l.v_table_name) IN (SELECT * FROM unnest(leftover_schemas, leftover_tables))
                               ORDER BY l.i_id_event)
        WHERE e.i_id_batch = batch;
        PERFORM set_config('search_path', search_path_of_the_role, true);
        PERFORM sch_chameleon.fn_process_batch(by_function::integer, source_id::integer);
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        PERFORM FROM sch_chameleon.t_replica_batch b WHERE b.i_id_batch = batch AND NOT b.b_replayed;
        IF NOT FOUND THEN
            -- None of these events was applied, and so it closed the batch.
            RAISE EXCEPTION USING ERRCODE = 'CHUFN', MESSAGE = 'the other events are passed over';
        END IF;
    END IF;

    closed := events = listed;
    IF closed THEN
        DELETE FROM sch_chameleon.t_log_replica l WHERE l.i_id_batch = batch;
    ELSE
        DELETE FROM sch_chameleon.t_log_replica l
        WHERE l.i_id_batch = batch AND l.i_id_event BETWEEN first_event AND last_event;
    END IF;
    GET DIAGNOSTICS gone = ROW_COUNT;
    gone := gone - (events - by_function);
    IF gone < 0 OR gone > 0 AND NOT closed THEN
        RAISE EXCEPTION 'the events of batch % changed while they were replayed', batch;
    END IF;
    IF closed THEN
        DELETE FROM sch_chameleon.t_batch_events e WHERE e.i_id_batch = batch;
    ELSE
        UPDATE sch_chameleon.t_batch_events e SET i_id_event = list[events + 1:] WHERE e.i_id_batch = batch;
    END IF;
    UPDATE sch_chameleon.t_replica_batch b
    SET i_replayed = coalesce(b.i_replayed, 0) + in_sets, i_ddl = coalesce(b.i_ddl, 0), i_skipped = gone,
        b_replayed = closed, ts_replayed = clock_timestamp()
    WHERE b.i_id_batch = batch;
    UPDATE sch_chameleon.t_sources s
    SET ts_last_replay = to_timestamp(last_time)
    WHERE s.i_id_source = source_id AND last_time IS NOT NULL;
    outcome := 'replayed';
END
$BODY$;
