-- Readers may go on reading; the log tables are children of t_log_replica and are locked with it.
LOCK TABLE sch_chameleon.t_sources, sch_chameleon.t_replica_batch, sch_chameleon.t_replica_tables,
           sch_chameleon.t_batch_events, sch_chameleon.t_log_replica, sch_chameleon.t_index_def,
           sch_chameleon.t_discarded_rows
IN EXCLUSIVE MODE
