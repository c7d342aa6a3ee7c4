-- The types of the 2.0.10 catalogue.

CREATE TYPE sch_chameleon.en_src_status AS ENUM
    ('ready', 'initialising', 'initialised', 'syncing', 'synced', 'stopped', 'running', 'error');

CREATE TYPE sch_chameleon.en_binlog_event AS ENUM ('delete', 'update', 'insert', 'ddl');

CREATE TYPE sch_chameleon.en_src_type AS ENUM ('mysql', 'pgsql');

-- What one call of fn_replay_mysql reports to the daemon.
CREATE TYPE sch_chameleon.ty_replay_status AS (
    b_continue boolean,
    b_error boolean,
    v_table_error character varying[]
);
