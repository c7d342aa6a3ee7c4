-- The tables that the rows of each of the batches $1 name: how many, and the first $2 of them.
SELECT i_id_batch, count(*) AS tables,
       (array_agg(name ORDER BY name) FILTER (WHERE place <= $2)) AS first
FROM (SELECT i_id_batch, name, row_number() OVER (PARTITION BY i_id_batch ORDER BY name) AS place
      FROM (SELECT l.i_id_batch, format('%s.%s', l.v_schema_name, l.v_table_name) AS name
            FROM sch_chameleon.t_log_replica l
            WHERE l.i_id_batch = ANY ($1)
            GROUP BY 1, 2) n) t
GROUP BY i_id_batch
