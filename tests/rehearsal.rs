//! SPEC.md, "Rehearsal": a dump of production's database, restored on a throwaway server and upgraded there with
//! production's own configuration, whose server can't be reached from here. The catalogue is one that pg_chameleon
//! 1.8.2's own schema file has made.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

mod replica;

use chameleon_harness::home::{ConfiguredSource, configuration};
use chameleon_harness::production::{Dump, DumpError, Rows};
use chameleon_harness::record::Record;
use chameleon_harness::replay::{self, Day, Rehearsed};
use chameleon_harness::scenario::{self, Pool, ScenarioFile, VerdictKind};
use chameleon_harness::seed::{Batch, Event, Kind, Seed, Source, Table};
use chameleon_harness::server::{self, Server};
use chameleon_harness::tools;
use chameleon_harness::upgrader::Upgrader;
use chameleon_upgrade::config::Configuration;
use replica::{PROGRAM, Replica};
use secrecy::ExposeSecret;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// As production has it: its server has no address here, and its password must not be shown.
const PRODUCTION: &str = "\
# Written by hand.
pg_conn:
  host: production.invalid
  port: '5432'
  user: usr_replica
  password: secret-of-production
  database: db_replica
  charset: utf8
sources:
  upgraded: {type: mysql, db_conn: {host: mysql.invalid, port: 3306, user: usr_replica, password: replica,
                                   charset: utf8, connect_timeout: 10},
             schema_mappings: {my_shop: shop, my_stock: stock}}
";

fn seed() -> Seed {
    let shop = Source::new("shop").table(Table::new("orders").rows(2)).batch(
        Batch::listed("mysql-bin.000042:4").event(Event::bulk_of(
            "orders",
            40,
            &[Kind::Insert, Kind::Update, Kind::Delete],
        )),
    );
    let shop = shop.batch(Batch::open("mysql-bin.000042:7310"));
    let stock = Source::new("stock")
        .table(Table::new("items").rows(3).at("mysql-bin.000042:9120"))
        .batch(Batch::open("mysql-bin.000041:120"));
    Seed::of([shop, stock])
}

/// `pg_dump` of the database, as an administrator makes it.
fn dump(replica: &Replica, format: &str, into: &Path) -> PathBuf {
    let server = server::shared().unwrap();
    let file = into.join(format!("production.{format}"));
    let address = replica.database.address();
    let output = Command::new(server.binaries().unwrap().join("pg_dump"))
        .args(["--format", format, "--file", file.to_str().unwrap()])
        .args(["--host", &address.host, "--port", &address.port.to_string(), "--username", &address.user])
        .arg(replica.database.name())
        .env("PGPASSWORD", address.password.expose_secret())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file
}

/// The same, taken by the harness with the replica's own configuration.
fn take(replica: &Replica, rows: Rows) -> Result<Dump, DumpError> {
    let file = replica.home.configuration();
    let configuration = Configuration::parse(file.clone(), &fs::read_to_string(file).unwrap()).unwrap();
    Dump::take(&configuration, Some(server::shared().unwrap().binaries().unwrap()), rows)
}

fn restore(dump: &Path, into: &Replica) {
    let address = into.database.address();
    let output = Command::new(server::shared().unwrap().binaries().unwrap().join("pg_restore"))
        .args(["--host", &address.host, "--port", &address.port.to_string(), "--username", &address.user])
        .args(["--dbname", into.database.name()])
        .arg(dump)
        .env("PGPASSWORD", address.password.expose_secret())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn rehearsed(dump: PathBuf, configuration: &str, faults: &[&str]) -> Rehearsed {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("production.yml");
    fs::write(&file, configuration).unwrap();
    let day = Day {
        dump,
        configuration: replay::configuration(&file).unwrap(),
        configuration_file: file,
        server: server::Kind::default(),
        upgrader: Upgrader::new(PROGRAM),
        assume_stopped: false,
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        jobs: 2,
    };
    day.rehearse(&|_, _| {}).unwrap()
}

#[test]
fn a_dump_of_an_original_catalogue_is_rehearsed_in_every_format() {
    let test = "a_dump_of_an_original_catalogue_is_rehearsed_in_every_format";
    if tools::or_skip(test, tools::chameleon1()).is_none() {
        return;
    }
    let production = Replica::of_the_original(&seed(), &[]);
    let folder = tempfile::tempdir().unwrap();
    for format in ["custom", "plain", "directory", "tar"] {
        let rehearsed = rehearsed(dump(&production, format, folder.path()), PRODUCTION, &[]);
        assert!(rehearsed.went_well(), "{format}: {}", rehearsed.output);
        for said in ["replay 40 events of shop", "mysql-bin.000041:120", "2.0.10"] {
            assert!(rehearsed.output.contains(said), "{format}: no {said:?} in {}", rehearsed.output);
        }
        assert!(!rehearsed.output.contains("secret-of-production"), "{}", rehearsed.output);
        assert!(rehearsed.seconds > rehearsed.replay_seconds && rehearsed.replay_seconds > 0.0);
    }
}

#[test]
fn a_rehearsal_goes_through_faults_at_every_message() {
    let test = "a_rehearsal_goes_through_faults_at_every_message";
    if tools::or_skip(test, tools::chameleon1()).is_none() {
        return;
    }
    let production = Replica::of_the_original(&seed(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let rehearsed = rehearsed(dump(&production, "custom", folder.path()), PRODUCTION, &["cut_after"]);
    assert!(rehearsed.went_well(), "{rehearsed:#?}");
    let findings = rehearsed.sweep.expect("the sweep's findings");
    assert_eq!(findings.runs.len(), findings.messages.len());
    assert!(findings.runs.iter().all(|run| run.not_happened.is_none()), "{:#?}", findings.runs);
}

#[test]
fn a_day_that_would_not_go_well_is_told() {
    let test = "a_day_that_would_not_go_well_is_told";
    if tools::or_skip(test, tools::chameleon1()).is_none() {
        return;
    }
    let production = Replica::of_the_original(&seed(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let without_stock = PRODUCTION.replace(", my_stock: stock", "");
    let rehearsed = rehearsed(dump(&production, "custom", folder.path()), &without_stock, &["kill_client"]);
    assert!(!rehearsed.went_well());
    assert_eq!(rehearsed.exit_code, Some(3), "{}", rehearsed.output);
    assert!(rehearsed.output.contains("my_stock"), "{}", rehearsed.output);
    assert!(rehearsed.sweep.is_none(), "there is nothing to sweep");
}

#[test]
fn what_is_wrong_with_the_configuration_is_told_of_the_file_itself() {
    let production = Replica::demo();
    let folder = tempfile::tempdir().unwrap();
    let wrong = PRODUCTION.replace("type: mysql", "type: [mysql]");
    let rehearsed = rehearsed(dump(&production, "custom", folder.path()), &wrong, &[]);
    assert_eq!(rehearsed.exit_code, Some(2), "{}", rehearsed.output);
    // Line 10 of PRODUCTION.
    assert!(rehearsed.output.contains("/production.yml:10:"), "{}", rehearsed.output);
}

/// A scenario whose seed is a dump beside it.
#[test]
fn a_scenario_begins_with_a_dump() {
    let production = Replica::of(&seed(), &[]);
    let folder = tempfile::tempdir().unwrap();
    dump(&production, "custom", folder.path());
    let file = folder.path().join("production.yaml");
    let scenario = "\
about: What production's dump becomes.
seed: {dump: production.custom}
configuration: [{name: replica, mappings: {my_shop: shop, my_stock: stock}}]
runs:
  - faults: [{kind: statement_fails, sqlstate: disk_full, at: {step: tables, message: 2}}]
    expect: {exit: 4, version: 1.7, schemas: [sch_chameleon, _sch_chameleon_version2]}
  - statements: [DROP SCHEMA _sch_chameleon_version2 CASCADE]
    expect: {exit: 0, tables: {shop.orders: \"mysql-bin.000042:7311\", stock.items: \"mysql-bin.000042:9121\"}}
";
    fs::write(&file, scenario).unwrap();
    let pool = Pool::new(server::Kind::default());
    let verdict =
        scenario::run(&ScenarioFile::read(&file).unwrap(), &pool, &Upgrader::new(PROGRAM), false).unwrap();
    assert_eq!(verdict.kind, VerdictKind::Passed);
    assert_eq!(verdict.faults, 1);
}

/// What the configuration doesn't say, `pg_dump` finds where libpq looks for it (REPORTS.md 18).
#[test]
fn production_is_dumped_with_a_password_from_the_password_file() {
    let production = Replica::of(&seed(), &[]);
    let address = production.database.address();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    fs::write(&file, format!("*:{}:*:*:{}\n", address.port, address.password.expose_secret())).unwrap();
    let mappings = [("my_shop", "shop"), ("my_stock", "stock")];
    let mut text =
        configuration(address, production.database.name(), &[ConfiguredSource::mysql("upgraded", &mappings)]);
    text["pg_conn"]["password"] = "''".into();
    let passfile =
        format!("{} passfile={} options='-c geqo=off'", production.database.name(), file.display());
    text["pg_conn"]["database"] = passfile.into();
    let configuration = Configuration::parse("production.yml".into(), &text.to_string()).unwrap();
    let take = |mode: u32| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        Dump::take(&configuration, Some(server::shared().unwrap().binaries().unwrap()), Rows::None)
    };
    assert!(matches!(take(0o644), Err(DumpError::Refused { .. })));
    assert!(take(0o600).unwrap().file().exists());
}

#[test]
fn production_is_read_and_stays_as_it_was() {
    let mappings = [("my_shop", "shop"), ("my_stock", "stock")];
    let production = Replica::of(&seed(), &[ConfiguredSource::mysql("upgraded", &mappings)]);
    production.sql("CREATE SCHEMA elsewhere CREATE TABLE large (id integer)");
    let before = Record::of_database(&mut production.client()).unwrap();
    for (rows, orders) in [(Rows::All, 2), (Rows::None, 0)] {
        let dump = take(&production, rows).unwrap();
        let restored = Replica::empty(&[]);
        restore(&dump.file(), &restored);
        let count = |table: &str| {
            let query = format!("SELECT count(*) FROM {table}");
            restored.client().query_one(&query, &[]).unwrap().get::<_, i64>(0)
        };
        assert_eq!((count("shop.orders"), count("sch_chameleon.t_replica_tables")), (orders, 2), "{rows:?}");
        assert_eq!(
            count("pg_namespace WHERE nspname = 'elsewhere'"),
            0,
            "only what the replica needs is read"
        );
        let rehearsed = rehearsed(dump.file(), PRODUCTION, &[]);
        assert!(rehearsed.went_well(), "{rows:?}: {}", rehearsed.output);
    }
    let after = Record::of_database(&mut production.client()).unwrap();
    assert!(before == after, "{}", before.diff(&after));
}

#[test]
fn production_that_can_t_be_read_is_told_without_its_password() {
    let mut production = Replica::demo();
    production.configure_as("nobody", "secret-of-production", &[replica::demo_source()]);
    let error = take(&production, Rows::All).unwrap_err().to_string();
    for said in ["production can't be dumped", "nobody", "Nothing was changed there"] {
        assert!(error.contains(said), "no {said:?} in {error}");
    }
    assert!(!error.contains("secret-of-production"), "{error}");
}
