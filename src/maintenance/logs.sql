-- The log tables of the new catalogue.
SELECT c.relname FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
WHERE h.inhparent = 'sch_chameleon.t_log_replica'::regclass
