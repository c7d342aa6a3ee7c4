-- Whether the columns of positions in the 1.7 catalogue that was put aside hold more than 32 bits.
SELECT bool_and(a.atttypid = 'bigint'::regtype) AS wide
FROM pg_attribute a
WHERE a.attrelid IN ('_sch_chameleon_version1.t_replica_batch'::regclass, '_sch_chameleon_version1.t_replica_tables'::regclass)
  AND a.attname = 'i_binlog_position'
