-- The least that bringing tables over can take: rows first, then the indexes and the key.
ALTER TABLE sch_chameleon.t_replica_tables
    DROP CONSTRAINT fk_t_replica_tables_i_id_source, DROP CONSTRAINT pk_t_replica_tables;
DROP INDEX sch_chameleon.idx_t_replica_tables_table_schema;
INSERT INTO sch_chameleon.t_sources (t_source, jsb_schema_mappings, enm_source_type)
VALUES ('replica', '{}', 'mysql');
INSERT INTO sch_chameleon.t_replica_tables
    (i_id_table, i_id_source, v_table_name, v_schema_name, v_table_pkey, t_binlog_name, i_binlog_position)
SELECT i_id_table, 1, v_table_name, v_schema_name, '{id}', 'mysql-bin.000007', 1235
FROM _sch_chameleon_version1.t_replica_tables;
ALTER TABLE sch_chameleon.t_replica_tables
    ADD CONSTRAINT pk_t_replica_tables PRIMARY KEY (i_id_table);
CREATE UNIQUE INDEX idx_t_replica_tables_table_schema
    ON sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name);
ALTER TABLE sch_chameleon.t_replica_tables
    ADD CONSTRAINT fk_t_replica_tables_i_id_source FOREIGN KEY (i_id_source)
    REFERENCES sch_chameleon.t_sources (i_id_source) ON UPDATE RESTRICT ON DELETE CASCADE;
