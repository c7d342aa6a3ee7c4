-- How far the new replica has come since the upgrade: nowhere, as long as it has processed no batch and no table has
-- been brought anew by it, nor left. Both catalogues' tables had the same ids when they were brought over.
SELECT (SELECT count(*) FROM sch_chameleon.t_replica_batch WHERE b_processed) AS processed,
       (SELECT count(*)
        FROM sch_chameleon.t_replica_tables n
        FULL JOIN _sch_chameleon_version1.t_replica_tables o
            ON o.i_id_table = n.i_id_table AND o.v_schema_name = n.v_schema_name AND o.v_table_name = n.v_table_name
        WHERE o.i_id_table IS NULL OR n.i_id_table IS NULL OR NOT n.b_replica_enabled OR n.t_binlog_name IS NULL) AS changed,
       ARRAY(SELECT t_source FROM sch_chameleon.t_sources
             WHERE enm_status IN ('running', 'syncing', 'initialising') ORDER BY 1) AS at_work
