-- The next ids of batches and tables. They are not drawn from the sequences: what is rolled back must leave no gap there.
SELECT greatest((SELECT last_value FROM _sch_chameleon_version1.t_replica_batch_i_id_batch_seq),
                (SELECT max(i_id_batch) FROM _sch_chameleon_version1.t_replica_batch)) + 1 AS batch,
       greatest((SELECT last_value FROM _sch_chameleon_version1.t_replica_tables_i_id_table_seq),
                (SELECT max(i_id_table) FROM _sch_chameleon_version1.t_replica_tables)) + 1 AS table
