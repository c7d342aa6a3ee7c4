SELECT concat_ws(
    ' | ', rel.relname, att.attnum, att.attname, format_type(att.atttypid, att.atttypmod),
    CASE WHEN att.attnotnull THEN 'not null' ELSE 'null' END,
    'collation ' || (SELECT col.collname FROM pg_collation col WHERE col.oid = att.attcollation),
    'default ' || pg_get_expr(def.adbin, def.adrelid),
    CASE WHEN att.attislocal THEN 'local' ELSE 'inherited' END
)
FROM pg_attribute att
JOIN pg_class rel ON rel.oid = att.attrelid
LEFT JOIN pg_attrdef def ON def.adrelid = att.attrelid AND def.adnum = att.attnum
WHERE rel.relnamespace = 'sch_chameleon'::regnamespace AND rel.relkind IN ('r', 'v') AND att.attnum > 0
