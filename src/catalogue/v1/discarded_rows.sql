-- The rows that 1.8.2 could not store: how many, from when to when, and of the newest $1 the beginning of what was kept.
SELECT (SELECT count(*) FROM sch_chameleon.t_discarded_rows) AS rows,
       (SELECT to_char(min(ts_discard), 'YYYY-MM-DD HH24:MI') FROM sch_chameleon.t_discarded_rows) AS since,
       (SELECT to_char(max(ts_discard), 'YYYY-MM-DD HH24:MI') FROM sch_chameleon.t_discarded_rows) AS until,
       ARRAY(SELECT coalesce(left(t_row_data, 4000), '')
             FROM sch_chameleon.t_discarded_rows
             ORDER BY i_id_row DESC
             LIMIT $1) AS beginnings
