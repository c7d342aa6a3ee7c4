-- One row of t_sources with its rows of t_last_received and t_last_replayed; returns its id.
WITH source AS (
    INSERT INTO sch_chameleon.t_sources (t_source, jsb_schema_mappings, enm_status, enm_source_type, v_log_table)
    VALUES ($1, $2, $3::text::sch_chameleon.en_src_status, 'mysql', $4::text[]::varchar[])
    RETURNING i_id_source
), received AS (
    INSERT INTO sch_chameleon.t_last_received (i_id_source, ts_last_received)
    SELECT i_id_source, $5::timestamp FROM source
), replayed AS (
    INSERT INTO sch_chameleon.t_last_replayed (i_id_source, ts_last_replayed)
    SELECT i_id_source, $6::timestamp FROM source
)
SELECT i_id_source FROM source
