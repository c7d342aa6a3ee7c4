-- Tables of the 1.7 catalogue that was put aside which the 2.0 catalogue lacks. $1: how many of them are named.
SELECT count(*) AS tables,
       coalesce((array_agg(format('%s.%s', o.v_schema_name, o.v_table_name) ORDER BY o.i_id_table))[1:$1], '{}') AS first
FROM _sch_chameleon_version1.t_replica_tables o
WHERE NOT EXISTS (SELECT FROM sch_chameleon.t_replica_tables n
                  WHERE n.v_schema_name = o.v_schema_name AND n.v_table_name = o.v_table_name)
