SELECT setval('sch_chameleon.t_replica_tables_i_id_table_seq',
              greatest((SELECT max(i_id_table) FROM sch_chameleon.t_replica_tables), 1),
              EXISTS (SELECT FROM sch_chameleon.t_replica_tables))
