-- How far both logs go, and the rows that wait in a batch.
SELECT coalesce((SELECT max(i_id_log) FROM sch_chameleon.t_error_log), 0)::bigint AS errors,
       coalesce((SELECT max(i_id_row) FROM sch_chameleon.t_discarded_rows), 0)::bigint AS discarded,
       coalesce((SELECT max(i_id_event) FROM sch_chameleon.t_log_replica), 0)::bigint AS stored
