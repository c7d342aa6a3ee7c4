//! Every check refuses or warns on a real server, says what, where and what to do, and changes nothing.

use crate::replica::{Replica, assert_unchanged, demo_source, shown};
use chameleon_harness::chameleon::home::{ConfiguredSource, Home, configuration};
use chameleon_harness::record::Record;
use chameleon_harness::seed::{Batch, BatchState, Destination, Event, Kind, Seed, Source, Status, Table};
use chameleon_harness::server::{LocalOptions, Server, local};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::json;
use std::fs::File;

/// A source that can be upgraded: two rows in one table, a replayed batch, an open one.
fn shop() -> Source {
    Source::new("shop")
        .table(Table::new("items").rows(2))
        .batch(Batch::replayed("mysql-bin.000007:100"))
        .batch(Batch::open("mysql-bin.000007:200"))
}

/// Another one.
fn stock() -> Source {
    Source::new("stock").table(Table::new("pieces").rows(2)).batch(Batch::open("mysql-bin.000008:50"))
}

/// The source of the configuration that maps the first.
fn shop_alone() -> Vec<ConfiguredSource> {
    vec![ConfiguredSource::mysql("replica", &[("my_shop", "shop")])]
}

/// The source of the configuration that maps both.
fn both() -> Vec<ConfiguredSource> {
    vec![ConfiguredSource::mysql("replica", &[("my_shop", "shop"), ("my_stock", "stock")])]
}

/// A case that is refused: its name, the seed, the configuration, what is shown.
type Refused = (&'static str, Seed, Vec<ConfiguredSource>, &'static [&'static str]);

fn all_refused<const N: usize>(cases: [Refused; N]) {
    for (case, seed, sources, texts) in cases {
        Replica::of(&seed, &sources).refused_in(case, &[], texts);
    }
}

/// A case that is upgraded all the same: its name, the seed, what is shown, and a query with its answer.
type Accepted = (&'static str, Seed, &'static [&'static str], &'static str, &'static str);

fn all_accepted<const N: usize>(cases: [Accepted; N]) {
    for (case, seed, texts, query, answer) in cases {
        let replica = Replica::of(&seed, &shop_alone());
        let output = replica.upgrade(&[]);
        let shown = shown(output.get_output());
        assert_eq!(output.get_output().status.code(), Some(0), "{case}:\n{shown}");
        for text in texts {
            assert!(shown.contains(text), "{case}: {text:?} is not in:\n{shown}");
        }
        assert_eq!(replica.value(query), answer, "{case}");
    }
}

const BATCH_START: &str =
    "SELECT t_binlog_name || ':' || i_binlog_position FROM sch_chameleon.t_replica_batch";
const TABLES: &str =
    "SELECT string_agg(v_table_name, ' ' ORDER BY v_table_name) FROM sch_chameleon.t_replica_tables";

#[test]
fn another_version_of_the_catalogue() {
    let seed = || Seed::of([shop()]);
    let view = |query: &str| {
        seed().statement(&format!(
            "DROP VIEW sch_chameleon.v_version; CREATE VIEW sch_chameleon.v_version AS {query}"
        ))
    };
    all_refused([
        (
            "older",
            seed().version("1.6"),
            shop_alone(),
            &["catalogue-version", "The catalogue is 1.6", "Upgrade pg_chameleon to 1.8.2"],
        ),
        (
            "1.7 that says it is 2.0",
            seed().version("2.0.5"),
            shop_alone(),
            &[
                "The catalogue says that it is 2.0.5, and is none of a known 2.0 version",
                "t_dest_schema of t_sources",
            ],
        ),
        (
            "nonsense",
            seed().version("banana\t7"),
            shop_alone(),
            &["catalogue-version", "banana", "Upgrade pg_chameleon to 1.8.2"],
        ),
        (
            "without a row",
            view("SELECT '1.7'::text AS t_version WHERE false"),
            shop_alone(),
            &["says no version", "Check that chameleon_harness_"],
        ),
        ("NULL", view("SELECT NULL::text AS t_version"), shop_alone(), &["says no version"]),
        (
            "without the view",
            seed().statement("DROP VIEW sch_chameleon.v_version"),
            shop_alone(),
            &["says no version"],
        ),
        (
            "another view of that name",
            view("SELECT 7 AS answer"),
            shop_alone(),
            &["The catalogue can't be read: column \"t_version\" does not exist", "not made by pg_chameleon"],
        ),
        (
            "1.7 without one of its tables",
            seed().statement("DROP TABLE sch_chameleon.t_batch_events"),
            shop_alone(),
            &["relation \"sch_chameleon.t_batch_events\" does not exist", "lacks a table or column"],
        ),
    ]);
}

#[test]
fn no_catalogue_at_all() {
    let replica = Replica::empty(&shop_alone());
    replica.refused(
        &[],
        &[
            "catalogue-version",
            &format!("The database {} has no schema sch_chameleon.", replica.database.name()),
            "Set pg_conn.database",
        ],
    );
}

#[test]
fn leftovers_of_an_earlier_upgrade() {
    let left = |schema: &str| format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (a int)");
    let (one, two) = ("_sch_chameleon_version1", "_sch_chameleon_version2");
    let seed = || Seed::of([shop()]);
    all_refused([
        (
            "version 1",
            seed().statement(&left(one)),
            shop_alone(),
            &[
                "The schema _sch_chameleon_version1 is left over: the catalogue that an earlier upgrade put aside",
                "--schema version1 --drop",
                "--schema version1 --rename-to _sch_chameleon_version1_kept",
            ],
        ),
        (
            "version 2",
            seed().statement(&left(two)),
            shop_alone(),
            &[
                "_sch_chameleon_version2 is left over: the 2.0 catalogue of an earlier upgrade that failed or was rolled back",
            ],
        ),
        (
            "both",
            seed().statement(&left(one)).statement(&left(two)),
            shop_alone(),
            &["The schema _sch_chameleon_version1 is", "The schema _sch_chameleon_version2 is", "2 errors"],
        ),
    ]);
}

#[test]
fn the_schema_on_mysql_is_not_known() {
    let of = |schema| Seed::of([shop().source_schema(schema)]);
    let texts: &[&str] = &[
        "source-schema",
        "t_source_schema is empty for the source shop",
        "Start the 1.8.2 replica of shop once",
    ];
    all_refused([("NULL", of(None), shop_alone(), texts), ("empty", of(Some("")), shop_alone(), texts)]);
    // The pair that can't be compared yet is not held against the configuration.
    let shown = Replica::of(&of(None), &shop_alone()).refused_in("alone", &[], &["1 error"]);
    assert!(!shown.contains("schema-mappings"), "{shown}");
}

#[test]
fn mappings_that_disagree() {
    let seed = || Seed::of([shop(), stock()]);
    let mapped = |pairs: &[(&str, &str)]| vec![ConfiguredSource::mysql("replica", pairs)];
    let good = ("my_shop", "shop");
    all_refused([
        (
            "missing in the configuration",
            seed(),
            mapped(&[good]),
            &[
                "The catalogue replicates my_stock → stock (source stock); no source of the configuration does.",
                "Add `my_stock: stock` under schema_mappings",
                "drop_source",
            ],
        ),
        (
            "only in the configuration",
            seed(),
            mapped(&[good, ("my_stock", "stock"), ("new", "newer")]),
            &[
                "The configuration maps new → newer (source replica); the catalogue replicates no such pair.",
                "Take `new: newer` out of schema_mappings of replica",
            ],
        ),
        (
            "another destination",
            seed(),
            mapped(&[good, ("my_stock", "store")]),
            &[
                "The catalogue replicates my_stock → stock",
                "The configuration has my_stock → store in source replica: correct it to `my_stock: stock`",
                "The configuration maps my_stock → store",
                "2 errors",
            ],
        ),
        (
            "another schema on MySQL",
            seed(),
            mapped(&[good, ("stock", "stock")]),
            &[
                "The configuration has stock → stock in source replica: correct it to `my_stock: stock`",
                "2 errors",
            ],
        ),
        (
            "letter case",
            seed(),
            mapped(&[good, ("My_Stock", "stock")]),
            &["The configuration has My_Stock → stock in source replica: correct it to `my_stock: stock`"],
        ),
        (
            "crossed",
            seed(),
            mapped(&[("my_shop", "stock"), ("my_stock", "shop")]),
            &["correct it to `my_shop: shop`", "correct it to `my_stock: stock`", "4 errors"],
        ),
        (
            "one pair in two sources",
            seed(),
            vec![both().remove(0), ConfiguredSource::mysql("second", &[good])],
            &["my_shop → shop stands in more than one source of the configuration: replica, second."],
        ),
        (
            "no mysql source at all, and one of another type",
            seed(),
            vec![ConfiguredSource { kind: "pgsql".to_owned(), ..both().remove(0) }],
            &[
                "source-types",
                "The source replica of the configuration (lines ",
                "is of type pgsql",
                "Remove replica from the configuration",
                "The catalogue replicates my_shop → shop",
            ],
        ),
        (
            "a source of another type beside the right one",
            seed(),
            vec![
                both().remove(0),
                ConfiguredSource { kind: "pgsql".to_owned(), ..ConfiguredSource::mysql("pg", &[("a", "b")]) },
            ],
            &["The source pg of the configuration (lines ", "is of type pgsql", "1 error."],
        ),
    ]);
}

#[test]
fn a_replica_at_work() {
    let replica = Replica::of(&Seed::of([shop().status(Status::Running)]), &shop_alone());
    let mut config = replica.database.config();
    let session =
        config.application_name("[PGCH] - source: shop, action: replica").connect(postgres::NoTls).unwrap();
    let texts = [
        "replica-stopped",
        "pg_chameleon is at work on this database: \"[PGCH] - source: shop, action: replica\"",
        "of the role postgres, from 127.0.0.1)",
        "Stop the replica of every source",
    ];
    replica.refused(&[], &texts);
    // Nobody can assume away what is there to be seen.
    replica.refused(&["--assume-stopped"], &texts);
    drop(session);
    replica.refused(&[], &["The status of shop is running", "--assume-stopped"]);
}

#[test]
fn a_session_that_only_resembles_a_replica() {
    let replica = Replica::of(&Seed::of([shop()]), &shop_alone());
    let mut config = replica.database.config();
    let _session = config.application_name("look at [PGCH]").connect(postgres::NoTls).unwrap();
    replica.upgrade(&[]).code(0);
}

#[test]
fn a_replica_that_was_killed() {
    let replica = Replica::of(&Seed::of([shop().status(Status::Running), stock()]), &both());
    replica.refused(
        &[],
        &["The status of shop is running and no session of pg_chameleon is connected", "--assume-stopped"],
    );
    replica
        .upgrade(&["--assume-stopped"])
        .code(0)
        .stdout(contains("warning  replica-stopped").and(contains("because of --assume-stopped")));
}

#[test]
fn a_first_copy_that_never_ended() {
    let replica = Replica::of(&Seed::of([shop().status(Status::Initialising)]), &shop_alone());
    for more in [&[][..], &["--assume-stopped"]] {
        replica.refused(more, &["The status of shop is initialising", "Let 1.8.2's init_replica end"]);
    }
}

#[test]
fn nothing_says_where_to_read_on() {
    let table = || Table::new("items");
    let source = |batches: Vec<Batch>| {
        Seed::of([batches.into_iter().fold(Source::new("shop").table(table()), Source::batch)])
    };
    let texts: &[&str] =
        &["The source shop has 1 table and no open batch", "Only 1.8.2's init_replica of shop makes one"];
    all_refused([
        ("no batch", source(vec![]), shop_alone(), texts),
        ("the last batch was replayed", source(vec![Batch::replayed("b.000001:4")]), shop_alone(), texts),
        (
            "only an orphan",
            source(vec![Batch::open("b.000001:4"), Batch::replayed("b.000001:9")]),
            shop_alone(),
            texts,
        ),
    ]);
}

#[test]
fn states_of_batches_that_are_upgraded() {
    let source = || Source::new("shop").table(Table::new("items").rows(2));
    let insert = |id: i64| Event::insert("items", json!({"id": id, "data": "x"}));
    all_accepted([
        (
            "two live batches: the smaller is the start",
            Seed::of([source()
                .batch(Batch::started("b.000009:700").event(insert(3)))
                .batch(Batch::open("b.000009:800"))]),
            &["b.000009:700"],
            BATCH_START,
            "b.000009:700",
        ),
        (
            "two live batches, smaller by the number of the file",
            Seed::of([source()
                .batch(Batch::started("b.999999:900").event(insert(3)))
                .batch(Batch::started("b.1000000:1"))]),
            &[],
            BATCH_START,
            "b.999999:900",
        ),
        (
            "processed, with rows, and never listed: it is read again",
            Seed::of([source()
                .batch(Batch::replayed("b.000009:100"))
                .batch(Batch::processed("b.000009:200").event(insert(3)))
                .batch(Batch::open("b.000009:300"))]),
            &["b.000009:200"],
            BATCH_START,
            "b.000009:200",
        ),
        (
            "an orphan is left out, and its tables are named",
            Seed::of([source()
                .batch(Batch::processed("b.000009:100").event(insert(3)))
                .batch(Batch::replayed("b.000009:200"))
                .batch(Batch::open("b.000009:300"))]),
            &[
                "warning  orphan-batches",
                "of the source shop (b.000009:100) is still open though a later batch was applied",
                "unless they were synced since: shop.items.",
            ],
            BATCH_START,
            "b.000009:300",
        ),
        (
            "without rows it is none: nothing was lost",
            Seed::of([source()
                .batch(Batch::started("b.000009:100"))
                .batch(Batch::replayed("b.000009:200"))
                .batch(Batch::open("b.000009:300"))]),
            &[],
            BATCH_START,
            "b.000009:300",
        ),
        (
            "a quiet batch closed without rows",
            Seed::of([source().batch(Batch::processed("b.000009:100")).batch(Batch::open("b.000009:300"))]),
            &[],
            BATCH_START,
            "b.000009:300",
        ),
    ]);
}

#[test]
fn a_listed_batch_that_the_replay_passes_over() {
    let batch = Batch { started: Some(false), ..Batch::new(BatchState::Listed, "b.000009:100") }
        .event(Event::insert("items", json!({"id": 3, "data": "x"})));
    let source =
        Source::new("shop").table(Table::new("items")).batch(batch).batch(Batch::open("b.000009:200"));
    let replica = Replica::of(&Seed::of([source]), &shop_alone());
    replica.refused(
        &[],
        &[
            "unreplayable-batch",
            "The batch 1 of the source shop lists 1 event to replay, but is not marked started and processed",
            "UPDATE sch_chameleon.t_replica_batch SET b_started = true, b_processed = true WHERE i_id_batch = 1;",
        ],
    );
    replica.sql(
        "UPDATE sch_chameleon.t_replica_batch SET b_started = true, b_processed = true WHERE i_id_batch = 1;",
    );
    let upgraded = replica.upgrade(&[]).code(0);
    let shown = String::from_utf8_lossy(&upgraded.get_output().stdout).into_owned();
    assert!(shown.contains("1 event of the source shop waits to be replayed"), "{shown}");
    assert_eq!(replica.value("SELECT count(*) FROM shop.items"), "1");
}

#[test]
fn binary_logs_that_do_not_go_together() {
    let source = |name: &str, at: &str| Source::new(name).table(Table::new("t")).batch(Batch::open(at));
    all_refused([
        (
            "two MySQL servers in one new source",
            Seed::of([source("shop", "first-bin.000001:4"), source("stock", "second-bin.000001:4")]),
            both(),
            &[
                "binlog-base-name",
                "The sources that go into replica read binary logs of different MySQL servers: first-bin (shop); \
                 second-bin (stock).",
                "Give each MySQL server a source of its own",
            ],
        ),
        (
            "a table synced from another server",
            Seed::of([Source::new("shop")
                .table(Table::new("t").at("other-bin.000001:4"))
                .batch(Batch::open("first-bin.000001:4"))]),
            shop_alone(),
            &["different MySQL servers: first-bin (shop); other-bin (shop)."],
        ),
        (
            "a dot",
            Seed::of([source("shop", "db.example.000001:4")]),
            shop_alone(),
            &["The binary log base name db.example (source replica) has a dot in it", "Set log_bin"],
        ),
    ]);
    // Of two servers, in two new sources, nothing is wrong.
    let seed = Seed::of([source("shop", "first-bin.000001:4"), source("stock", "second-bin.000001:4")]);
    let each = [
        ConfiguredSource::mysql("one", &[("my_shop", "shop")]),
        ConfiguredSource::mysql("two", &[("my_stock", "stock")]),
    ];
    Replica::of(&seed, &each).upgrade(&[]).code(0);
}

#[test]
fn coordinates_that_cannot_be_read() {
    let source = |at: &str| Source::new("shop").table(Table::new("items")).batch(Batch::open(at));
    let nulled = |table: &str, column: &str| {
        Seed::of([Source::new("shop")
            .table(Table::new("items").at("b.000001:7"))
            .batch(Batch::open("b.000001:4"))])
        .statement(&format!("UPDATE sch_chameleon.{table} SET {column} = NULL"))
    };
    let batch: &[&str] = &["The open batch 1 of the source shop can't be used", "WHERE i_id_batch = 1"];
    let table: &[&str] =
        &["The coordinate of a table of the source shop can't be used", "1.8.2's sync_tables"];
    all_refused([
        ("no number", Seed::of([source("mysql-bin:4")]), shop_alone(), batch),
        ("an empty name", Seed::of([source(":4")]), shop_alone(), batch),
        ("a negative position", Seed::of([source("b.000001:-4")]), shop_alone(), batch),
        ("a batch without a file", nulled("t_replica_batch", "t_binlog_name"), shop_alone(), batch),
        ("a batch without a position", nulled("t_replica_batch", "i_binlog_position"), shop_alone(), batch),
        ("a table without a file", nulled("t_replica_tables", "t_binlog_name"), shop_alone(), table),
        ("a table without a position", nulled("t_replica_tables", "i_binlog_position"), shop_alone(), table),
        (
            "a table with nonsense",
            Seed::of([Source::new("shop")
                .table(Table::new("items").at("nonsense:7"))
                .batch(Batch::open("b.000001:4"))]),
            shop_alone(),
            table,
        ),
        (
            "a table with a negative position among better ones",
            Seed::of([Source::new("shop")
                .table(Table::new("items").at("b.000001:-7"))
                .table(Table::new("more").at("b.000001:70"))
                .batch(Batch::open("b.000001:4"))]),
            shop_alone(),
            table,
        ),
    ]);
}

#[test]
fn names_that_do_not_fit() {
    let long_source = "s".repeat(48);
    let replica =
        Replica::of(&Seed::of([shop()]), &[ConfiguredSource::mysql(&long_source, &[("my_shop", "shop")])]);
    replica.refused(
        &[],
        &["names", "is too long: its log table", "would have 64 bytes", "a name of at most 47 bytes"],
    );
    replica.configure_longest();
    // Bytes count, not letters.
    let replica =
        Replica::of(&Seed::of([shop()]), &[ConfiguredSource::mysql(&"ü".repeat(24), &[("my_shop", "shop")])]);
    replica.refused(&[], &["would have 64 bytes"]);

    let long_table = "t".repeat(65);
    let stored = format!(
        "INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey)
         VALUES (1, '{long_table}', 'shop', ARRAY['\"id\"'])"
    );
    all_refused([(
        "a table",
        Seed::of([shop()]).statement(&stored),
        shop_alone(),
        &[
            "1 row of t_replica_tables cannot be stored in 2.0",
            "shop.ttttt",
            "Correct the names, or delete them: DELETE FROM",
        ],
    )]);
}

impl Replica {
    /// The longest name of a source that fits.
    fn configure_longest(mut self) {
        self.configure(&[ConfiguredSource::mysql(&"s".repeat(47), &[("my_shop", "shop")])]);
        self.upgrade(&[]).code(0);
    }
}

#[test]
fn key_columns_that_cannot_be_read() {
    for key in [
        "ARRAY['id']",
        "ARRAY['']",
        "ARRAY['\"\"']",
        "ARRAY['\"id']",
        "ARRAY['\"id\", \"line\"']",
        "ARRAY['\"id\" ,\"line\"']",
        "ARRAY['\"id\",\"\"']",
        "ARRAY['\"id\",,\"line\"']",
        "ARRAY['\"id\"', '\"line\"']",
        "ARRAY[NULL]",
        "ARRAY[]",
    ] {
        let seed = Seed::of([shop()])
            .statement(&format!("UPDATE sch_chameleon.t_replica_tables SET v_table_pkey = {key}::varchar[]"));
        Replica::of(&seed, &shop_alone()).refused_in(
            key,
            &[],
            &["The key columns (v_table_pkey) of 1 table can't be read: shop.items", "1.8.2's sync_tables"],
        );
    }
}

#[test]
fn destination_tables_that_are_not_as_they_should_be() {
    let table = |name: &str, destination| Table::new(name).destination(destination);
    let open = || Source::new("shop").batch(Batch::open("b.000001:4"));
    let more_than_named =
        (0..12).fold(open(), |source, n| source.table(table(&format!("t{n}"), Destination::Missing)));
    all_accepted([
        (
            "a table that is not there",
            Seed::of([open().table(table("gone", Destination::Missing))]),
            &[
                "warning  destination-tables",
                "1 replicated table is not in the destination schema: shop.gone.",
                "sync_tables of 2.0 after it",
            ],
            TABLES,
            "gone",
        ),
        (
            "a table without a primary key",
            Seed::of([open().table(table("keyless", Destination::WithoutKey)).table(Table::new("good"))]),
            &["warning  primary-keys", "1 replicated table is without a primary key", "shop.keyless."],
            TABLES,
            "good keyless",
        ),
        (
            "more than are named",
            Seed::of([more_than_named]),
            &["12 replicated tables are not in the destination schema", "and 2 more."],
            "SELECT count(*) FROM sch_chameleon.t_replica_tables",
            "12",
        ),
    ]);
}

#[test]
fn objects_that_depend_on_the_catalogue() {
    let statements = [
        ("view reporting.lag", "CREATE VIEW reporting.lag AS SELECT t_source FROM sch_chameleon.t_sources"),
        (
            "materialized view reporting.counts",
            "CREATE MATERIALIZED VIEW reporting.counts AS SELECT count(*) FROM sch_chameleon.t_replica_tables",
        ),
        (
            "constraint notes_source_fkey on table reporting.notes",
            "CREATE TABLE reporting.notes (source bigint REFERENCES sch_chameleon.t_sources)",
        ),
        (
            "function reporting.first_source()",
            "CREATE FUNCTION reporting.first_source() RETURNS sch_chameleon.t_sources LANGUAGE sql
             AS 'SELECT s FROM sch_chameleon.t_sources s LIMIT 1'",
        ),
        (
            "trigger refresh on table reporting.notes",
            "CREATE FUNCTION sch_chameleon.mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TRIGGER refresh BEFORE INSERT ON reporting.notes FOR EACH ROW EXECUTE FUNCTION sch_chameleon.mine()",
        ),
        (
            "publication of table sch_chameleon.t_sources in publication pub",
            "CREATE PUBLICATION pub FOR TABLE sch_chameleon.t_sources",
        ),
        (
            "table reporting.archive",
            "CREATE TABLE reporting.archive () INHERITS (sch_chameleon.t_discarded_rows)",
        ),
        (
            "default privileges on new relations belonging to role postgres in schema sch_chameleon",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA sch_chameleon GRANT SELECT ON TABLES TO PUBLIC",
        ),
        (
            "table reporting.defaults",
            "CREATE TABLE reporting.defaults (status text DEFAULT 'ready'::sch_chameleon.en_src_status::text)",
        ),
    ];
    let seed = Seed::of([shop()]).statement("CREATE SCHEMA reporting");
    let seed = statements.iter().fold(seed, |seed, (_, sql)| seed.statement(sql));
    let replica = Replica::of(&seed, &shop_alone());
    let checked = shown(replica.command(&["check"]).assert().code(0).get_output());
    for (object, _) in statements {
        assert!(checked.contains(&format!("{object} depends on")), "{object}:\n{checked}");
    }
    assert!(checked.contains("Create it anew on sch_chameleon after the upgrade"), "{checked}");
    assert_eq!(checked.matches("dependents").count(), statements.len(), "{checked}");
    replica.upgrade(&[]).code(0);
    let follows = "SELECT count(*) FROM reporting.lag";
    assert_eq!(replica.value(follows), "1");
    let referenced = "SELECT confrelid::regclass FROM pg_constraint WHERE conname = 'notes_source_fkey'";
    assert_eq!(replica.value(referenced), "_sch_chameleon_version1.t_sources");
}

/// Makes a role that may log in, named after the database, with rights given in SQL (`{role}`, `{database}`).
fn role(replica: &mut Replica, kind: &str, rights: &str, sources: &[ConfiguredSource]) -> String {
    let database = replica.database.name().to_owned();
    let role = format!("{kind}_{database}");
    let sql = format!("CREATE ROLE \"{role}\" LOGIN PASSWORD 'pa55'; {rights}");
    replica.sql(&sql.replace("{role}", &format!("\"{role}\"")).replace("{database}", &database));
    replica.configure_as(&role, "pa55", sources);
    role
}

/// Gives the whole catalogue to a role.
const OWNER: &str = "
    ALTER SCHEMA sch_chameleon OWNER TO {role};
    DO $$ DECLARE c record; BEGIN
        FOR c IN SELECT oid::regclass AS name FROM pg_class
                 WHERE relnamespace = 'sch_chameleon'::regnamespace AND relkind IN ('r', 'v') LOOP
            EXECUTE format('ALTER TABLE %s OWNER TO %I', c.name, replace('{role}', '\"', ''));
        END LOOP;
    END $$;";

#[test]
fn a_role_without_rights() {
    let mut replica = Replica::of(&Seed::of([shop()]), &shop_alone());
    let nobody = role(&mut replica, "nobody", "", &shop_alone());
    replica.refused(
        &[],
        &[
            &format!("The role {nobody} does not own the schema sch_chameleon: postgres does."),
            "Set pg_conn.user in the configuration to postgres",
            &format!("GRANT \"postgres\" TO \"{nobody}\";"),
            &format!("The role {nobody} may not create schemas in the database {}", replica.database.name()),
            "2 errors",
        ],
    );
    let owner = role(&mut replica, "owner", OWNER, &shop_alone());
    let grant = format!("GRANT CREATE ON DATABASE \"{}\" TO \"{owner}\";", replica.database.name());
    replica.refused(&[], &[&format!("The role {owner} may not create schemas"), &grant, "1 error."]);
    replica.sql(&grant);
    replica.sql(
        "ALTER TABLE sch_chameleon.t_index_def OWNER TO postgres;
         ALTER VIEW sch_chameleon.v_version OWNER TO postgres",
    );
    replica.refused(
        &[],
        &[
            &format!("The role {owner} does not own all that is in sch_chameleon: t_index_def,"),
            "ALTER TABLE sch_chameleon.\"t_index_def\" OWNER TO",
            "ALTER TABLE sch_chameleon.\"v_version\" OWNER TO",
        ],
    );
    replica.sql(&format!(
        "ALTER TABLE sch_chameleon.\"t_index_def\" OWNER TO \"{owner}\";
         ALTER TABLE sch_chameleon.\"v_version\" OWNER TO \"{owner}\""
    ));
    replica.upgrade(&[]).code(0);
}

/// §report-61 and §report-62: no temporary tables, and one session alone. What waits is replayed all the same, as by a
/// role that may do more.
#[test]
fn a_role_without_temporary_tables_and_with_one_session() {
    let waiting = |name: &str| {
        let mix = [Kind::Insert, Kind::Update, Kind::Delete];
        Source::new(name)
            .table(Table::new("t").rows(500))
            .batch(Batch::listed("mysql-bin.000001:100").event(Event::bulk_of("t", 600, &mix)))
            .batch(Batch::open("mysql-bin.000001:9000"))
    };
    let sources = [ConfiguredSource::mysql("replica", &[("my_shop", "shop"), ("my_stock", "stock")])];
    let seed = Seed::of([waiting("shop"), waiting("stock")]);
    let rows = "SELECT (SELECT string_agg(t::text, ' ' ORDER BY id) FROM shop.t t) || (SELECT string_agg(t::text, ' ' ORDER BY id) FROM stock.t t)";
    let unbounded = Replica::of(&seed, &sources);
    unbounded.upgrade(&["--jobs", "2"]).code(0);
    let mut replica = Replica::of(&seed, &sources);
    let rights = format!(
        "{OWNER} GRANT CREATE ON DATABASE {{database}} TO {{role}}; REVOKE TEMPORARY ON DATABASE {{database}} FROM PUBLIC;
         GRANT USAGE ON SCHEMA shop, stock TO {{role}}; GRANT ALL ON shop.t, stock.t TO {{role}};
         ALTER ROLE {{role}} CONNECTION LIMIT 1;"
    );
    let role = role(&mut replica, "bounded", &rights, &sources);
    let may = format!("SELECT has_database_privilege('{role}', current_database(), 'TEMP')");
    assert_eq!(replica.value(&may), "false");
    replica.upgrade(&["--jobs", "2"]).code(0);
    assert_eq!(replica.value(rows), unbounded.value(rows));
    assert_eq!(replica.value("SELECT count(*) FROM _sch_chameleon_version1.t_log_replica"), "0");
}

#[test]
fn an_owner_by_membership_and_a_replica_of_another_role() {
    let mut replica = Replica::of(&Seed::of([shop()]), &shop_alone());
    let owner = role(&mut replica, "owner", OWNER, &shop_alone());
    let rights = format!("GRANT \"{owner}\" TO {{role}}; GRANT CREATE ON DATABASE {{database}} TO {{role}}");
    role(&mut replica, "member", &rights, &shop_alone());
    let mut config = replica.database.config();
    let session = config.application_name("[PGCH] - source: shop").connect(postgres::NoTls).unwrap();
    replica.refused(&[], &["at work on this database: \"[PGCH] - source: shop\"", "of the role postgres)"]);
    drop(session);
    replica.upgrade(&[]).code(0);
    let owners = "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class
                  WHERE relnamespace = 'sch_chameleon'::regnamespace";
    assert_eq!(replica.value(owners), owner);
}

#[test]
fn sessions_that_are_read_only_by_default() {
    let source =
        shop().batch(Batch::listed("mysql-bin.000007:300")).batch(Batch::open("mysql-bin.000007:400"));
    let replica = Replica::of(&Seed::of([source]), &shop_alone());
    let database = replica.database.name();
    replica.sql(&format!("ALTER DATABASE {database} SET default_transaction_read_only = on"));
    replica.refused(
        &[],
        &["read-only by default (default_transaction_read_only)", "RESET default_transaction_read_only;"],
    );
}

#[test]
fn a_standby() {
    let mut server = local(&LocalOptions::default()).unwrap();
    let mut client = server.address().connect("postgres").unwrap();
    Seed::of([shop()]).create(&mut client).unwrap();
    let home = Home::new(&configuration(server.address(), "postgres", &shop_alone())).unwrap();
    drop(client);
    server.stop().unwrap();
    File::create(server.folder().join("data/standby.signal")).unwrap();
    server.restart().unwrap();
    let mut client = server.address().connect("postgres").unwrap();
    let before = Record::of_database(&mut client).unwrap();
    assert_cmd::Command::new(crate::replica::PROGRAM)
        .args(["upgrade", "--yes", "--offline", "--config", "upgraded"])
        .env("HOME", home.path())
        .assert()
        .code(3)
        .stdout(
            contains("The server is a standby")
                .and(contains("Set pg_conn in the configuration to the primary")),
        );
    assert_unchanged(&before, &Record::of_database(&mut client).unwrap());
}

#[test]
fn another_upgrade_at_work() {
    let replica = Replica::of(&Seed::of([shop()]), &shop_alone());
    let mut other = replica.client();
    let pid: i32 = other
        .query_one("SELECT pg_backend_pid(), pg_advisory_lock($1)", &[&i64::from_be_bytes(*b"chameleo")])
        .unwrap()
        .get(0);
    replica.refused(
        &[],
        &[&format!("another upgrade of this database is at work (server process {pid})"), "run again"],
    );
    drop(other);
}

#[test]
fn all_findings_are_shown_not_just_the_first() {
    let seed = Seed::of([shop().source_schema(None), stock().status(Status::Running)])
        .statement("CREATE SCHEMA _sch_chameleon_version2");
    let replica = Replica::of(&seed, &[ConfiguredSource::mysql("replica", &[("a", "b")])]);
    replica.refused(&[], &["leftovers", "source-schema", "schema-mappings", "replica-stopped", "5 errors"]);
    let report = replica.home.path().join("report.json");
    replica.upgrade(&["--report", report.to_str().unwrap()]).code(3);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!(report["ending"]["ending"], "refused");
    assert_eq!(report["findings"].as_array().unwrap().len(), 5);
    assert_eq!(report["plan"], serde_json::Value::Null);

    let shown = replica.command(&["check", "--format", "json"]).assert().code(3);
    let object: serde_json::Value = serde_json::from_slice(&shown.get_output().stdout).unwrap();
    assert_eq!((&object["ending"], &object["exit_code"]), (&json!("refused"), &json!(3)));
    for finding in object["findings"].as_array().unwrap() {
        assert_eq!(finding["severity"], "error");
        assert!(finding["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{finding}");
    }
    replica.command(&["check"]).assert().code(3).stderr(contains("would be refused: 5 errors"));
}

/// The fifth event of the second batch can't be applied. Two events a call, so that the call of 1.8.2 that
/// fails would undo the one before it, too.
fn with_a_bad_event() -> Seed {
    let insert = |id: i64| Event::insert("items", json!({"id": id, "data": format!("row {id}")}));
    let source = Source::new("shop")
        .table(Table::new("items").rows(2))
        .batch(Batch::listed("mysql-bin.000007:100").event(insert(10)).event(insert(11)))
        .batch(
            Batch::listed("mysql-bin.000007:200")
                .event(insert(12))
                .event(Event::update("items", json!({"id": 1}), json!({"id": 1, "data": "changed"})))
                .event(Event::delete("items", json!({"id": 2})))
                .event(insert(13))
                .event(insert(1))
                .event(insert(14)),
        )
        .batch(Batch::open("mysql-bin.000007:300"));
    Seed::of([source])
}

#[test]
fn an_event_that_cannot_be_replayed() {
    let configured = || vec![shop_alone().remove(0).with("replay_max_rows", 2)];
    let replica = Replica::of(&with_a_bad_event(), &configured());
    let report = replica.home.path().join("report.json");
    let output = replica.upgrade(&["--report", report.to_str().unwrap()]).code(3);
    let texts = shown(output.get_output());
    for text in [
        "event 7 (insert on shop.items, mysql-bin.000007:205) in batch 2 of the source shop",
        "can't be replayed: duplicate key value violates unique constraint \"items_pkey\"",
        "(Key (id)=(1) already exists.)",
        "SQLSTATE 23505",
        "1.8.2 stops at it in the same way",
        "what was replayed until then stays replayed",
    ] {
        assert!(texts.contains(text), "{text:?} is not in:\n{texts}");
    }
    let report = std::fs::read_to_string(&report).unwrap();
    assert!(report.contains("duplicate key value") && report.contains("\"refused\""), "{report}");

    // What 1.8.2 does, one event after another until it fails.
    let original = Replica::of(&with_a_bad_event(), &configured());
    let mut client = original.client();
    let failed = loop {
        match client.query_one("SELECT sch_chameleon.fn_process_batch(1, 1)", &[]) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(failed.code().unwrap().code(), "23505");
    let settled = |replica: &Replica| {
        // The only times of day in it.
        replica.sql("UPDATE sch_chameleon.t_replica_batch SET ts_replayed = NULL");
        replica.record()
    };
    assert_unchanged(&settled(&original), &settled(&replica));
    assert_eq!(
        replica.value("SELECT string_agg(id || data, ',' ORDER BY id) FROM shop.items"),
        "1changed,10row 10,11row 11,12row 12,13row 13"
    );

    // Mended, the same command succeeds.
    replica.sql("DELETE FROM shop.items WHERE id = 1");
    replica.upgrade(&[]).code(0);
    assert_eq!(
        replica.value("SELECT string_agg(id::text, ',' ORDER BY id) FROM shop.items"),
        "1,10,11,12,13,14"
    );
}

#[test]
fn the_record_and_pg_dump_agree_that_something_changed() {
    let replica = Replica::demo();
    let (record, dump) = (replica.record(), replica.dump());
    assert_eq!(dump, replica.dump());
    replica.upgrade(&[]).code(0);
    assert_ne!(dump, replica.dump());
    assert_ne!(record, replica.record());
    let quiet = Replica::of(&Seed::demo(), &[demo_source()]);
    let dump = quiet.dump();
    quiet.command(&["upgrade", "--dry-run"]).assert().code(0);
    assert!(dump == quiet.dump());
}
