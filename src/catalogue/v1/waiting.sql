-- What waits to be replayed of each source. fn_process_batch takes only batches that are started and processed.
SELECT b.i_id_source, count(*) AS batches, coalesce(sum(cardinality(e.i_id_event)), 0)::bigint AS events,
       count(*) FILTER (WHERE NOT (b.b_started AND b.b_processed)) AS passed_over,
       min(b.i_id_batch) FILTER (WHERE NOT (b.b_started AND b.b_processed)) AS first_passed_over,
       (array_agg(cardinality(e.i_id_event)::bigint ORDER BY b.i_id_batch)
            FILTER (WHERE NOT (b.b_started AND b.b_processed)))[1] AS events_passed_over
FROM sch_chameleon.t_batch_events e
JOIN sch_chameleon.t_replica_batch b ON b.i_id_batch = e.i_id_batch
WHERE NOT b.b_replayed
GROUP BY b.i_id_source
