-- In the schema shadow, one of each that pg_catalog holds: functions, aggregates, operators, types, relations. Whoever
-- calls or reads one is counted, whatever becomes of the transaction, and fails.
CREATE SCHEMA shadow;
CREATE SEQUENCE shadow.calls;
CREATE TABLE shadow.left_out (name pg_catalog.text);
CREATE FUNCTION shadow.alarm(what pg_catalog.text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS
$$BEGIN PERFORM nextval('shadow.calls'); RAISE EXCEPTION 'a shadow is called: %', what; END$$;
CREATE FUNCTION shadow.final(bigint) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN PERFORM shadow.alarm('count'); END$$;
SET check_function_bodies = off;
SET search_path = pg_catalog;
GRANT USAGE ON SCHEMA shadow TO PUBLIC;
DO $BODY$
DECLARE
    it record;
    body text;
BEGIN
    FOR it IN SELECT p.oid, p.proname, p.prokind, pg_get_function_arguments(p.oid) AS arguments,
                     pg_get_function_identity_arguments(p.oid) AS signature, pg_get_function_result(p.oid) AS result
              FROM pg_proc p
              WHERE p.pronamespace = 'pg_catalog'::regnamespace
                -- No statement can call what takes or gives these.
                AND NOT p.proargtypes::oid[] && ARRAY['internal', 'cstring']::regtype[]::oid[]
                AND p.prorettype <> ALL (ARRAY['internal', 'cstring', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler',
                                               'index_am_handler', 'tsm_handler']::regtype[])
    LOOP
        body := format('BEGIN PERFORM shadow.alarm(%L); END', it.proname);
        BEGIN
            IF it.prokind = 'a' THEN
                IF it.proname = 'count' AND it.signature = '"any"' THEN
                    CREATE AGGREGATE shadow.count("any") (SFUNC = int8inc_any, STYPE = bigint, INITCOND = '0', FINALFUNC = shadow.final);
                ELSE
                    EXECUTE format('CREATE FUNCTION shadow.step_%s(%s) RETURNS text LANGUAGE plpgsql AS %L',
                                   it.oid, concat_ws(', ', 'text', nullif(it.signature, '')), body);
                    EXECUTE format('CREATE AGGREGATE shadow.%I(%s) (SFUNC = shadow.step_%s, STYPE = text)',
                                   it.proname, coalesce(nullif(it.signature, ''), '*'), it.oid);
                END IF;
            ELSE
                EXECUTE format('CREATE FUNCTION shadow.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L',
                               it.proname, it.arguments, it.result, body);
            END IF;
        EXCEPTION WHEN OTHERS THEN
            -- PL/pgSQL takes no "any". The server's own function for what can't be a value fails, and is not counted.
            BEGIN
                IF it.prokind = 'a' THEN
                    EXECUTE format('CREATE FUNCTION shadow.step_%s(%s) RETURNS text LANGUAGE internal AS %L',
                                   it.oid, concat_ws(', ', 'text', nullif(it.signature, '')), 'anyelement_in');
                    EXECUTE format('CREATE AGGREGATE shadow.%I(%s) (SFUNC = shadow.step_%s, STYPE = text)',
                                   it.proname, it.signature, it.oid);
                ELSE
                    EXECUTE format('CREATE FUNCTION shadow.%I(%s) RETURNS %s LANGUAGE internal AS %L',
                                   it.proname, it.arguments, it.result, 'anyelement_in');
                END IF;
            EXCEPTION WHEN OTHERS THEN
                INSERT INTO shadow.left_out VALUES (it.proname);
            END;
        END;
    END LOOP;

    FOR it IN SELECT o.oid, o.oprname, o.oprleft::regtype AS left, o.oprright::regtype AS right, o.oprresult::regtype AS result,
                     o.oprleft = 0 AS prefix
              FROM pg_operator o
              WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprright <> 0 AND o.oprcode <> 0
    LOOP
        body := format('BEGIN PERFORM shadow.alarm(%L); END', 'operator ' || it.oprname);
        BEGIN
            EXECUTE format('CREATE FUNCTION shadow.operator_%s(%s%s) RETURNS %s LANGUAGE plpgsql AS %L', it.oid,
                           CASE WHEN NOT it.prefix THEN format('%s, ', it.left) END, it.right, it.result, body);
            EXECUTE format('CREATE OPERATOR shadow.%s (PROCEDURE = shadow.operator_%s, %s RIGHTARG = %s)', it.oprname, it.oid,
                           CASE WHEN NOT it.prefix THEN format('LEFTARG = %s,', it.left) END, it.right);
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO shadow.left_out VALUES (format('%s (%s, %s)', it.oprname, it.left, it.right));
        END;
    END LOOP;

    FOR it IN SELECT t.typname FROM pg_type t
              WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'e', 'r') AND t.typname NOT LIKE '\_%'
    LOOP
        BEGIN
            EXECUTE format('CREATE DOMAIN shadow.%I AS pg_catalog.%1$I CHECK (shadow.alarm(%L))', it.typname, 'type ' || it.typname);
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO shadow.left_out VALUES (it.typname);
        END;
    END LOOP;

    -- No view has a column of the type anyarray.
    FOR it IN SELECT c.relname, (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute a
                                 WHERE a.attrelid = c.oid AND attnum > 0 AND atttypid <> 'anyarray'::regtype) AS columns
              FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')
    LOOP
        BEGIN
            EXECUTE format('CREATE VIEW shadow.%1$I AS SELECT %2$s FROM pg_catalog.%1$I WHERE (SELECT shadow.alarm(%3$L))',
                           it.relname, it.columns, 'relation ' || it.relname);
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO shadow.left_out VALUES (it.relname);
        END;
    END LOOP;
END
$BODY$;
RESET search_path;
