-- Does what fn_process_batch(max_events, source_id) does, or nothing.
--
-- outcome: replayed (so many events, as one call of fn_process_batch would have done; handed_over says which tables
-- that function did, and why); function (nothing was done: the next so many events are for fn_process_batch); or
-- nothing (no batch waits).
CREATE OR REPLACE FUNCTION pg_temp.chameleon_replay_slice(
    source_id bigint, max_events integer, worth_it integer,
    OUT outcome text, OUT events integer, OUT handed_over text[]
)
LANGUAGE plpgsql SET work_mem = '64MB' AS
$BODY$
DECLARE
    batch bigint;
    list bigint[];
    head bigint[];
    first_event bigint;
    last_event bigint;
    last_time bigint;
    first_ddl bigint;
    in_sets bigint := 0;
    by_function bigint := 0;
    still_open boolean;
    leftover_schemas text[] := '{}';
    leftover_tables text[] := '{}';
    part record;
BEGIN
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
    head := list[1:max_events];
    events := cardinality(head);
    IF events < worth_it THEN
        RETURN;
    END IF;
    first_event := head[1];
    last_event := head[events];
    -- The list holds exactly the events of the batch between its ends, in their order.
    IF head IS DISTINCT FROM (
        SELECT array_agg(l.i_id_event ORDER BY l.i_id_event)
        FROM sch_chameleon.t_log_replica l
        WHERE l.i_id_batch = batch AND l.i_id_event BETWEEN first_event AND last_event) THEN
        RETURN;
    END IF;

    -- Up to the first DDL that will be run.
    SELECT min(l.i_id_event) INTO first_ddl
    FROM sch_chameleon.t_log_replica l
    WHERE l.i_id_batch = batch AND l.i_id_event BETWEEN first_event AND last_event AND l.enm_binlog_event = 'ddl'
      AND EXISTS (SELECT FROM sch_chameleon.t_replica_tables t
                  WHERE t.v_schema_name = l.v_schema_name AND t.v_table_name = l.v_table_name);
    IF first_ddl IS NOT NULL THEN
        events := array_position(head, first_ddl) - 1;
        IF events < worth_it THEN
            -- Where one DDL is so near, others may be.
            events := least(cardinality(head), 20 * worth_it);
            RETURN;
        END IF;
        last_event := head[events];
    END IF;
    SELECT l.i_my_event_time INTO last_time
    FROM sch_chameleon.t_log_replica l
    WHERE l.i_id_batch = batch AND l.i_id_event = last_event;
    IF last_time IS NULL THEN
        RETURN;
    END IF;

    CREATE TEMP TABLE chameleon_groups ON COMMIT DROP AS
    SELECT l.v_schema_name::text AS schema_name, l.v_table_name::text AS table_name, count(*) AS events
    FROM sch_chameleon.t_log_replica l
    WHERE l.i_id_batch = batch AND l.i_id_event BETWEEN first_event AND last_event
    GROUP BY 1, 2;
    IF coalesce((SELECT sum(g.events) FROM chameleon_groups g WHERE g.events >= worth_it), 0) * 2 < events THEN
        RETURN;
    END IF;
    CREATE TEMP TABLE chameleon_tables ON COMMIT DROP AS
    SELECT g.*, r.*, o.in_order, CASE WHEN g.events < worth_it THEN 'it has few events' ELSE o.reason END AS reason
    FROM chameleon_groups g
    CROSS JOIN LATERAL (
        SELECT count(*) AS registrations,
               -- Names with quotes or commas in them can be taken apart in more than one way.
               min(CASE WHEN cardinality(t.v_table_pkey) = 1 AND t.v_table_pkey[1] ~ '^"[^",]+"(,"[^",]+")*$'
                        THEN string_to_array(substr(t.v_table_pkey[1], 2, length(t.v_table_pkey[1]) - 2), '","')
                   END) AS key_names
        FROM sch_chameleon.t_sources s
        JOIN sch_chameleon.t_replica_tables t
            ON t.i_id_source = s.i_id_source AND t.v_table_name = g.table_name AND t.v_schema_name = g.schema_name) r
    CROSS JOIN LATERAL pg_temp.chameleon_obstacle(
        to_regclass(format('%I.%I', g.schema_name, g.table_name)), r.key_names) o
    WHERE r.registrations > 0;
    IF EXISTS (SELECT FROM chameleon_tables t WHERE t.registrations > 1 OR t.in_order) THEN
        RETURN;
    END IF;

    FOR part IN SELECT * FROM chameleon_tables t ORDER BY t.schema_name, t.table_name
    LOOP
        IF part.reason IS NULL THEN
            BEGIN
                PERFORM pg_temp.chameleon_replay_group(
                    batch, first_event, last_event, part.schema_name, part.table_name, part.key_names, part.events);
                in_sets := in_sets + part.events;
            EXCEPTION WHEN OTHERS THEN
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
        PERFORM sch_chameleon.fn_process_batch(by_function::integer, source_id::integer);
        SELECT NOT b.b_replayed INTO still_open FROM sch_chameleon.t_replica_batch b WHERE b.i_id_batch = batch;
        IF NOT still_open THEN
            -- None of these events was applied, and so it closed the batch.
            RAISE EXCEPTION USING ERRCODE = 'CHUFN', MESSAGE = 'the other events are passed over';
        END IF;
    END IF;

    DELETE FROM sch_chameleon.t_log_replica l
    WHERE l.i_id_batch = batch AND l.i_id_event BETWEEN first_event AND last_event;
    UPDATE sch_chameleon.t_batch_events e SET i_id_event = list[events + 1:] WHERE e.i_id_batch = batch;
    UPDATE sch_chameleon.t_replica_batch b
    SET i_replayed = coalesce(b.i_replayed, 0) + in_sets, i_ddl = coalesce(b.i_ddl, 0), i_skipped = 0,
        ts_replayed = clock_timestamp()
    WHERE b.i_id_batch = batch;
    UPDATE sch_chameleon.t_sources s SET ts_last_replay = to_timestamp(last_time) WHERE s.i_id_source = source_id;
    outcome := 'replayed';
END
$BODY$;
