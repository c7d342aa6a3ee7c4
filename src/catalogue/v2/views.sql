-- The views of the 2.0.10 catalogue: its version, and the statements that drop the indexes and foreign keys of
-- the database and create them again.

CREATE VIEW sch_chameleon.v_version AS SELECT '2.0.10'::text AS t_version;

-- Every index outside TOAST. One that belongs to a primary key or unique constraint goes and comes with it.
CREATE VIEW sch_chameleon.v_idx_cons AS
SELECT
    coalesce(con.contype, 'i'::"char") AS v_constraint_type,
    CASE
        WHEN con.oid IS NULL THEN format('DROP INDEX %I.%I;', nsp.nspname, idx.relname)
        ELSE format('ALTER TABLE %I.%I DROP CONSTRAINT %I;', nsp.nspname, tab.relname, con.conname)
    END AS t_sql_drop,
    concat(
        'SET default_tablespace=' || quote_ident(tbs.spcname) || ';',
        ' ',
        CASE
            WHEN con.oid IS NULL THEN pg_get_indexdef(idx.oid)
            ELSE format(
                'ALTER TABLE %I.%I ADD CONSTRAINT %I %s',
                nsp.nspname, tab.relname, con.conname, pg_get_constraintdef(con.oid)
            )
        END,
        '; SET default_tablespace=DEFAULT;'
    ) AS t_sql_create,
    idx.relname AS v_index_name,
    tab.relname AS v_table_name,
    nsp.nspname AS v_schema_name
FROM pg_index ind
JOIN pg_class idx ON idx.oid = ind.indexrelid
JOIN pg_class tab ON tab.oid = ind.indrelid AND tab.relkind IN ('r', 'm', 'p')
JOIN pg_namespace nsp ON nsp.oid = tab.relnamespace
LEFT JOIN pg_constraint con ON con.conindid = idx.oid AND con.contype IN ('p', 'u')
LEFT JOIN pg_tablespace tbs ON tbs.oid = idx.reltablespace;

-- Every foreign key. It is created NOT VALID, so that writers wait for a moment only, and validated afterwards.
CREATE VIEW sch_chameleon.v_fkeys AS
SELECT
    referenced_nsp.nspname AS v_schema_referenced,
    referenced.relname AS v_table_referenced,
    referencing_nsp.nspname AS v_schema_referencing,
    referencing.relname AS v_table_referencing,
    format(
        'ALTER TABLE ONLY %I.%I DROP CONSTRAINT %I ;',
        referencing_nsp.nspname, referencing.relname, con.conname
    ) AS t_con_drop,
    format(
        'ALTER TABLE ONLY %I.%I ADD CONSTRAINT %I %s  NOT VALID ;',
        referencing_nsp.nspname, referencing.relname, con.conname, pg_get_constraintdef(con.oid)
    ) AS t_con_create,
    format(
        'ALTER TABLE ONLY %I.%I VALIDATE CONSTRAINT %I ;',
        referencing_nsp.nspname, referencing.relname, con.conname
    ) AS t_con_validate,
    con.conname AS v_fk_name
FROM pg_constraint con
JOIN pg_class referencing ON referencing.oid = con.conrelid
JOIN pg_namespace referencing_nsp ON referencing_nsp.oid = referencing.relnamespace
JOIN pg_class referenced ON referenced.oid = con.confrelid
JOIN pg_namespace referenced_nsp ON referenced_nsp.oid = referenced.relnamespace
WHERE con.contype = 'f';
