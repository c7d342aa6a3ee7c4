-- The statements that give each sequence of the new catalogue the value that it has in the one that was put aside.
SELECT format('SELECT setval(%L, last_value, is_called) FROM _sch_chameleon_version2.%I', c.oid::regclass, c.relname)
FROM pg_class c
JOIN pg_class o ON o.relname = c.relname AND o.relkind = 'S'
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'sch_chameleon'
JOIN pg_namespace m ON m.oid = o.relnamespace AND m.nspname = '_sch_chameleon_version2'
WHERE c.relkind = 'S'
ORDER BY c.relname
