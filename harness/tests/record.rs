#![allow(clippy::unwrap_used, reason = "a test may end there")]
//! A record sees every kind of change, and nothing where nothing changed.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use chameleon_harness::record::Record;
use chameleon_harness::seed::Seed;
use chameleon_harness::server::{self, Database, Server};
use postgres::Client;

/// Things that the demo's catalogue doesn't have, so that changes to them can be seen too.
const MORE: &str = "
    CREATE SCHEMA \"Other, schema\";
    SET search_path TO \"Other, schema\";
    CREATE TABLE parent (id integer PRIMARY KEY, word text DEFAULT 'a', moment timestamptz, number float8);
    CREATE TABLE child (extra integer) INHERITS (parent);
    INSERT INTO parent VALUES (1, 'one', '2024-01-01', 0.1), (1 + 1, NULL, NULL, NULL);
    INSERT INTO child VALUES (3, 'three', NULL, NULL, 3), (4, 'three', NULL, NULL, 3);
    CREATE FUNCTION twice(integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * $1';
    CREATE FUNCTION on_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER watch BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION on_change();
    CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
    CREATE DOMAIN small AS integer CHECK (VALUE < 10);
    CREATE TYPE pair AS (a integer, b text);
    CREATE MATERIALIZED VIEW words AS SELECT word FROM parent;
    CREATE POLICY mine ON parent USING (id = 1);
    RESET search_path;
";

fn seeded() -> (Database, Client) {
    let database = server::shared().unwrap().create_database().unwrap();
    let mut client = database.connect().unwrap();
    Seed::demo().create(&mut client).unwrap();
    client.batch_execute(MORE).unwrap();
    (database, client)
}

#[test]
fn every_kind_of_change_is_seen() {
    let (_database, mut client) = seeded();
    let before = Record::of_database(&mut client).unwrap();
    let changes = [
        "INSERT INTO \"Other, schema\".parent VALUES (5)",
        "INSERT INTO \"Other, schema\".child SELECT * FROM \"Other, schema\".child WHERE id = 4",
        "UPDATE sch_chameleon.t_sources SET enm_status = 'running' WHERE i_id_source = 2",
        "UPDATE sch_chameleon.t_sources SET t_source_schema = '' WHERE i_id_source = 2",
        "UPDATE \"Other, schema\".parent SET word = '' WHERE word IS NULL",
        "UPDATE \"Other, schema\".parent SET moment = '2024-01-01 00:00:00.000001+00' WHERE id = 1",
        "UPDATE \"Other, schema\".parent SET number = 0.1::float8 + 1e-17 * 3 WHERE id = 1",
        "DELETE FROM sch_chameleon.t_log_replica WHERE i_id_event = 1",
        "ALTER SEQUENCE sch_chameleon.t_sources_i_id_source_seq INCREMENT 2",
        "ALTER SEQUENCE sch_chameleon.t_sources_i_id_source_seq OWNED BY NONE",
        "ALTER TABLE sch_chameleon.t_sources ALTER enm_status SET DEFAULT 'error'",
        "ALTER TABLE sch_chameleon.t_sources ALTER t_source_schema SET NOT NULL",
        "ALTER TABLE sch_chameleon.t_replica_tables ALTER v_table_name TYPE varchar(101)",
        "ALTER TABLE sch_chameleon.t_sources ADD COLUMN more text",
        "ALTER TABLE sch_chameleon.t_sources RENAME COLUMN t_source TO t_name",
        "ALTER TABLE sch_chameleon.t_sources ALTER t_source SET STORAGE PLAIN",
        "ALTER TABLE sch_chameleon.t_sources ALTER t_source SET STATISTICS 7",
        "ALTER TABLE sch_chameleon.t_sources ALTER t_source SET (n_distinct = 5)",
        "ALTER TABLE sch_chameleon.t_batch_events DROP CONSTRAINT pk_t_batch_id_events",
        "ALTER TABLE sch_chameleon.t_batch_events RENAME CONSTRAINT pk_t_batch_id_events TO pk",
        "ALTER TABLE sch_chameleon.t_log_replica_1_src_1 NO INHERIT sch_chameleon.t_log_replica",
        "ALTER TABLE sch_chameleon.t_sources SET (fillfactor = 50)",
        "ALTER TABLE sch_chameleon.t_discarded_rows SET UNLOGGED",
        "ALTER TABLE sch_chameleon.t_sources REPLICA IDENTITY FULL",
        "ALTER TABLE sch_chameleon.t_sources ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE sch_chameleon.t_index_def SET SCHEMA shop",
        "ALTER TABLE sch_chameleon.t_index_def CLUSTER ON idx_schema_table_source",
        "DROP TABLE sch_chameleon.t_index_def",
        "CREATE TABLE stock.empty ()",
        "CREATE TABLE public.empty ()",
        "CREATE SCHEMA empty",
        "CREATE INDEX ON sch_chameleon.t_sources (t_source_schema)",
        "DROP INDEX sch_chameleon.idx_t_sources_t_source",
        "CREATE OR REPLACE VIEW sch_chameleon.v_version AS SELECT '1.8'::text AS t_version",
        "CREATE OR REPLACE FUNCTION \"Other, schema\".twice(integer) RETURNS integer LANGUAGE sql AS 'SELECT 2*$1'",
        "ALTER FUNCTION \"Other, schema\".twice(integer) IMMUTABLE",
        "ALTER FUNCTION \"Other, schema\".twice(integer) SET search_path TO public",
        "DROP AGGREGATE \"Other, schema\".total(integer)",
        "CREATE OR REPLACE AGGREGATE \"Other, schema\".total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '1')",
        "ALTER TYPE sch_chameleon.en_src_status ADD VALUE 'lost'",
        "ALTER TYPE sch_chameleon.en_src_status RENAME VALUE 'error' TO 'failed'",
        "ALTER TYPE \"Other, schema\".pair ALTER ATTRIBUTE b TYPE varchar",
        "ALTER DOMAIN \"Other, schema\".small SET DEFAULT 1",
        "ALTER DOMAIN \"Other, schema\".small DROP CONSTRAINT small_check",
        "ALTER TABLE \"Other, schema\".parent DISABLE TRIGGER watch",
        "DROP TRIGGER watch ON \"Other, schema\".parent",
        "CREATE RULE nothing AS ON DELETE TO \"Other, schema\".parent DO INSTEAD NOTHING",
        "ALTER POLICY mine ON \"Other, schema\".parent USING (id = 2)",
        "REFRESH MATERIALIZED VIEW \"Other, schema\".words WITH NO DATA",
        "GRANT SELECT ON sch_chameleon.t_sources TO pg_monitor",
        "GRANT SELECT (t_source) ON sch_chameleon.t_sources TO pg_monitor",
        "GRANT USAGE ON SEQUENCE sch_chameleon.t_sources_i_id_source_seq TO pg_monitor",
        "GRANT USAGE ON SCHEMA sch_chameleon TO pg_monitor",
        "REVOKE EXECUTE ON FUNCTION sch_chameleon.fn_refresh_parts() FROM public",
        "REVOKE USAGE ON TYPE sch_chameleon.en_src_status FROM public",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA sch_chameleon GRANT SELECT ON TABLES TO pg_monitor",
        "ALTER TABLE sch_chameleon.t_sources OWNER TO pg_monitor",
        "ALTER SCHEMA sch_chameleon OWNER TO pg_monitor",
        "ALTER FUNCTION sch_chameleon.fn_refresh_parts() OWNER TO pg_monitor",
        "ALTER TYPE sch_chameleon.en_src_status OWNER TO pg_monitor",
        "COMMENT ON SCHEMA sch_chameleon IS 'x'",
        "COMMENT ON TABLE sch_chameleon.t_sources IS 'x'",
        "COMMENT ON COLUMN sch_chameleon.t_sources.t_source IS 'x'",
        "COMMENT ON INDEX sch_chameleon.idx_t_sources_t_source IS 'x'",
        "COMMENT ON CONSTRAINT pk_t_sources ON sch_chameleon.t_sources IS 'x'",
        "COMMENT ON FUNCTION sch_chameleon.fn_refresh_parts() IS 'x'",
        "COMMENT ON TYPE sch_chameleon.en_src_status IS 'x'",
        "ALTER SCHEMA stock RENAME TO stocks",
    ];
    for change in changes {
        // Rolled back, so that each change is seen alone.
        let mut transaction = client.transaction().unwrap();
        transaction.batch_execute(change).unwrap_or_else(|error| panic!("{change}: {error:?}"));
        let after = Record::within(&mut transaction).unwrap();
        transaction.rollback().unwrap();
        assert_ne!(before, after, "not seen: {change}");
        assert_ne!(before.diff(&after), "", "not shown: {change}");
    }
    assert_eq!(before, Record::of_database(&mut client).unwrap(), "all were rolled back");
}

#[test]
fn values_of_sequences_are_seen() {
    let (_database, mut client) = seeded();
    for change in [
        "SELECT nextval('sch_chameleon.t_replica_batch_i_id_batch_seq')",
        "SELECT setval('sch_chameleon.t_sources_i_id_source_seq', 2, false)",
    ] {
        let before = Record::of(&mut client, &["sch_chameleon"]).unwrap();
        client.batch_execute(change).unwrap();
        assert_ne!(before, Record::of(&mut client, &["sch_chameleon"]).unwrap(), "not seen: {change}");
    }
}

#[test]
fn what_changes_nothing_is_not_seen() {
    let (_database, mut client) = seeded();
    let before = Record::of_database(&mut client).unwrap();
    for change in [
        "UPDATE sch_chameleon.t_sources SET t_source = t_source",
        "VACUUM FULL sch_chameleon.t_sources",
        "ANALYZE",
        "BEGIN; CREATE TABLE x (); ROLLBACK",
        "SET search_path TO sch_chameleon",
        "SET datestyle TO 'German'",
        "SET timezone TO 'Asia/Tokyo'",
        "SET extra_float_digits TO 0",
        "SET bytea_output TO escape",
    ] {
        client.simple_query(change).unwrap();
        assert_eq!(before.diff(&Record::of_database(&mut client).unwrap()), "", "{change}");
    }
    assert_eq!(before, Record::of_database(&mut client).unwrap());
}

/// What 15.20 and its like write by themselves, planted by hand wherever the tests run.
#[test]
fn an_option_that_the_server_keeps_for_itself_is_not_seen() {
    let (_database, mut client) = seeded();
    let before = Record::of_database(&mut client).unwrap();
    for (catalogue, options, relation) in
        [("pg_attribute", "attoptions", "attrelid"), ("pg_class", "reloptions", "oid")]
    {
        // Rolled back: an older server refuses to alter a column with an option that it doesn't know.
        let mut transaction = client.transaction().unwrap();
        let planted = transaction
            .execute(
                &format!(
                    "UPDATE {catalogue} SET {options} = coalesce({options}, '{{}}') || '{{pg_attver=9}}'::text[]
                     WHERE {relation} = 'sch_chameleon.t_sources'::regclass"
                ),
                &[],
            )
            .unwrap();
        assert!(planted > 0, "{catalogue}");
        assert_eq!(before.diff(&Record::within(&mut transaction).unwrap()), "", "{catalogue}");
        transaction.rollback().unwrap();
    }
    client
        .batch_execute(
            "ALTER TABLE sch_chameleon.t_sources ALTER t_source SET (n_distinct = 5), SET (fillfactor = 50)",
        )
        .unwrap();
    let diff = before.diff(&Record::of_database(&mut client).unwrap());
    assert!(diff.contains("n_distinct=5") && diff.contains("fillfactor=50"), "{diff}");
    assert!(!diff.contains("pg_attver"), "{diff}");
}

#[test]
fn a_renamed_schema_compares_under_its_old_name() {
    let (_database, mut client) = seeded();
    let before = Record::of(&mut client, &["sch_chameleon"]).unwrap();
    client.batch_execute("ALTER SCHEMA sch_chameleon RENAME TO _sch_chameleon_version1").unwrap();
    let after = Record::of(&mut client, &["_sch_chameleon_version1"]).unwrap();
    assert_ne!(before, after);
    assert_eq!(before.diff(&after.clone().renamed("_sch_chameleon_version1", "sch_chameleon")), "");
    assert_eq!(before, after.renamed("_sch_chameleon_version1", "sch_chameleon"));
    client.batch_execute("DELETE FROM _sch_chameleon_version1.t_batch_events").unwrap();
    let after = Record::of(&mut client, &["_sch_chameleon_version1"]).unwrap();
    assert_ne!(before, after.renamed("_sch_chameleon_version1", "sch_chameleon"));
}

#[test]
fn a_diff_names_the_thing_and_both_sides() {
    let (_database, mut client) = seeded();
    let before = Record::of_database(&mut client).unwrap();
    client
        .batch_execute(
            "ALTER TABLE sch_chameleon.t_batch_events RENAME CONSTRAINT pk_t_batch_id_events TO pk;
             INSERT INTO \"Other, schema\".parent VALUES (5)",
        )
        .unwrap();
    let diff = before.diff(&Record::of_database(&mut client).unwrap());
    assert!(
        diff.contains("- constraint pk_t_batch_id_events of sch_chameleon.t_batch_events: PRIMARY KEY"),
        "{diff}"
    );
    assert!(diff.contains("+ constraint pk of sch_chameleon.t_batch_events: PRIMARY KEY"), "{diff}");
    assert!(diff.contains("+ row of \"Other, schema\".parent: (5,a,,)"), "{diff}");
    assert!(diff.lines().count() < 10, "{diff}");
}
