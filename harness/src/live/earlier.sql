-- Fills the catalogue of an earlier 2.0 that a release has just made with the rows of the one that was put aside as
-- harness_today: by the columns that both have. The log tables of the sources are made by its own fn_refresh_parts.
SET search_path = sch_chameleon;
DO $$
DECLARE
    relation text;
    made boolean := false;
BEGIN
    FOR relation IN
        SELECT n.relname
        FROM pg_class n
        JOIN pg_class o ON o.relname = n.relname AND o.relnamespace = 'harness_today'::regnamespace AND o.relkind = 'r'
        WHERE n.relnamespace = 'sch_chameleon'::regnamespace AND n.relkind = 'r'
        -- What others refer to comes first.
        ORDER BY array_position(ARRAY['t_sources', 't_replica_batch'], n.relname::text) NULLS LAST, n.relname
    LOOP
        EXECUTE (
            SELECT format('INSERT INTO sch_chameleon.%I (%s) SELECT %s FROM ONLY harness_today.%1$I', relation,
                          string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
                          string_agg(CASE WHEN t.typtype = 'e' THEN format('%I::text::sch_chameleon.%I', a.attname, t.typname)
                                          ELSE quote_ident(a.attname) END, ', ' ORDER BY a.attnum))
            FROM pg_attribute a
            JOIN pg_attribute b ON b.attname = a.attname AND b.attnum > 0
                               AND b.attrelid = format('harness_today.%I', relation)::regclass
            JOIN pg_type t ON t.oid = a.atttypid
            WHERE a.attrelid = format('sch_chameleon.%I', relation)::regclass AND a.attnum > 0
        );
    END LOOP;
END
$$;
SELECT fn_refresh_parts();
DO $$
DECLARE
    log text;
    columns CONSTANT text := 'i_id_event, i_id_batch, v_table_name, v_schema_name, t_binlog_name, i_binlog_position,
        ts_event_datetime, jsb_event_after, jsb_event_before, t_query, i_my_event_time';
BEGIN
    FOR log IN SELECT unnest(v_log_table) FROM t_sources LOOP
        EXECUTE format('INSERT INTO sch_chameleon.%I (enm_binlog_event, %s)
                        SELECT enm_binlog_event::text::sch_chameleon.en_binlog_event, %2$s FROM ONLY harness_today.%1$I',
                       log, columns);
    END LOOP;
    FOR log IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'sch_chameleon'::regnamespace AND c.relkind = 'S' LOOP
        IF to_regclass(format('harness_today.%I', log)) IS NOT NULL THEN
            EXECUTE format('SELECT setval(%L, last_value, is_called) FROM harness_today.%I',
                           format('sch_chameleon.%I', log), log);
        END IF;
    END LOOP;
END
$$;
DROP SCHEMA harness_today CASCADE;
RESET search_path
