-- What stands in sch_chameleon and is not of pg_chameleon 1.x's making: relations, routines, types, and triggers on its
-- tables. $1: how many of them are named.
WITH catalogue AS (
    SELECT oid AS namespace FROM pg_namespace WHERE nspname = 'sch_chameleon'
), object AS (
    SELECT 'pg_class'::regclass AS class, c.oid, true AS movable
    FROM pg_class c JOIN catalogue ON c.relnamespace = namespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
      AND c.relname NOT IN ('t_sources', 't_replica_batch', 't_replica_tables', 't_batch_events', 't_discarded_rows',
                            't_index_def', 'v_version')
      AND left(c.relname, 13) <> 't_log_replica'
      -- The sequence of a column goes with its table.
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind = 'S'
                        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, true
    FROM pg_proc p JOIN catalogue ON p.pronamespace = namespace
    WHERE p.proname NOT IN ('fn_process_batch', 'fn_refresh_parts')
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, true
    FROM pg_type t JOIN catalogue ON t.typnamespace = namespace
    -- Neither those of relations nor arrays.
    WHERE t.typrelid = 0 AND t.typelem = 0 AND t.typname NOT IN ('en_src_status', 'en_binlog_event')
    UNION ALL
    SELECT 'pg_trigger'::regclass, g.oid, false
    FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN catalogue ON c.relnamespace = namespace
    WHERE NOT g.tgisinternal
), numbered AS (
    SELECT pg_describe_object(class, oid, 0) AS description,
           -- A view or a trigger goes on with the tables that it was made for, wherever it stands.
           CASE WHEN movable AND i.type NOT IN ('view', 'materialized view')
                THEN format('ALTER %s %s SET SCHEMA public;',
                            upper(CASE i.type WHEN 'composite type' THEN 'type' ELSE i.type END), i.identity) END AS move,
           row_number() OVER (ORDER BY pg_describe_object(class, oid, 0)) AS number,
           count(*) OVER () AS total
    FROM object, LATERAL pg_identify_object(class, oid, 0) i
)
SELECT description, move, total FROM numbered WHERE number <= $1 ORDER BY number
