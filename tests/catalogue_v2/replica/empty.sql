SET client_min_messages = warning;
RESET search_path;
RESET TimeZone;
TRUNCATE sch_chameleon.t_sources, sch_chameleon.t_replica_batch, sch_chameleon.t_log_replica,
    sch_chameleon.t_batch_events, sch_chameleon.t_replica_tables, sch_chameleon.t_error_log,
    sch_chameleon.t_discarded_rows, sch_chameleon.t_last_received, sch_chameleon.t_last_replayed
    RESTART IDENTITY CASCADE;
DROP SCHEMA IF EXISTS "Dest, schema" CASCADE;
