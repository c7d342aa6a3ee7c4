-- Before many rows come in: indexes are built faster, and keys checked, over all of them at once. with_indexes.sql
-- puts back what this takes away.
ALTER TABLE sch_chameleon.t_replica_tables
    DROP CONSTRAINT fk_t_replica_tables_i_id_source,
    DROP CONSTRAINT pk_t_replica_tables;
DROP INDEX sch_chameleon.idx_t_replica_tables_table_schema
