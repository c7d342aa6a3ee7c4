SELECT concat_ws(
    ' | ', rel.relname, rel.relkind, rel.relpersistence, rel.relreplident,
    coalesce(rel.reloptions::text, 'no options'),
    'inherits ' || (SELECT string_agg(inh.inhparent::regclass::text, ', ') FROM pg_inherits inh WHERE inh.inhrelid = rel.oid)
)
FROM pg_class rel
WHERE rel.relnamespace = 'sch_chameleon'::regnamespace
