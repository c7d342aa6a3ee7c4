-- Readers of either catalogue may go on reading; the log tables are children of t_log_replica and are locked with it.
LOCK TABLE sch_chameleon.t_sources, sch_chameleon.t_replica_batch, sch_chameleon.t_replica_tables,
           sch_chameleon.t_batch_events, sch_chameleon.t_log_replica,
           _sch_chameleon_version1.t_sources, _sch_chameleon_version1.t_replica_batch,
           _sch_chameleon_version1.t_replica_tables, _sch_chameleon_version1.t_batch_events,
           _sch_chameleon_version1.t_log_replica
IN EXCLUSIVE MODE
