SELECT concat_ws(
    ' | ', con.conrelid::regclass, con.conname, con.contype, pg_get_constraintdef(con.oid),
    con.condeferrable, con.condeferred, con.convalidated
)
FROM pg_constraint con
-- From PostgreSQL 18, which lists them here, the not-null constraints are compared with the columns.
WHERE con.connamespace = 'sch_chameleon'::regnamespace AND con.contype <> 'n'
