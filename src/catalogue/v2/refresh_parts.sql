-- fn_refresh_parts: makes the log tables that the sources name in t_sources.v_log_table and that don't exist yet.
--
-- A log table inherits from t_log_replica and has a primary key, a foreign key and an index of its own, named after
-- it. PostgreSQL cuts names at 63 bytes, and the two log tables of a source differ in their last byte only: a name
-- that would be cut is replaced by one made of the source's id and the number of the table.

CREATE FUNCTION sch_chameleon.fn_refresh_parts() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
$BODY$
#variable_conflict error
DECLARE
    longest_name CONSTANT integer := 63;
    log_table record;
    object_names text[];
BEGIN
    FOR log_table IN
        SELECT src.i_id_source, src.t_source, part.v_name, part.i_number
        FROM sch_chameleon.t_sources src
        CROSS JOIN LATERAL unnest(src.v_log_table) WITH ORDINALITY AS part (v_name, i_number)
        ORDER BY src.i_id_source, part.i_number
    LOOP
        IF octet_length(log_table.v_name) > longest_name THEN
            RAISE EXCEPTION 'the name of log table % of source % is longer than % bytes',
                log_table.v_name, log_table.t_source, longest_name
                USING ERRCODE = 'name_too_long', HINT = 'Give the source a shorter name.';
        END IF;

        SELECT array_agg(
            CASE
                WHEN octet_length(prefix || log_table.v_name) <= longest_name THEN prefix || log_table.v_name
                ELSE format('%sof_log_%s_%s', prefix, log_table.i_id_source, log_table.i_number)
            END
            ORDER BY i_number
        )
        INTO object_names
        FROM unnest(ARRAY['pk_', 'fk_', 'idx_id_batch_']) WITH ORDINALITY AS object (prefix, i_number);

        IF to_regclass(format('sch_chameleon.%I', log_table.v_name)) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE sch_chameleon.%I ('
                    'CONSTRAINT %I PRIMARY KEY (i_id_event), '
                    'CONSTRAINT %I FOREIGN KEY (i_id_batch) REFERENCES sch_chameleon.t_replica_batch (i_id_batch) '
                    'ON UPDATE RESTRICT ON DELETE CASCADE'
                ') INHERITS (sch_chameleon.t_log_replica)',
                log_table.v_name, object_names[1], object_names[2]
            );
        END IF;
        IF to_regclass(format('sch_chameleon.%I', object_names[3])) IS NULL THEN
            EXECUTE format('CREATE INDEX %I ON sch_chameleon.%I (i_id_batch)', object_names[3], log_table.v_name);
        END IF;
    END LOOP;
END
$BODY$;
