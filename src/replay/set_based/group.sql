-- Replays the events of one table between two places of a batch, each key's net effect in bulk, and returns how many
-- events they were. Raises when it can't be proven to give what replaying them one by one gives; the caller undoes it.
--
-- An insert must never meet a row that is there: after another insert without a delete between, or before any delete
-- where the row existed. An update or delete without a row does nothing. So the last of a key's inserts and deletes
-- says whether its row is there at the end, and then the row is what the last event of the key made of it.
CREATE OR REPLACE FUNCTION pg_temp.chameleon_replay_group(
    batch bigint, first_event bigint, last_event bigint, schema_name text, table_name text, key_names text[],
    expected bigint
) RETURNS void
LANGUAGE plpgsql AS
$BODY$
DECLARE
    -- A btree entry has room for 2704 bytes.
    indexable CONSTANT integer := 2000;
    target text := format('%I.%I', schema_name, table_name);
    columns text[];
    proof text;
    proven boolean;
    keys text;
    same_key text;
    nets record;
    again bigint;
    sample jsonb;
BEGIN
    SELECT l.jsb_event_data INTO sample
    FROM sch_chameleon.t_log_replica l
    WHERE l.i_id_batch = batch AND l.i_id_event BETWEEN first_event AND last_event
      AND l.v_schema_name = schema_name AND l.v_table_name = table_name
      AND l.enm_binlog_event <> 'delete'
    ORDER BY l.i_id_event
    LIMIT 1;
    columns := CASE WHEN sample IS NULL THEN key_names ELSE ARRAY(SELECT jsonb_object_keys(sample)) END;

    -- Every column with its place k among the keys, and e among the columns of the events; the type that its text is
    -- compared as, and the one that it is stored as. The length of text is left to be looked at: a cast cuts it.
    CREATE TEMP TABLE chameleon_columns ON COMMIT DROP AS
    SELECT a.attname::text AS name, a.attnotnull AS not_null,
           array_position(key_names, a.attname::text) AS k,
           array_position(columns, a.attname::text) AS e,
           format_type(a.atttypid, -1) AS compared_as,
           format_type(a.atttypid, CASE WHEN of_text THEN -1 ELSE a.atttypmod END) AS stored_as,
           CASE WHEN of_text AND a.atttypmod > 4 THEN a.atttypmod - 4 END AS longest,
           CASE WHEN of_text OR a.atttypid IN ('bytea'::regtype, 'numeric'::regtype) THEN
               EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND a.attnum = ANY (i.indkey))
           ELSE false END AS indexed,
           a.atthasdef AS has_default
    FROM (SELECT *, atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) AS of_text
          FROM pg_attribute) a
    WHERE a.attrelid = target::regclass AND a.attnum > 0 AND NOT a.attisdropped;

    IF (SELECT count(*) FROM chameleon_columns t WHERE t.e IS NOT NULL) <> cardinality(columns)
       OR NOT columns @> key_names THEN
        RAISE EXCEPTION 'the columns of the events are not those of the table';
    END IF;
    IF sample IS NOT NULL
       AND EXISTS (SELECT FROM chameleon_columns t WHERE t.e IS NULL AND (t.not_null OR t.has_default)) THEN
        RAISE EXCEPTION 'a column with a default is not in the events';
    END IF;
    IF EXISTS (SELECT FROM chameleon_columns t WHERE t.k IS NOT NULL AND t.stored_as IN ('json', 'jsonb')) THEN
        RAISE EXCEPTION 'a key of this type can not be compared';
    END IF;

    -- The values of every event, converted as a literal in its place would be.
    EXECUTE format(
        'CREATE TEMP TABLE chameleon_events ON COMMIT DROP AS
         SELECT l.i_id_event AS event, l.kind = ''delete'' AS deletes,
                CASE l.kind WHEN ''insert'' THEN 2 * l.i_id_event + 1 WHEN ''delete'' THEN 2 * l.i_id_event END AS turn,
                (l.kind = ''delete'' OR l.data ?& %1$L::text[] AND l.data - %1$L::text[] = ''{}'') IS TRUE AS same_columns,
                %2$s
         FROM (SELECT i_id_event, enm_binlog_event AS kind, jsb_event_data AS data,
                      CASE enm_binlog_event WHEN ''update'' THEN jsb_event_update ELSE jsb_event_data END AS old,
                      CASE WHEN enm_binlog_event <> ''delete'' THEN jsb_event_data END AS new
               FROM sch_chameleon.t_log_replica
               WHERE i_id_batch = %3$s AND i_id_event BETWEEN %4$s AND %5$s
                 AND v_schema_name = %6$L AND v_table_name = %7$L) l',
        columns,
        (SELECT string_agg(value, ', ') FROM (
            SELECT format('(l.old ->> %L)::%s AS k%s', t.name, t.compared_as, t.k) AS value
            FROM chameleon_columns t WHERE t.k IS NOT NULL
            UNION ALL
            SELECT format('(l.new ->> %L)::%s AS e%s', t.name, t.stored_as, t.e)
            FROM chameleon_columns t WHERE t.e IS NOT NULL AND sample IS NOT NULL) AS value),
        batch, first_event, last_event, schema_name, table_name);

    SELECT string_agg(condition, ' AND ') INTO proof
    FROM (SELECT 'count(*) = ' || expected || ' AND bool_and(same_columns)' AS condition
          UNION ALL
          SELECT format('count(k%s) = count(*)', t.k) FROM chameleon_columns t WHERE t.k IS NOT NULL
          UNION ALL
          SELECT format('bool_and((deletes OR k%s = e%s) IS TRUE)', t.k, t.e)
          FROM chameleon_columns t WHERE t.k IS NOT NULL AND sample IS NOT NULL
          UNION ALL
          SELECT format('bool_and(deletes OR e%s IS NOT NULL)', t.e)
          FROM chameleon_columns t WHERE t.not_null AND sample IS NOT NULL
          UNION ALL
          SELECT format('coalesce(max(length(e%s)), 0) <= %s', t.e, t.longest)
          FROM chameleon_columns t WHERE t.longest IS NOT NULL AND t.e IS NOT NULL AND sample IS NOT NULL
          UNION ALL
          SELECT format('coalesce(max(%s), 0) <= %s',
                        string_agg(format('coalesce(octet_length(e%s::text), 0)', t.e), ' + '), indexable)
          FROM chameleon_columns t WHERE t.indexed AND t.e IS NOT NULL AND sample IS NOT NULL
          HAVING count(*) > 0) AS conditions;
    EXECUTE 'SELECT ' || proof || ' FROM chameleon_events' INTO proven;
    IF proven IS NOT TRUE THEN
        RAISE EXCEPTION 'an event has other columns, no key, another key than before, or a value that does not fit';
    END IF;

    SELECT string_agg('k' || t.k, ', ' ORDER BY t.k),
           string_agg(format('t.%I = n.k%s', t.name, t.k), ' AND ' ORDER BY t.k)
    INTO keys, same_key
    FROM chameleon_columns t WHERE t.k IS NOT NULL;

    -- What becomes of each key; the values of its last event. A turn is an insert (odd) or a delete (even).
    EXECUTE format(
        'CREATE TEMP TABLE chameleon_net ON COMMIT DROP AS
         SELECT n.*, w.turns, w.first_turn,
                CASE WHEN t.%4$I IS NULL THEN CASE WHEN w.last_turn %% 2 = 1 THEN ''i'' END
                     WHEN w.first_turn %% 2 = 1 THEN ''!''
                     WHEN w.last_turn %% 2 = 0 THEN ''d''
                     ELSE ''u''
                END AS effect
         FROM (SELECT max(event) AS event, count(turn) AS turns, min(turn) AS first_turn, max(turn) AS last_turn
               FROM chameleon_events
               GROUP BY %1$s) AS w
         JOIN chameleon_events AS n ON n.event = w.event
         LEFT JOIN %2$s AS t ON %3$s',
        keys, target, same_key, key_names[1]);
    SELECT count(*) FILTER (WHERE n.effect = '!') AS wrong, count(*) FILTER (WHERE n.effect = 'd') AS deletes,
           count(*) FILTER (WHERE n.effect = 'u') AS updates, count(*) FILTER (WHERE n.effect = 'i') AS inserts,
           bool_or(n.turns > 2 OR n.turns = 2 AND n.first_turn % 2 = 1) AS look_closer
    INTO nets
    FROM chameleon_net n;
    IF nets.look_closer THEN
        EXECUTE format(
            'SELECT count(*) FROM (SELECT turn, lag(turn) OVER (PARTITION BY %s ORDER BY event) AS before
                                   FROM chameleon_events WHERE turn IS NOT NULL) AS e
             WHERE turn %% 2 = 1 AND before %% 2 = 1', keys) INTO again;
    END IF;
    IF nets.wrong > 0 OR again > 0 THEN
        RAISE EXCEPTION 'a row is inserted that is there already';
    END IF;

    IF nets.deletes > 0 THEN
        EXECUTE format('DELETE FROM %s AS t USING chameleon_net AS n WHERE n.effect = ''d'' AND %s', target, same_key);
    END IF;
    IF nets.updates > 0 THEN
        -- A row that was deleted and inserted again keeps nothing of what it was.
        EXECUTE format('UPDATE %s AS t SET %s FROM chameleon_net AS n WHERE n.effect = ''u'' AND %s', target,
            (SELECT string_agg(CASE WHEN t.e IS NOT NULL THEN format('%I = n.e%s', t.name, t.e)
                                    ELSE format('%1$I = CASE WHEN n.turns = 0 THEN t.%1$I END', t.name) END, ', ')
             FROM chameleon_columns t),
            same_key);
    END IF;
    IF nets.inserts > 0 THEN
        EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM chameleon_net AS n WHERE n.effect = ''i''', target,
            (SELECT string_agg(quote_ident(t.name), ', ' ORDER BY t.e) FROM chameleon_columns t WHERE t.e IS NOT NULL),
            (SELECT string_agg('n.e' || t.e, ', ' ORDER BY t.e) FROM chameleon_columns t WHERE t.e IS NOT NULL));
    END IF;
    DROP TABLE chameleon_columns, chameleon_events, chameleon_net;
END
$BODY$;
