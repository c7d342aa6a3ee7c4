-- Rows for every table that each 2.0 catalogue has: two sources, batches in every state, what waits, names that hurt.
INSERT INTO t_sources (t_source, jsb_schema_mappings, enm_status, t_binlog_name, i_binlog_position, b_consistent, enm_source_type,
                       v_log_table)
VALUES ('shop', '{"my_shop": "shop", "my \"odd\"": "it''s"}', 'stopped', 'mysql-bin.000003', 2147483000, false, 'mysql',
        '{t_log_replica_shop_1,t_log_replica_shop_2}'),
       ('stock', '{"my_stock": "stock"}', 'error', NULL, NULL, true, 'mysql',
        '{t_log_replica_stock_1,t_log_replica_stock_2}');
SELECT fn_refresh_parts();
INSERT INTO t_last_received (i_id_source, ts_last_received) VALUES (1, '2023-01-02 03:04:05.678901'), (2, NULL);
INSERT INTO t_last_replayed (i_id_source, ts_last_replayed) VALUES (1, '2023-01-02 03:04:04'), (2, NULL);
INSERT INTO t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey, t_binlog_name, i_binlog_position,
                              b_replica_enabled)
VALUES (1, 'items', 'shop', '{id}', NULL, NULL, true),
       (1, 'lines', 'shop', '{order_id,"line no"}', 'mysql-bin.000003', 815, true),
       (1, 'it''s "odd" ü', 'it''s', '{"a,b"}', NULL, NULL, false),
       (2, repeat('n', 64), 'stock', '{id}', NULL, NULL, true);
INSERT INTO t_replica_batch (i_id_source, t_binlog_name, i_binlog_position, b_started, b_processed, b_replayed, ts_created,
                             ts_processed, ts_replayed, i_replayed, i_skipped, i_ddl)
VALUES (1, 'mysql-bin.000002', 4, true, true, true, '2023-01-01', '2023-01-01 01:00', '2023-01-01 02:00', 12, 3, 1),
       (1, 'mysql-bin.000002', 900, true, true, false, '2023-01-02', '2023-01-02 01:00', NULL, NULL, NULL, NULL),
       (1, 'mysql-bin.000003', 700, false, false, false, '2023-01-03', NULL, NULL, NULL, NULL, NULL),
       (2, 'mysql-bin.000003', 4, true, false, false, '2023-01-03', NULL, NULL, NULL, NULL, NULL);
INSERT INTO t_log_replica_shop_1 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name, i_binlog_position,
                                  ts_event_datetime, jsb_event_after, jsb_event_before, t_query, i_my_event_time)
SELECT 2, 'items', 'shop', (ARRAY['insert', 'update', 'delete'])[1 + n % 3]::en_binlog_event, 'mysql-bin.000002', 900 + n,
       '2023-01-02', jsonb_build_object('id', n, 'data', E'a\nb\\ "ü"'), jsonb_build_object('id', n), NULL, 1672531200 + n
FROM generate_series(1, 20) AS n;
INSERT INTO t_log_replica_stock_2 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_query)
VALUES (4, 'amounts', 'stock', 'ddl', 'ALTER TABLE stock.amounts ADD COLUMN n int');
INSERT INTO t_batch_events (i_id_batch, i_id_event) SELECT 2, array_agg(i_id_event ORDER BY i_id_event) FROM t_log_replica_shop_1;
INSERT INTO t_discarded_rows (i_id_batch, ts_discard, v_table_name, v_schema_name, t_row_data)
VALUES (1, '2023-01-01 12:00+05:30', 'items', 'shop', E'\\x00ff');
INSERT INTO t_error_log (i_id_batch, i_id_source, v_table_name, v_schema_name, t_table_pkey, t_binlog_name, i_binlog_position,
                         ts_error, t_sql, t_error_message)
VALUES (1, 1, 'items', 'shop', '"id"', 'mysql-bin.000002', 77, '2023-01-01', 'INSERT', 'duplicate key');
SELECT nextval('t_replica_batch_i_id_batch_seq'), nextval('t_error_log_i_id_log_seq');
