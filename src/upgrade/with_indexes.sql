-- The rows stand in the order of their ids: when they are verified, reading them by an index costs no more than
-- reading them as they stand.
SET LOCAL random_page_cost = 1;
SET LOCAL maintenance_work_mem = '128MB';
ALTER TABLE sch_chameleon.t_replica_tables
    ADD CONSTRAINT pk_t_replica_tables PRIMARY KEY (i_id_table);
CREATE UNIQUE INDEX idx_t_replica_tables_table_schema
    ON sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name);
ALTER TABLE sch_chameleon.t_replica_tables
    ADD CONSTRAINT fk_t_replica_tables_i_id_source FOREIGN KEY (i_id_source)
    REFERENCES sch_chameleon.t_sources (i_id_source) ON UPDATE RESTRICT ON DELETE CASCADE
