-- Rows of t_replica_tables whose schema is not the destination of their source, by source and schema: whose destination
-- it is, and how many of the tables are registered there as well. $1: how many of them are named.
SELECT s.i_id_source AS source_id, s.t_source AS source, t.v_schema_name AS schema,
       o.i_id_source AS owner_id, o.t_source AS owner,
       count(*) AS tables, count(r.i_id_table) AS twice,
       (array_agg(t.v_table_name::text ORDER BY t.v_table_name))[1:$1] AS first
FROM sch_chameleon.t_replica_tables t
JOIN sch_chameleon.t_sources s ON s.i_id_source = t.i_id_source AND s.t_dest_schema <> t.v_schema_name
LEFT JOIN sch_chameleon.t_sources o ON o.t_dest_schema = t.v_schema_name
LEFT JOIN sch_chameleon.t_replica_tables r
    ON r.i_id_source = o.i_id_source AND r.v_table_name = t.v_table_name AND r.v_schema_name = t.v_schema_name
GROUP BY s.i_id_source, s.t_source, t.v_schema_name, o.i_id_source, o.t_source
ORDER BY s.i_id_source, t.v_schema_name
