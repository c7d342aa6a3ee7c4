SELECT concat_ws(' | ', typ.typname, typ.typtype, CASE typ.typtype
    WHEN 'e' THEN (
        SELECT string_agg(enm.enumlabel, ', ' ORDER BY enm.enumsortorder) FROM pg_enum enm WHERE enm.enumtypid = typ.oid
    )
    ELSE (
        SELECT string_agg(att.attname || ' ' || format_type(att.atttypid, att.atttypmod), ', ' ORDER BY att.attnum)
        FROM pg_attribute att
        WHERE att.attrelid = typ.typrelid AND att.attnum > 0
    )
END)
FROM pg_type typ
WHERE typ.typnamespace = 'sch_chameleon'::regnamespace AND typ.typtype IN ('e', 'c')
