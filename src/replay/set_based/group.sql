-- Replays the events of one table, each key's net effect in bulk. Raises when it can't be proven to give what replaying
-- them one by one gives; the caller undoes it. origin: the events, as what follows FROM, with a condition at its end.
--
-- The events of a key must follow each other as on MySQL: an insert only where a delete came before, anything else only
-- where none did. An insert must not meet a row that is there; an update or delete without a row does nothing. So the
-- last event of a key says what its row is in the end.
CREATE OR REPLACE FUNCTION pg_temp.chameleon_replay_group(origin text, target regclass, key_names text[]) RETURNS void
LANGUAGE plpgsql AS
$BODY$
#variable_conflict error
DECLARE
    -- A btree entry has room for 2704 bytes.
    indexable CONSTANT integer := 2000;
    sample jsonb;
    columns text[];
    part record;
    net record;
    found_one boolean;
BEGIN
    EXECUTE format('SELECT jsb_event_data FROM %s AND enm_binlog_event <> ''delete'' LIMIT 1', origin) INTO sample;
    columns := CASE WHEN sample IS NULL THEN key_names ELSE ARRAY(SELECT jsonb_object_keys(sample)) END;

    -- Every column with its place k among the keys, and e among the columns of the events; the type that its text is
    -- compared as, and the one that it is stored as. The length of text is left to be looked at: a cast cuts it.
    SELECT count(c.e) AS columns,
           count(*) FILTER (WHERE c.e IS NULL AND (c.not_null OR c.has_default)) AS left_out,
           count(*) FILTER (WHERE c.k IS NOT NULL AND c.stored_as IN ('json', 'jsonb')) AS incomparable,
           string_agg(format('(l.old ->> %L)::%s AS k%s', c.name, c.compared_as, c.k), ', ')
               FILTER (WHERE c.k IS NOT NULL) AS old_values,
           string_agg(format('(l.new ->> %L)::%s AS e%s', c.name, c.stored_as, c.e), ', ')
               FILTER (WHERE c.e IS NOT NULL) AS new_values,
           string_agg('k' || c.k, ', ') FILTER (WHERE c.k IS NOT NULL) AS keys,
           string_agg(format('t.%I = n.k%s', c.name, c.k), ' AND ') FILTER (WHERE c.k IS NOT NULL) AS same_key,
           string_agg(quote_ident(c.name), ', ' ORDER BY c.e) FILTER (WHERE c.e IS NOT NULL) AS names,
           string_agg('n.e' || c.e, ', ' ORDER BY c.e) FILTER (WHERE c.e IS NOT NULL) AS values,
           string_agg(format('%I = n.e%s', c.name, c.e), ', ') FILTER (WHERE c.e IS NOT NULL) AS assignments,
           concat_ws(' AND ', 'same_columns',
               string_agg(format('k%s IS NOT NULL', c.k), ' AND ') FILTER (WHERE c.k IS NOT NULL),
               string_agg(format('(kind = ''d'' OR k%s = e%s)', c.k, c.e), ' AND ') FILTER (WHERE c.k IS NOT NULL),
               string_agg(format('(kind = ''d'' OR e%s IS NOT NULL)', c.e), ' AND ') FILTER (WHERE c.not_null),
               string_agg(format('coalesce(length(e%s) <= %s, true)', c.e, c.longest), ' AND ')
                   FILTER (WHERE c.e IS NOT NULL AND c.longest IS NOT NULL),
               string_agg(format('coalesce(octet_length(e%s::text), 0)', c.e), ' + ')
                   FILTER (WHERE c.e IS NOT NULL AND c.indexed) || ' <= ' || indexable) AS fits
    INTO part
    FROM (SELECT a.attname::text AS name, a.attnotnull AS not_null, a.atthasdef AS has_default,
                 array_position(key_names, a.attname::text) AS k, array_position(columns, a.attname::text) AS e,
                 format_type(a.atttypid, -1) AS compared_as,
                 format_type(a.atttypid, CASE WHEN a.of_text THEN -1 ELSE a.atttypmod END) AS stored_as,
                 CASE WHEN a.of_text AND a.atttypmod > 4 THEN a.atttypmod - 4 END AS longest,
                 (a.of_text OR a.atttypid IN ('bytea'::regtype, 'numeric'::regtype))
                     AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND a.attnum = ANY (i.indkey)) AS indexed
          FROM (SELECT *, atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) AS of_text
                FROM pg_attribute) a
          WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped) c;
    IF part.columns <> cardinality(columns) OR NOT columns @> key_names THEN
        RAISE EXCEPTION 'the columns of the events are not those of the table';
    END IF;
    IF part.left_out > 0 AND sample IS NOT NULL THEN
        RAISE EXCEPTION 'a column with a default is not in the events';
    END IF;
    IF part.incomparable > 0 THEN
        RAISE EXCEPTION 'a key of this type can not be compared';
    END IF;

    -- The last event of each key, with what it makes of the row, converted as a literal in its place would be; and any
    -- event that is not as it must be.
    EXECUTE format(
        'CREATE TEMP TABLE chameleon_net ON COMMIT DROP AS
         SELECT * FROM (
             SELECT c.*, (%5$s AND (before IS NULL OR (before = ''d'') = (kind = ''i''))) IS NOT TRUE AS wrong
             FROM (SELECT e.*, lag(kind) OVER chain AS before, lead(event) OVER chain IS NULL AS last,
                          first_value(kind) OVER chain AS first,
                          count(*) FILTER (WHERE kind = ''i'') OVER chain AS inserts
                   FROM (SELECT l.i_id_event AS event, l.kind, %2$s, %3$s,
                                (l.kind = ''d'' OR l.data ?& %6$L::text[] AND l.data - %6$L::text[] = ''{}'') IS TRUE
                                    AS same_columns
                         FROM (SELECT i_id_event, jsb_event_data AS data,
                                      CASE enm_binlog_event WHEN ''insert'' THEN ''i''::"char" WHEN ''update'' THEN ''u''::"char"
                                                            ELSE ''d''::"char" END AS kind,
                                      CASE enm_binlog_event WHEN ''update'' THEN jsb_event_update ELSE jsb_event_data END AS old,
                                      CASE WHEN enm_binlog_event <> ''delete'' THEN jsb_event_data END AS new
                               FROM %1$s) l) e
                   WINDOW chain AS (PARTITION BY %4$s ORDER BY event)) c) w
         WHERE last OR wrong',
        origin, part.old_values, part.new_values, part.keys, part.fits, columns);
    SELECT count(*) FILTER (WHERE n.wrong) AS wrong,
           count(*) FILTER (WHERE n.first = 'i' AND n.kind = 'd') AS came_and_went,
           count(*) FILTER (WHERE n.first <> 'i' AND (n.kind = 'd' OR n.inserts > 0)) AS deletes,
           count(*) FILTER (WHERE n.kind = 'u' AND n.inserts = 0) AS updates,
           count(*) FILTER (WHERE n.kind <> 'd' AND n.inserts > 0) AS inserts
    INTO net
    FROM chameleon_net n;
    IF net.wrong > 0 THEN
        RAISE EXCEPTION 'an event has other columns, another key than before, no place after the one before it, or a value that does not fit';
    END IF;
    IF net.came_and_went > 0 THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM chameleon_net AS n JOIN %s AS t ON %s WHERE n.first = ''i'' AND n.kind = ''d'')',
                       target, part.same_key) INTO found_one;
        IF found_one THEN
            RAISE EXCEPTION 'a row is inserted that is there already';
        END IF;
    END IF;

    -- A row that was deleted and inserted again keeps nothing of what it was.
    IF net.deletes > 0 THEN
        EXECUTE format('DELETE FROM %s AS t USING chameleon_net AS n
                        WHERE n.first <> ''i'' AND (n.kind = ''d'' OR n.inserts > 0) AND %s', target, part.same_key);
    END IF;
    IF net.updates > 0 THEN
        EXECUTE format('UPDATE %s AS t SET %s FROM chameleon_net AS n WHERE n.kind = ''u'' AND n.inserts = 0 AND %s',
                       target, part.assignments, part.same_key);
    END IF;
    IF net.inserts > 0 THEN
        EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM chameleon_net AS n WHERE n.kind <> ''d'' AND n.inserts > 0',
                       target, part.names, part.values);
    END IF;
    DROP TABLE chameleon_net;
END
$BODY$;
