-- Those of the names that occur in definitions that wait to be replayed.
SELECT name
FROM unnest($1) name
WHERE EXISTS (SELECT FROM sch_chameleon.t_log_replica l JOIN sch_chameleon.t_batch_events USING (i_id_batch)
              WHERE l.enm_binlog_event = 'ddl' AND strpos(lower(l.t_query), lower(name)) > 0)
