SELECT concat_ws(
    ' | ', agg.aggfnoid::regprocedure, agg.aggkind, 'transition ' || agg.aggtransfn::regprocedure,
    'state ' || agg.aggtranstype::regtype, 'final ' || agg.aggfinalfn::regprocedure,
    'initially ' || agg.agginitval, 'sort operator ' || agg.aggsortop, 'combine ' || agg.aggcombinefn
)
FROM pg_aggregate agg
JOIN pg_proc pro ON pro.oid = agg.aggfnoid
WHERE pro.pronamespace = 'sch_chameleon'::regnamespace
