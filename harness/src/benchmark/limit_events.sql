-- The least that replaying can take, when nothing need be proven: what the stream is made of is known beforehand.
WITH events AS (
    DELETE FROM sch_chameleon.t_log_replica RETURNING i_id_event, enm_binlog_event, jsb_event_data
), last AS (
    SELECT DISTINCT ON ((jsb_event_data ->> 'id')::integer)
           (jsb_event_data ->> 'id')::integer AS id, jsb_event_data ->> 'data' AS data, enm_binlog_event AS kind
    FROM events
    ORDER BY (jsb_event_data ->> 'id')::integer, i_id_event DESC
), gone AS (
    DELETE FROM shop_1.items t USING last l WHERE l.kind = 'delete' AND t.id = l.id
)
INSERT INTO shop_1.items (id, data)
SELECT id, data FROM last WHERE kind <> 'delete'
ON CONFLICT (id) DO UPDATE SET data = excluded.data;
DELETE FROM sch_chameleon.t_batch_events;
UPDATE sch_chameleon.t_replica_batch SET b_replayed = true WHERE b_processed;
