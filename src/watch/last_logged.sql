-- How far both logs go.
SELECT coalesce((SELECT max(i_id_log) FROM sch_chameleon.t_error_log), 0)::bigint AS errors,
       coalesce((SELECT max(i_id_row) FROM sch_chameleon.t_discarded_rows), 0)::bigint AS discarded
