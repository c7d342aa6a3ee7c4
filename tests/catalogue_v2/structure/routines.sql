SELECT concat_ws(
    ' | ', pro.proname, pg_get_function_arguments(pro.oid), pg_get_function_result(pro.oid), lan.lanname,
    'volatility ' || pro.provolatile::text, 'strict ' || pro.proisstrict, 'definer ' || pro.prosecdef,
    'parallel ' || pro.proparallel::text, 'settings ' || pro.proconfig::text
)
FROM pg_proc pro
JOIN pg_language lan ON lan.oid = pro.prolang
WHERE pro.pronamespace = 'sch_chameleon'::regnamespace
