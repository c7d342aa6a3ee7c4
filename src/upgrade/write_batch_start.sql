-- As the daemon creates a batch: the two log tables of the source change places, and the batch gets the first.
WITH source AS (
    UPDATE sch_chameleon.t_sources SET v_log_table = ARRAY[v_log_table[2], v_log_table[1]]
    WHERE i_id_source = $1
    RETURNING i_id_source, v_log_table[1] AS log_table
)
INSERT INTO sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position, v_log_table, t_gtid_set)
SELECT i_id_source, $2, $3, log_table, $4 FROM source
