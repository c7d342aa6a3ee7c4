-- Of one source: what its batches that are kept have come to, and the last maintenance.
SELECT coalesce(sum(b.i_replayed), 0)::bigint AS replayed, coalesce(sum(b.i_skipped), 0)::bigint AS skipped,
       coalesce(sum(b.i_ddl), 0)::bigint AS definitions,
       (SELECT to_char(ts_last_maintenance, 'YYYY-MM-DD HH24:MI:SS') FROM sch_chameleon.t_sources WHERE i_id_source = $1)
           AS last_maintenance
FROM sch_chameleon.t_replica_batch b
WHERE b.i_id_source = $1
