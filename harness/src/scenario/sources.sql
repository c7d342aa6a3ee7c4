-- The sources of a 2.0 catalogue, each value as text.
SELECT s.t_source AS name,
       s.enm_status::text AS status,
       (SELECT b.t_binlog_name || ':' || b.i_binlog_position
        FROM sch_chameleon.t_replica_batch b
        WHERE b.i_id_source = s.i_id_source AND NOT b.b_processed
        ORDER BY b.ts_created DESC
        LIMIT 1) AS batch_start,
       s.t_binlog_name || ':' || s.i_binlog_position AS consistent_point,
       s.b_consistent::text AS consistent,
       (SELECT count(*) FROM sch_chameleon.t_replica_tables t WHERE t.i_id_source = s.i_id_source)::text AS tables,
       s.jsb_schema_mappings AS mappings,
       r.ts_last_received::text AS last_received,
       p.ts_last_replayed::text AS last_replayed
FROM sch_chameleon.t_sources s
LEFT JOIN sch_chameleon.t_last_received r USING (i_id_source)
LEFT JOIN sch_chameleon.t_last_replayed p USING (i_id_source)
ORDER BY s.i_id_source
