SELECT concat_ws(
    ' | ', pg_get_indexdef(ind.indexrelid), ind.indisprimary, ind.indisunique, ind.indimmediate, ind.indisvalid
)
FROM pg_index ind
JOIN pg_class rel ON rel.oid = ind.indexrelid
WHERE rel.relnamespace = 'sch_chameleon'::regnamespace
