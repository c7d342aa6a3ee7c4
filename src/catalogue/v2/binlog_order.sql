-- binlog_min and binlog_max: the first and the last of binlog coordinates, each an array of file name and position.
--
-- The order is by the number after the last dot of the file name, then by position, as numbers; positions pass 4 GiB.
-- {0,0} stands for no coordinate yet. A coordinate without file or position counts only when there is no complete one.
-- Of two equal ones binlog_max takes the later row, binlog_min the earlier.
--
-- They run under the caller's search_path: operators are qualified. (A SET of their own would take longer than they do.)

CREATE FUNCTION sch_chameleon.fn_binlog_max(text[], text[]) RETURNS text[]
LANGUAGE sql AS
$BODY$
SELECT CASE
    WHEN $1 OPERATOR(pg_catalog.=) '{0,0}' THEN $2
    WHEN $2 OPERATOR(pg_catalog.=) '{0,0}' OR $2[1] IS NULL OR $2[2] IS NULL THEN $1
    WHEN $1[1] IS NULL OR $1[2] IS NULL THEN $2
    WHEN (substring($2[1] FROM '[^.]*$')::numeric, $2[2]::bigint)
      OPERATOR(pg_catalog.>=) (substring($1[1] FROM '[^.]*$')::numeric, $1[2]::bigint) THEN $2
    ELSE $1
END
$BODY$;

CREATE FUNCTION sch_chameleon.fn_binlog_min(text[], text[]) RETURNS text[]
LANGUAGE sql AS
$BODY$
SELECT CASE
    WHEN $1 OPERATOR(pg_catalog.=) '{0,0}' THEN $2
    WHEN $2 OPERATOR(pg_catalog.=) '{0,0}' OR $2[1] IS NULL OR $2[2] IS NULL THEN $1
    WHEN $1[1] IS NULL OR $1[2] IS NULL THEN $2
    WHEN (substring($2[1] FROM '[^.]*$')::numeric, $2[2]::bigint)
      OPERATOR(pg_catalog.<) (substring($1[1] FROM '[^.]*$')::numeric, $1[2]::bigint) THEN $2
    ELSE $1
END
$BODY$;

CREATE FUNCTION sch_chameleon.fn_binlog_max_final(text[]) RETURNS text[]
LANGUAGE sql AS 'SELECT $1';

CREATE FUNCTION sch_chameleon.fn_binlog_min_final(text[]) RETURNS text[]
LANGUAGE sql AS 'SELECT $1';

CREATE AGGREGATE sch_chameleon.binlog_max(text[]) (
    SFUNC = sch_chameleon.fn_binlog_max,
    STYPE = text[],
    FINALFUNC = sch_chameleon.fn_binlog_max_final,
    INITCOND = '{0,0}'
);

CREATE AGGREGATE sch_chameleon.binlog_min(text[]) (
    SFUNC = sch_chameleon.fn_binlog_min,
    STYPE = text[],
    FINALFUNC = sch_chameleon.fn_binlog_min_final,
    INITCOND = '{0,0}'
);
