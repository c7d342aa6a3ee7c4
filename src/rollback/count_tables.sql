-- How many tables of each source meet each fate, and the first $11 of them.
SELECT old_id, fate, count(*) AS tables, count(own_position) AS with_own,
       array_agg(format('%s.%s', v_schema_name, v_table_name) ORDER BY v_schema_name, v_table_name)
           FILTER (WHERE place <= $11) AS first
FROM (SELECT d.*, row_number() OVER (PARTITION BY old_id, fate ORDER BY v_schema_name, v_table_name) AS place
      FROM decided d) d
GROUP BY old_id, fate
