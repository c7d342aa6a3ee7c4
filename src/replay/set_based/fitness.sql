-- What of a table stands in the way of replaying its events in sets: NULL when nothing does.
--
-- in_order: its changes can reach other tables, or depend on them, so that the order of events between tables matters.
-- reason: sets of its changes might not give what they give one by one.
CREATE OR REPLACE FUNCTION pg_temp.chameleon_obstacle(target regclass, key_names text[], OUT in_order boolean, OUT reason text)
LANGUAGE plpgsql AS
$BODY$
#variable_conflict error
BEGIN
    in_order := true;
    reason := CASE
        WHEN target IS NULL THEN 'there is no such table'
        WHEN NOT EXISTS (SELECT FROM pg_class c
                         WHERE c.oid = target AND c.relkind = 'r' AND NOT c.relispartition)
            THEN 'it is no ordinary table'
        WHEN EXISTS (SELECT FROM pg_inherits i WHERE target IN (i.inhrelid, i.inhparent))
            THEN 'it inherits, or is inherited from'
        -- A foreign key, in either direction, is a trigger.
        WHEN EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = target)
            THEN 'it has triggers or foreign keys'
        WHEN EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = target) THEN 'it has rules'
        WHEN (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = target) THEN 'it has row security'
        WHEN EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                     WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND t.typtype = 'd')
            THEN 'it has columns of domains'
        -- Functions of the server itself are not noted as dependencies.
        WHEN EXISTS (SELECT FROM pg_depend d
                     WHERE d.refclassid = 'pg_proc'::regclass
                       AND (d.classid, d.objid) IN (
                           SELECT 'pg_constraint'::regclass::oid, c.oid FROM pg_constraint c WHERE c.conrelid = target
                           UNION ALL
                           SELECT 'pg_attrdef'::regclass, f.oid FROM pg_attrdef f WHERE f.adrelid = target
                           UNION ALL
                           SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i WHERE i.indrelid = target))
            THEN 'its defaults, constraints or indexes call functions'
        -- What was drawn stays drawn when a slice is undone.
        WHEN EXISTS (SELECT FROM pg_depend d
                     JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
                     JOIN pg_class s ON d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid AND s.relkind = 'S'
                     WHERE f.adrelid = target)
             OR EXISTS (SELECT FROM pg_attribute a
                        WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity <> '')
            THEN 'it draws from sequences'
    END;
    IF reason IS NOT NULL THEN
        RETURN;
    END IF;

    in_order := false;
    reason := CASE
        -- A row of more columns might not fit into a page, whatever it becomes in the end.
        WHEN (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = target AND a.attnum > 0) > 400
            THEN 'it has more than 400 columns'
        WHEN key_names IS NULL THEN 'the names of its key columns can be read in more than one way'
        WHEN NOT EXISTS (SELECT FROM pg_index i
                         WHERE i.indrelid = target AND i.indisprimary AND i.indimmediate AND i.indisvalid
                           AND ARRAY(SELECT a.attname::text FROM pg_attribute a
                                     WHERE a.attrelid = target AND a.attnum = ANY (i.indkey) ORDER BY 1)
                             = ARRAY(SELECT name FROM unnest(key_names) AS name ORDER BY 1))
            THEN 'its primary key is another one than that of the catalogue'
        WHEN EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
                     WHERE i.indrelid = target AND NOT i.indisprimary
                       AND (i.indisunique OR i.indisexclusion OR m.amname <> 'btree'
                            OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
            THEN 'it has indexes of other kinds than plain ones'
        WHEN EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = target AND c.contype NOT IN ('p', 'n'))
            THEN 'it has constraints'
        WHEN EXISTS (SELECT FROM pg_attribute a
                     WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
                       AND coalesce(to_jsonb(a) ->> 'attgenerated', '') <> '')
            THEN 'it has generated columns'
        WHEN EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                     WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
                       AND t.typtype <> 'e'
                       AND t.oid <> ALL ('{int2,int4,int8,numeric,float4,float8,bool,text,varchar,bpchar,bytea,date,time,
                                           timestamp,timestamptz,uuid,json,jsonb}'::regtype[]))
            THEN 'it has columns of other types than the usual ones'
        WHEN EXISTS (SELECT FROM pg_attribute a
                     WHERE a.attrelid = target AND a.attname = ANY (key_names)
                       AND a.attcollation NOT IN (0, 100 /* the default one */))
            THEN 'its key has a collation of its own'
    END;
END
$BODY$;
