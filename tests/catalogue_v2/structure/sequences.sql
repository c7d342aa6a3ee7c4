SELECT concat_ws(
    ' | ', seq.seqrelid::regclass, format_type(seq.seqtypid, NULL), seq.seqstart, seq.seqincrement, seq.seqmin,
    seq.seqmax, seq.seqcache, seq.seqcycle, 'owned by ' || dep.refobjid::regclass || '.' || att.attname
)
FROM pg_sequence seq
JOIN pg_class rel ON rel.oid = seq.seqrelid
LEFT JOIN pg_depend dep
    ON dep.classid = 'pg_class'::regclass AND dep.objid = rel.oid
    AND dep.refclassid = 'pg_class'::regclass AND dep.deptype = 'a'
LEFT JOIN pg_attribute att ON att.attrelid = dep.refobjid AND att.attnum = dep.refobjsubid
WHERE rel.relnamespace = 'sch_chameleon'::regnamespace
