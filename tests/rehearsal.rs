//! §rehearsal: a dump of production's database, restored on a throwaway server and upgraded there with
//! production's own configuration, whose server can't be reached from here. The catalogue is one that pg_chameleon
//! 1.8.2's own schema file has made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end there")]

#[path = "replica/far.rs"]
mod far;
mod replica;

use chameleon_harness::chameleon::home::{ConfiguredSource, Home, configuration};
use chameleon_harness::commands;
use chameleon_harness::process::scratch;
use chameleon_harness::process::tools;
use chameleon_harness::record::Record;
use chameleon_harness::rehearsal::dump::{Dump, DumpError, Rows};
use chameleon_harness::rehearsal::report::{
    Range, RehearsalReport, StepName, StepOutcome, UpgradeRun, Verdict,
};
use chameleon_harness::rehearsal::{self, Daemon, From, Rehearsal, RehearsalError, Told, tables};
use chameleon_harness::replica::dumped::{Dumped, EventTrigger, Missing};
use chameleon_harness::replica::report::{Report, Severity};
use chameleon_harness::replica::restore::{self, RestoreError};
use chameleon_harness::replica::template::ReplicaTemplate;
use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::replica::{Origin, ReplicaError};
use chameleon_harness::scenario::{self, Pool, ScenarioFile, VerdictKind};
use chameleon_harness::seed::{Batch, Event, Kind, Seed, Source, Table};
use chameleon_harness::server::{
    self, Address, Binaries, Database, LocalOptions, PgBouncer, PoolMode, Server, SharedServer, build,
};
use chameleon_harness::sweep::Spread;
use chameleon_upgrade::config::Configuration;
use replica::{PROGRAM, Replica, keepalive_of_who_waits};
use secrecy::ExposeSecret;
use serde_json::json;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

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
    dump_with(replica, format, &[], into)
}

fn dump_with(replica: &Replica, format: &str, more: &[&str], into: &Path) -> PathBuf {
    let server = server::shared().unwrap();
    let file = into.join(format!("production.{format}"));
    // pg_dump fills no folder that is there.
    drop(fs::remove_dir_all(&file));
    let address = replica.database.address();
    let output = Command::new(server.binaries().unwrap().join("pg_dump"))
        .args(["--format", format, "--file", file.to_str().unwrap()])
        .args(more)
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

fn rehearsed(dump: PathBuf, configuration: &str, faults: &[&str]) -> RehearsalReport {
    attempted(dump, configuration, faults).unwrap()
}

fn attempted(dump: PathBuf, configuration: &str, faults: &[&str]) -> Result<RehearsalReport, RehearsalError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("production.yml");
    fs::write(&file, configuration).unwrap();
    let rehearsal = Rehearsal { from: From::Dump(dump), ..of(&file, configuration, faults) };
    rehearsal.run(&UNTOLD)
}

/// With a configuration in `file`; nothing of it asks MySQL.
fn of(file: &Path, configuration: &str, faults: &[&str]) -> Rehearsal {
    Rehearsal {
        from: From::Production(Rows::All),
        configuration: rehearsal::configuration::of(file).unwrap(),
        of_production: Configuration::parse(file.to_owned(), configuration).unwrap(),
        server: server::Kind::default(),
        upgrader: Upgrader::new(PROGRAM),
        offline: true,
        daemon: Daemon::LeftOut,
        accept: vec![],
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        spread: Spread::SqlStatesInTurn,
        only: vec![],
        jobs: 2,
        repeat: "chameleon-harness rehearse".to_owned(),
    }
}

/// Nobody is told how far it has come.
const UNTOLD: Told<'static> = Told { step: &|_| {}, runs: &|_, _| {} };

/// Of production itself, with a configuration that is written into `file`.
fn of_production(file: &Path, value: &serde_json::Value) -> Rehearsal {
    let text = value.to_string();
    fs::write(file, &text).unwrap();
    Rehearsal { from: From::Production(Rows::Waiting), ..of(file, &text, &[]) }
}

/// Else the test is skipped.
fn has_extensions(test: &str, extensions: &[&str]) -> bool {
    let server = server::shared().unwrap().address();
    let mut client = server.connect(&server.maintenance_database).unwrap();
    let mut has = |name: &&str| {
        let found = build::has_extension(&mut client, name);
        tools::of_postgres_or_skip(test, found).is_some()
    };
    extensions.iter().all(&mut has)
}

/// The configuration is that of a role whose password is x from now on.
fn as_role(production: &mut Replica, role: &str, sources: &[ConfiguredSource]) -> Address {
    production.configure_as(role, "x", sources);
    let address = production.database.address().clone();
    Address { user: role.to_owned(), password: "x".to_owned().into(), ..address }
}

fn run_of(rehearsed: &RehearsalReport) -> &UpgradeRun {
    rehearsed.upgrade.as_ref().unwrap()
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
        assert!(rehearsed.went_well(), "{format}: {}", run_of(&rehearsed).output);
        for said in ["replay 40 events of shop", "mysql-bin.000041:120", "2.0.10"] {
            assert!(
                run_of(&rehearsed).output.contains(said),
                "{format}: no {said:?} in {}",
                run_of(&rehearsed).output
            );
        }
        assert!(!run_of(&rehearsed).output.contains("secret-of-production"), "{}", run_of(&rehearsed).output);
        assert!(
            run_of(&rehearsed).seconds > run_of(&rehearsed).replay_seconds
                && run_of(&rehearsed).replay_seconds > 0.0
        );
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
    let ended = |step: StepName| rehearsed.steps.iter().find(|it| it.step == step).map(|it| it.outcome);
    assert_eq!(ended(StepName::Upgrade), Some(StepOutcome::Failed));
    assert_eq!(ended(StepName::Faults), Some(StepOutcome::LeftOut));
    assert_eq!(run_of(&rehearsed).exit_code, Some(3), "{}", run_of(&rehearsed).output);
    assert!(run_of(&rehearsed).output.contains("my_stock"), "{}", run_of(&rehearsed).output);
    assert!(rehearsed.sweep.is_none(), "there is nothing to sweep");
}

#[test]
fn what_is_wrong_with_the_configuration_is_told_of_the_file_itself() {
    let production = Replica::demo();
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("production.yml");
    fs::write(&configuration, PRODUCTION.replace("type: mysql", "type: [mysql]")).unwrap();
    let dump = dump(&production, "custom", folder.path());
    let refused =
        commands::rehearse::run(&replica::rehearse(&dump, &configuration, &["--sweep", "none"])).unwrap_err();
    assert_eq!(refused.code(), 2, "{refused}");
    // Line 10 of PRODUCTION.
    assert!(refused.to_string().contains("/production.yml:10:"), "{refused}");
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

/// What the configuration doesn't say, `pg_dump` finds where libpq looks for it (§report-18).
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
    assert!(matches!(take(0o644), Err(DumpError::Unreadable(_))));
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
        assert!(rehearsed.went_well(), "{rows:?}: {}", run_of(&rehearsed).output);
    }
    let after = Record::of_database(&mut production.client()).unwrap();
    assert!(before == after, "{}", before.diff(&after));
}

/// §report-21: a dump of some schemas left the extensions out, and the tables with their types with them. §report-43:
/// rows that the role may not read.
#[test]
fn types_of_extensions_come_over_and_row_security_is_told() {
    if !has_extensions("types_of_extensions_come_over_and_row_security_is_told", &["citext"]) {
        return;
    }
    let mappings = [("my_shop", "shop"), ("my_stock", "stock")];
    let mut production = Replica::of(&seed(), &[ConfiguredSource::mysql("upgraded", &mappings)]);
    production.sql(
        "CREATE SCHEMA \"of extensions\"; CREATE EXTENSION citext SCHEMA \"of extensions\";
         CREATE TABLE shop.words (word \"of extensions\".citext PRIMARY KEY); INSERT INTO shop.words VALUES ('a')",
    );
    let rehearsed = rehearsed(take(&production, Rows::All).unwrap().file(), PRODUCTION, &[]);
    assert!(rehearsed.went_well(), "{}", run_of(&rehearsed).output);
    assert!(
        rehearsed.throwaway.left_out.iter().all(|what| !what.contains("words")),
        "{:?}",
        rehearsed.throwaway.left_out
    );
    let reader = format!("owner_{}", production.database.name());
    production.sql(&format!(
        "CREATE ROLE {reader} LOGIN PASSWORD 'x' IN ROLE pg_read_all_data; ALTER TABLE shop.words ENABLE ROW LEVEL SECURITY"
    ));
    production.configure_as(&reader, "x", &[ConfiguredSource::mysql("upgraded", &mappings)]);
    let error = take(&production, Rows::All).unwrap_err().to_string();
    assert!(error.contains("row-level security") && error.contains("give it with --dump"), "{error}");
    production.sql(&format!("DROP OWNED BY {reader}; DROP ROLE {reader}"));
}

/// A throwaway server without room: production is as it was, and what is said tells what to do.
#[test]
fn a_throwaway_server_without_room_is_told() {
    let test = "a_throwaway_server_without_room_is_told";
    if !rustix::process::geteuid().is_root() {
        let why = tools::Missing {
            what: "root".to_owned(),
            remedy: "a file system is mounted: run it as root".to_owned(),
        };
        assert!(tools::or_skip::<()>(test, Err(why)).is_none());
        return;
    }
    let production = Replica::of(&seed(), &[]);
    production.sql(
        "CREATE TABLE shop.large AS SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 100000) n",
    );
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("production.yml");
    fs::write(&configuration, PRODUCTION).unwrap();
    let (room, report) = (folder.path().join("room"), folder.path().join("report.json"));
    fs::create_dir(&room).unwrap();
    let script = "mount -t tmpfs -o size=100m,mode=1777 room \"$1\" && shift && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh", room.to_str().unwrap()])
        .arg(Path::new(PROGRAM).with_file_name("chameleon-harness"))
        .args(["rehearse", "--offline", "--no-daemon", "--sweep", "none", "--upgrader", PROGRAM])
        .arg("--config")
        .arg(&configuration)
        .arg("--dump")
        .arg(dump(&production, "custom", folder.path()))
        .arg("--report")
        .arg(&report)
        .env("TMPDIR", &room)
        .output()
        .unwrap();
    let said = replica::shown(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for text in ["throwaway-disk-full", "disk of the throwaway server is full", "No go"] {
        assert!(said.contains(text), "no {text:?} in {said}");
    }
    let report: RehearsalReport = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let remedy = report.findings.iter().find_map(|finding| finding.remedy.as_deref()).unwrap();
    assert!(remedy.contains("set TMPDIR"), "{remedy}");
}

/// Tables, and events that wait: how large the replicas are whose stand-still is forecast.
const SIZES: [(u32, u32); 10] = [
    (10, 0),
    (10, 1_000),
    (1_000, 0),
    (100, 20_000),
    (3_000, 0),
    (5_000, 5_000),
    (10, 100_000),
    (10_000, 0),
    (10_000, 200_000),
    (100, 1_000_000),
];

/// The real upgrade does what the rehearsal did. Production waits for the disk, and its catalogue is one that has been in use:
/// analysed, and written some time ago. How long the upgrade was to take and took is printed: what else this machine does, no test
/// can know. `CHAMELEON_FORECAST=full`: all sizes.
#[test]
fn the_real_upgrade_is_the_one_that_was_rehearsed() {
    let all = std::env::var_os("CHAMELEON_FORECAST").is_some_and(|value| value == "full");
    let folder = tempfile::tempdir().unwrap();
    // A seed, and a dump, is one transaction with a lock on each table.
    let settings = vec![("max_locks_per_transaction".to_owned(), "1000".to_owned())];
    let options = LocalOptions { fsync: true, settings, ..LocalOptions::default() };
    let server = server::local(&options).unwrap();
    let mut within = 0;
    let sizes = &SIZES[..if all { SIZES.len() } else { 2 }];
    for &(tables, events) in sizes {
        let mut table = Table::new("t").rows(1);
        table.count = Some(tables);
        let mut shop = Source::new("shop").table(table).table(Table::new("orders").rows(2));
        if events > 0 {
            let kinds = [Kind::Insert, Kind::Update, Kind::Delete];
            shop = shop
                .batch(Batch::listed("mysql-bin.000042:4").event(Event::bulk_of("orders", events, &kinds)));
        }
        let shop = shop.batch(Batch::open("mysql-bin.000042:7310"));
        let sources = [ConfiguredSource::mysql("upgraded", &[("my_shop", "shop")])];
        let database = server.create_database().unwrap();
        let value = configuration(database.address(), database.name(), &sources);
        let production = Replica { database, home: Home::new(&value).unwrap() };
        Seed::of([shop]).create(&mut production.client()).unwrap();
        production.sql("ANALYZE");
        let file = folder.path().join("production.yml");
        let mut rehearsal = of_production(&file, &value);
        rehearsal.server = server::Kind::Local(LocalOptions { fsync: false, ..options.clone() });
        let rehearsed = rehearsal.run(&UNTOLD).unwrap();
        assert!(rehearsed.went_well(), "{:?}: {}", rehearsed.because, run_of(&rehearsed).output);
        let again = rehearsed.steps.iter().find(|it| it.step == StepName::Measure).unwrap();
        assert_eq!(again.outcome, StepOutcome::Passed, "{}", again.seen);
        let forecast = rehearsed.forecast.as_ref().unwrap();
        let report = folder.path().join("report.json");
        production.sql("CHECKPOINT");
        let began = std::time::Instant::now();
        production.upgrade(&["--report", report.to_str().unwrap()]).code(0);
        let took = began.elapsed().as_secs_f64();
        let report = Report::read(&report).unwrap().unwrap();
        assert_eq!(tables::read(&mut production.client()).unwrap(), rehearsed.tables);
        let Range { low, likely, high } = forecast.total;
        let off = took - likely;
        let is_within = off.abs() <= 0.1 || off.abs() <= likely * 0.2;
        within += usize::from(is_within);
        println!(
            "{tables:>6} tables, {events:>6} events: {likely:>6.2} s ({low:.2} to {high:.2}); it took {took:>6.2} s, {:+.0} %{}",
            off / likely * 100.0,
            if is_within { "" } else { " (!)" }
        );
        let parts = forecast.parts.iter().map(|part| {
            let Range { low, likely, high } = part.seconds;
            format!("{} {likely:.2} ({low:.2} to {high:.2})", part.part)
        });
        println!(
            "        {}; it took replay {:.2}, transaction {:.2}; further copies: {}",
            parts.collect::<Vec<_>>().join(", "),
            report.replay_seconds(),
            report.transaction_seconds(),
            again.seen
        );
    }
    println!("{within} of {} within a fifth of the forecast, or 0.1 s.", sizes.len());
}

/// What the rehearsal measures beside the copy is not the way to production.
#[test]
fn the_way_to_a_far_production_is_forecast() {
    let kinds = [Kind::Insert, Kind::Update, Kind::Delete];
    let batch = Batch::listed("mysql-bin.000042:4").event(Event::bulk_of("orders", 1_000, &kinds));
    let shop = Source::new("shop").table(Table::new("orders").rows(2)).batch(batch);
    let shop = shop.batch(Batch::open("mysql-bin.000042:7310"));
    let sources = [ConfiguredSource::mysql("upgraded", &[("my_shop", "shop")])];
    let mut production = Replica::of(&Seed::of([shop]), &sources);
    let there = production.database.address().clone();
    let begins = far::away((Ipv4Addr::LOCALHOST, there.port).into(), Duration::from_millis(10));
    let far = Address { host: begins.ip().to_string(), port: begins.port(), ..there };
    let value = configuration(&far, production.database.name(), &sources);
    production.home = Home::new(&value).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let rehearsed = of_production(&folder.path().join("production.yml"), &value).run(&UNTOLD).unwrap();
    let forecast = rehearsed.forecast.unwrap();
    let began = std::time::Instant::now();
    production.upgrade(&[]).code(0);
    let took = began.elapsed().as_secs_f64();
    println!("forecast {:.2} s; it took {took:.2} s: {:#?}", forecast.total.likely, forecast.parts);
    let added = |part: &str| {
        let part = forecast.parts.iter().find(|it| it.part == part).unwrap();
        let (_, added) = part.basis.split_once(", ").unwrap();
        added.split_once(" ms added for each").unwrap().0.parse::<f64>().unwrap()
    };
    // 20 ms, without what the way to the copy is.
    assert!(added("transaction") >= 10.0 && added("replay of what waits") >= 10.0);
}

/// What no dump of schemas has.
#[test]
fn settings_of_database_and_role_and_event_triggers_come_along() {
    let mut production = Replica::of(&seed(), &[]);
    let (database, role) =
        (production.database.name().to_owned(), format!("owner_{}", production.database.name()));
    production.sql(&format!(
        "CREATE ROLE {role} SUPERUSER LOGIN PASSWORD 'x'; ALTER ROLE {role} SET search_path TO \"a b\", public;
         ALTER DATABASE {database} SET standard_conforming_strings TO off; ALTER DATABASE {database} SET my.own TO 'it''s';
         ALTER ROLE {role} IN DATABASE {database} SET statement_timeout TO '3min'"
    ));
    // As somebody else's, it fires in nobody's other test.
    production.sql(
        "CREATE SCHEMA \"who did it\"; CREATE TABLE \"who did it\".noted (tag text);
         CREATE FUNCTION \"who did it\".noted() RETURNS event_trigger LANGUAGE plpgsql AS
         'BEGIN INSERT INTO \"who did it\".noted VALUES (tg_tag); END';
         CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION \"who did it\".noted()",
    );
    let sources = [ConfiguredSource::mysql("upgraded", &[("my_shop", "shop"), ("my_stock", "stock")])];
    let address = as_role(&mut production, &role, &sources);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("production.yml");
    let value = configuration(&address, &database, &sources);
    let rehearsal = of_production(&file, &value);
    let rehearsed = rehearsal.run(&UNTOLD).unwrap();
    assert!(rehearsed.went_well(), "{:?}", rehearsed.because);
    let found: Vec<_> = rehearsed.findings.iter().filter(|it| it.step == StepName::Restore).collect();
    assert!(found.is_empty(), "{found:?}");
    // Those that show that they count.
    production.sql(
        "DROP EVENT TRIGGER noted;
         CREATE OR REPLACE FUNCTION \"who did it\".noted() RETURNS event_trigger LANGUAGE plpgsql AS
         'BEGIN RAISE EXCEPTION ''nobody makes schemas here''; END';
         CREATE EVENT TRIGGER noted ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA', 'DROP TABLE')
         EXECUTE FUNCTION \"who did it\".noted();
         ALTER EVENT TRIGGER noted ENABLE ALWAYS",
    );
    let rehearsed = rehearsal.run(&UNTOLD).unwrap();
    assert!(!rehearsed.went_well());
    assert!(run_of(&rehearsed).output.contains("nobody makes schemas here"), "{}", run_of(&rehearsed).output);
    production.sql("ALTER EVENT TRIGGER noted ENABLE REPLICA");
    production.sql(&format!("ALTER ROLE {role} SET default_transaction_read_only TO on"));
    let rehearsed = rehearsal.run(&UNTOLD).unwrap();
    assert_eq!(run_of(&rehearsed).exit_code, Some(3), "{}", run_of(&rehearsed).output);
    assert!(
        run_of(&rehearsed).output.contains("default_transaction_read_only"),
        "{}",
        run_of(&rehearsed).output
    );
    production.sql(&format!("DROP EVENT TRIGGER noted; DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// A domain and a trigger's function of another schema come along; the rows there don't. And a right that the role lacks on
/// production is told, though the copy's role has it.
#[test]
fn what_columns_need_of_other_schemas_comes_along_and_a_missing_right_is_told() {
    let mut production = Replica::of(&seed(), &[]);
    let (database, role) =
        (production.database.name().to_owned(), format!("owner_{}", production.database.name()));
    production.sql(&format!(
        "CREATE SCHEMA kinds; CREATE DOMAIN kinds.word AS text CHECK (value <> ''); CREATE TABLE kinds.many AS SELECT 1 AS n;
         CREATE FUNCTION kinds.noted() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$;
         CREATE SCHEMA elsewhere CREATE TABLE large (id integer);
         ALTER TABLE shop.orders ADD COLUMN word kinds.word, ADD COLUMN words kinds.word[];
         CREATE TRIGGER noted BEFORE INSERT ON stock.items FOR EACH ROW EXECUTE FUNCTION kinds.noted();
         CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA kinds TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA kinds TO {role};
         DO $$DECLARE o regclass; BEGIN
             FOR o IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname IN ('sch_chameleon', 'shop', 'stock') AND relkind IN ('r', 'v', 'p') ORDER BY c.oid
             LOOP EXECUTE format('ALTER TABLE %s OWNER TO {role}', o); END LOOP; END$$;
         ALTER SCHEMA sch_chameleon OWNER TO {role}; ALTER SCHEMA shop OWNER TO {role}; ALTER SCHEMA stock OWNER TO {role}"
    ));
    let sources = [ConfiguredSource::mysql("upgraded", &[("my_shop", "shop"), ("my_stock", "stock")])];
    let address = as_role(&mut production, &role, &sources);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("production.yml");
    let value = configuration(&address, &database, &sources);
    let rehearsal = of_production(&file, &value);
    let rehearsed = rehearsal.run(&UNTOLD).unwrap();
    let errors: Vec<_> = rehearsed.findings.iter().filter(|it| it.severity == Severity::Error).collect();
    assert_eq!(rehearsed.verdict, Verdict::NoGo);
    assert!(
        errors.len() == 1 && errors[0].check == "role" && errors[0].step == StepName::Check,
        "{errors:?}"
    );
    assert!(errors[0].remedy.as_ref().unwrap().contains("GRANT CREATE ON DATABASE"), "{errors:?}");
    // The copy is whole: the upgrade goes through there.
    assert_eq!(run_of(&rehearsed).exit_code, Some(0), "{}", run_of(&rehearsed).output);
    assert!(rehearsed.throwaway.left_out.is_empty(), "{:?}", rehearsed.throwaway.left_out);
    production.sql(&format!("GRANT CREATE ON DATABASE {database} TO {role}"));
    let rehearsed = rehearsal.run(&UNTOLD).unwrap();
    assert!(rehearsed.went_well(), "{:?}", rehearsed.because);
    production
        .sql(&format!("REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// The network to production is lost while it is read: nothing is left there or here.
#[test]
fn production_that_is_lost_in_the_dump_is_told_and_nothing_is_left() {
    let sources = [ConfiguredSource::mysql("upgraded", &[("my_shop", "shop"), ("my_stock", "stock")])];
    let production = Replica::of(&seed(), &sources);
    let value = configuration(production.database.address(), production.database.name(), &sources);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("production.yml");
    let rehearsal = of_production(&file, &value);
    let mut holder = production.client();
    let mut held = holder.transaction().unwrap();
    held.batch_execute("LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE").unwrap();
    let ended = std::thread::scope(|scope| {
        let rehearsing = scope.spawn(|| rehearsal.run(&UNTOLD).map(drop));
        let mut client = production.client();
        let others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                      AND backend_type = 'client backend'";
        let waits = format!(
            "SELECT count(*) {others} AND wait_event_type = 'Lock' AND application_name <> 'chameleon-upgrade'"
        );
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while client.query_one(&waits, &[]).unwrap().get::<_, i64>(0) == 0 {
            assert!(
                std::time::Instant::now() < deadline && !rehearsing.is_finished(),
                "pg_dump does not wait"
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let dumps = fs::read_dir(scratch::folder().unwrap()).unwrap().flatten();
        assert!(dumps.map(|it| it.file_name()).any(|name| name.to_string_lossy().starts_with("dump-")));
        assert!(keepalive_of_who_waits(&production) <= std::time::Duration::from_secs(30));
        client.batch_execute(&format!("SELECT pg_terminate_backend(pid) {others}")).unwrap();
        rehearsing.join().unwrap()
    });
    let error = ended.unwrap_err().to_string();
    assert!(
        error.contains("production can't be dumped") && error.contains("Nothing was changed there"),
        "{error}"
    );
    drop(held);
    let left =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                AND backend_type = 'client backend'";
    drop(holder);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while production.value(left) != "0" {
        assert!(std::time::Instant::now() < deadline, "a session is left");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// §report-10: a dump through a pool of transactions would leave its settings to whoever comes next; a pool of sessions is as
/// good as the server.
#[test]
fn production_behind_a_pooler_is_dumped_where_that_leaves_nothing() {
    let test = "production_behind_a_pooler_is_dumped_where_that_leaves_nothing";
    let Some(program) = tools::or_skip(test, tools::pgbouncer()) else { return };
    let production = Replica::of(&seed(), &[]);
    let server = server::shared().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for mode in [PoolMode::Session, PoolMode::Transaction] {
        let pooler = PgBouncer::start(&program, server.address(), mode, "").unwrap();
        let mappings = [("my_shop", "shop"), ("my_stock", "stock")];
        let sources = [ConfiguredSource::mysql("upgraded", &mappings)];
        let value = configuration(pooler.address(), production.database.name(), &sources);
        let file = folder.path().join("production.yml");
        let rehearsal = of_production(&file, &value);
        let rehearsed = rehearsal.run(&UNTOLD).unwrap();
        let found: Vec<_> = rehearsed.findings.iter().map(|finding| finding.check.as_str()).collect();
        let ended = |step: StepName| rehearsed.steps.iter().find(|it| it.step == step).map(|it| it.outcome);
        match mode {
            PoolMode::Session => {
                assert!(rehearsed.went_well(), "{found:?}: {}", run_of(&rehearsed).output);
                // The events wait for rows of orders, and find them.
                assert!(run_of(&rehearsed).output.contains("replay 40 events of shop"));
                assert_eq!(ended(StepName::Check), Some(StepOutcome::Warned), "{found:?}");
            }
            _ => {
                assert!(!rehearsed.went_well() && found.contains(&"pooler"), "{found:?}");
                assert_eq!(ended(StepName::Dump), Some(StepOutcome::LeftOut));
            }
        }
        let mut client = pooler.address().connect(production.database.name()).unwrap();
        let path: String = client.query_one("SHOW search_path", &[]).unwrap().get(0);
        assert!(path.contains("public"), "{mode:?} leaves search_path = {path:?}");
    }
}

#[test]
fn production_that_can_t_be_read_is_told_without_its_password() {
    let mut production = Replica::demo();
    production.configure_as("nobody", "secret-of-production", &[replica::demo_source()]);
    let error = take(&production, Rows::All).unwrap_err().to_string();
    for said in ["production can't be read", "nobody", "Nothing was changed there"] {
        assert!(error.contains(said), "no {said:?} in {error}");
    }
    assert!(!error.contains("secret-of-production"), "{error}");
}

/// The harness looks at the replica as the server's superuser: nobody's program runs as that.
#[test]
fn event_triggers_do_not_fire_for_the_superuser() {
    let production = Replica::of(&seed(), &[]);
    production.sql(
        "CREATE FUNCTION shop.denied() RETURNS event_trigger LANGUAGE plpgsql AS
         'BEGIN RAISE EXCEPTION ''nobody makes tables here''; END'",
    );
    let folder = tempfile::tempdir().unwrap();
    let trigger = EventTrigger {
        name: "it's \"mine\"".to_owned(),
        event: "ddl_command_end".to_owned(),
        tags: vec!["CREATE TABLE".to_owned()],
        function: "shop.denied".to_owned(),
    };
    let file = dump(&production, "custom", folder.path());
    let origin = Origin::Dump(Dumped { event_triggers: vec![trigger], ..file.into() });
    let server = SharedServer::new(server::Kind::default().start().unwrap());
    let template = ReplicaTemplate::new(server, &origin).unwrap();
    assert_eq!(*template.missing(), Missing::default());
    let replica = template.replica(&vec![ConfiguredSource::mysql("upgraded", &[])].into()).unwrap();
    let create = "CREATE TABLE shop.another (id integer)";
    let refused = replica.session().unwrap().batch_execute(create).unwrap_err();
    assert_eq!(refused.as_db_error().unwrap().message(), "nobody makes tables here");
    replica.superuser().unwrap().batch_execute(create).unwrap();
}

/// An event trigger whose function stands beside what the role may not read can't be dumped by it.
#[test]
fn event_triggers_that_can_t_come_along_are_told() {
    let mut production = Replica::of(&seed(), &[]);
    let role = format!("owner_{}", production.database.name());
    let sources = [ConfiguredSource::mysql("upgraded", &[("my_shop", "shop"), ("my_stock", "stock")])];
    production.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'x'"));
    for schema in ["shop", "stock", "sch_chameleon"] {
        production.sql(&format!(
            "GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};
             GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"
        ));
    }
    production.sql(&format!(
        "CREATE SCHEMA secrets CREATE TABLE kept (a text); GRANT USAGE ON SCHEMA secrets TO {role};
         CREATE FUNCTION secrets.noted() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$;
         CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION secrets.noted()"
    ));
    let address = as_role(&mut production, &role, &sources);
    let folder = tempfile::tempdir().unwrap();
    let value = configuration(&address, production.database.name(), &sources);
    let rehearsed = of_production(&folder.path().join("production.yml"), &value).run(&UNTOLD).unwrap();
    let found: Vec<_> = rehearsed.findings.iter().filter(|it| it.check == "event-triggers").collect();
    assert!(matches!(found[..], [one] if one.found.ends_with("server: noted.")), "{:#?}", rehearsed.findings);
    production.sql(&format!("DROP EVENT TRIGGER noted; DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// On each version that this machine has.
#[test]
fn production_s_own_version_is_taken_where_it_is_installed() {
    let sources = [ConfiguredSource::mysql("upgraded", &[("my_shop", "shop"), ("my_stock", "stock")])];
    let folder = tempfile::tempdir().unwrap();
    for installed in Binaries::installed() {
        let options = LocalOptions { major: Some(installed.major), ..LocalOptions::default() };
        let server = SharedServer::new(server::Kind::Local(options).start().unwrap());
        let template = ReplicaTemplate::new(server, &Origin::Seed(seed())).unwrap();
        let production = template.replica(&sources.to_vec().into()).unwrap();
        let value = configuration(production.role(), production.database.name(), &sources);
        let of_production = of_production(&folder.path().join("production.yml"), &value);
        let server = server::Kind::Local(LocalOptions::default());
        let rehearsed = Rehearsal { server, ..of_production }.run(&UNTOLD).unwrap();
        assert!(rehearsed.went_well(), "{}: {:?}", installed.major, rehearsed.because);
        let on = &rehearsed.throwaway.postgresql;
        assert!(on.starts_with(&installed.major.to_string()), "{}: {on}", installed.major);
        assert!(rehearsed.findings.iter().all(|it| it.check != "another-version"));
        println!("PostgreSQL {on}: rehearsed there.");
    }
}

/// Production may be in another encoding than the throwaway server.
#[test]
fn production_in_another_encoding_is_rehearsed() {
    let sources = [ConfiguredSource::mysql("upgraded", &[("my_shop", "shop")])];
    let folder = tempfile::tempdir().unwrap();
    for encoding in ["LATIN1", "EUC_JP", "SQL_ASCII"] {
        let data = if encoding == "EUC_JP" { "数据" } else { "Größe" };
        let batch = Batch::listed("mysql-bin.000001:100")
            .event(Event::update("t", json!({"id": 1}), json!({"id": 1, "data": data})))
            .event(Event::insert("t", json!({"id": 9, "data": data})));
        let shop = Source::new("shop").table(Table::new("t").rows(1)).batch(batch);
        let seed = Seed::of([shop.batch(Batch::open("mysql-bin.000001:9000"))]);
        let database = Database::create_in(server::shared().unwrap().address(), encoding).unwrap();
        seed.create(&mut database.connect().unwrap()).unwrap();
        let value = configuration(database.address(), database.name(), &sources);
        let mut rehearsal = of_production(&folder.path().join("production.yml"), &value);
        rehearsal.only = vec!["kill_client@20".parse().unwrap()];
        let rehearsed = rehearsal.run(&UNTOLD).unwrap();
        assert!(rehearsed.went_well(), "{encoding}: {:?}", rehearsed.because);
        assert!(run_of(&rehearsed).output.contains("2 events"), "{encoding}: {}", run_of(&rehearsed).output);
        assert!(rehearsed.sweep.is_some(), "{encoding}: {:#?}", rehearsed.findings);
        assert!(
            rehearsed.findings.iter().all(|it| it.step != StepName::Restore),
            "{:#?}",
            rehearsed.findings
        );
    }
}

/// The runs with faults are of the same replica as the undisturbed one: with production's settings, the rows for which events wait,
/// and those of the tables that these refer to.
#[test]
fn faults_begin_with_production_s_rows_and_settings() {
    let shop = Source::new("shop")
        .table(Table::new("customers").rows(3))
        .table(Table::new("orders").rows(2))
        .batch(Batch::listed("mysql-bin.000042:4").event(Event::bulk_of("orders", 4, &[Kind::Insert])))
        .batch(Batch::open("mysql-bin.000042:7310"));
    let sources = [ConfiguredSource::mysql("upgraded", &[("my_shop", "shop")])];
    let production = Replica::of(&Seed::of([shop]), &sources);
    let database = production.database.name();
    production.sql(&format!(
        "ALTER TABLE shop.orders ADD customer bigint DEFAULT 2 REFERENCES shop.customers (id);
         CREATE FUNCTION shop.tenant() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF current_setting(''my.tenant'') <> ''a'' THEN RAISE ''whose?''; END IF; RETURN NEW; END';
         CREATE TRIGGER tenant BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.tenant();
         ALTER DATABASE {database} SET my.tenant TO 'a'"
    ));
    let folder = tempfile::tempdir().unwrap();
    let value = configuration(production.database.address(), database, &sources);
    let mut rehearsal = of_production(&folder.path().join("production.yml"), &value);
    rehearsal.only = vec!["kill_client@20".parse().unwrap()];
    let rehearsed = rehearsal.run(&UNTOLD).unwrap();
    assert!(rehearsed.went_well(), "{:?}: {}", rehearsed.because, run_of(&rehearsed).output);
    let sweep = rehearsed.sweep.unwrap_or_else(|| panic!("{:#?}", rehearsed.findings));
    assert_eq!((sweep.runs.len(), sweep.violations().count()), (1, 0));
}

/// The shared server as one of somebody else's, by its URL.
fn url() -> String {
    let address = server::shared().unwrap().address();
    let (user, password) = (&address.user, address.password.expose_secret());
    format!("postgres://{user}:{password}@{}:{}/postgres", address.host, address.port)
}

/// §hunt-h1: `replay --dump FILE --server URL` obeyed the DROP DATABASE, CREATE DATABASE and \connect of a dump made
/// with --create --clean, on the server of the URL.
#[test]
fn a_dump_that_drops_its_database_harms_no_server() {
    let victim = Replica::of(&seed(), &[]);
    let before = victim.record();
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("production.yml");
    fs::write(&configuration, PRODUCTION).unwrap();
    for format in ["plain", "custom", "directory", "tar"] {
        let dump = dump_with(&victim, format, &["--create", "--clean"], folder.path());
        let arguments = replica::rehearse(&dump, &configuration, &["--sweep", "none", "--server", &url()]);
        let refused = commands::rehearse::run(&arguments).unwrap_err();
        assert_eq!(refused.code(), 2, "{format}: {refused}");
        assert!(refused.to_string().contains("use --server local"), "{format}: {refused}");
        assert!(before == victim.record(), "{format}: {}", before.diff(&victim.record()));
        let rehearsed = rehearsed(dump, PRODUCTION, &[]);
        assert!(rehearsed.went_well(), "{format}: {}", run_of(&rehearsed).output);
        assert!(before == victim.record(), "{format}: {}", before.diff(&victim.record()));
    }
}

/// A role without any right, and an empty database that it may fill: what a dump is restored with.
struct Restoring {
    database: Database,
    role: Address,
}

impl Restoring {
    fn new() -> Self {
        let database = server::shared().unwrap().create_database().unwrap();
        let role = format!("restores_{}", database.name());
        let create = format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'restores'; ALTER SCHEMA public OWNER TO {role};
             GRANT CREATE ON DATABASE {} TO {role}",
            database.name()
        );
        database.connect().unwrap().batch_execute(&create).unwrap();
        let role =
            Address { user: role, password: "restores".to_owned().into(), ..database.address().clone() };
        Self { database, role }
    }

    /// Empty again, which is quicker than another one.
    fn empty(&self) {
        let (database, role) = (self.database.name(), &self.role.user);
        let again = format!(
            "DROP OWNED BY {role} CASCADE; CREATE SCHEMA public AUTHORIZATION {role}; GRANT CREATE ON DATABASE {database} TO {role}"
        );
        self.database.connect().unwrap().batch_execute(&again).unwrap();
    }

    fn restore(&self, dump: &Path) -> Result<Vec<String>, RestoreError> {
        restore::restore(dump, &self.database, &self.role, server::shared().unwrap().binaries())
    }

    fn value(&self, sql: &str) -> String {
        self.database.connect().unwrap().query_one(&format!("SELECT ({sql})::text"), &[]).unwrap().get(0)
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        let role = &self.role.user;
        let mut client = self.database.connect().unwrap();
        client.batch_execute(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}")).unwrap();
    }
}

/// §hunt-h1, its siblings: what a hand-made dump could do to a server, its other databases, its files and ours.
#[test]
fn what_a_hostile_dump_wants_is_not_done() {
    let victim = Replica::of(&seed(), &[]);
    let before = victim.record();
    let folder = tempfile::tempdir().unwrap();
    let touched = folder.path().join("touched");
    let (name, address) = (victim.database.name(), victim.database.address());
    let (user, password) = (&address.user, address.password.expose_secret());
    let reach =
        format!("host={} port={} user={user} password={password} dbname={name}", address.host, address.port);
    let file = touched.display();
    let text = fs::read_to_string(dump(&victim, "plain", folder.path())).unwrap();
    let hostile = [
        format!("\\connect {name}\n\\connect {name}\nDROP SCHEMA sch_chameleon CASCADE;"),
        format!("\\c \"{reach}\"\nDROP SCHEMA sch_chameleon CASCADE;"),
        format!("\\connect {name}\nDROP SCHEMA shop CASCADE;"),
        format!("\\! touch {file}"),
        format!("SELECT 'touch {file}' \\g | sh"),
        format!("\\o {file}\nSELECT 1;\n\\o"),
        format!("\\copy (SELECT 1) TO '{file}'"),
        "\\i /etc/passwd".to_owned(),
        "\\setenv PGHOST elsewhere".to_owned(),
        format!("COPY (SELECT 1) TO PROGRAM 'touch {file}';"),
        format!("COPY (SELECT 1) TO '{file}';"),
        format!("SELECT lo_export(lo_from_bytea(0, 'x'), '{file}');"),
        "SELECT pg_read_file('/etc/passwd');".to_owned(),
        "ALTER SYSTEM SET archive_command = 'x';".to_owned(),
        format!("ALTER ROLE {user} PASSWORD 'mine';"),
        "CREATE ROLE intruder SUPERUSER;".to_owned(),
        format!("DROP ROLE {user};"),
        format!("CREATE TABLESPACE t LOCATION '{}';", folder.path().display()),
        format!("DROP DATABASE {name} WITH (FORCE);"),
        format!("ALTER DATABASE {name} RENAME TO gone;"),
        "CREATE DATABASE intruder;".to_owned(),
        format!(
            "CREATE EXTENSION dblink;\nSELECT dblink_exec('{reach}', 'DROP SCHEMA sch_chameleon CASCADE');"
        ),
        format!("CREATE SUBSCRIPTION s CONNECTION '{reach}' PUBLICATION p WITH (enabled = false);"),
        format!("SET SESSION AUTHORIZATION {user};\nCOPY (SELECT 1) TO PROGRAM 'touch {file}';"),
        format!("SET ROLE {user};\nCREATE ROLE intruder;"),
        "DO $$BEGIN EXECUTE 'CREATE ROLE intruder'; END$$;".to_owned(),
    ];
    let roles = "SELECT coalesce(string_agg(rolname || rolsuper || coalesce(rolpassword, ''), ' ' ORDER BY rolname), '')
                 FROM pg_authid WHERE rolname !~ '^(restores|role|owner)_'";
    let roles = || victim.value(roles);
    let known = roles();
    for what in hostile {
        let at = text.find("SET statement_timeout").unwrap();
        let dump = folder.path().join("hostile.sql");
        fs::write(&dump, format!("{}{what}\n{}", &text[..at], &text[at..])).unwrap();
        let restoring = Restoring::new();
        match restoring.restore(&dump) {
            // Not tried at all, or refused by the server.
            Ok(left_out) => assert!(!left_out.is_empty(), "{what}"),
            Err(error) => {
                assert!(matches!(error, RestoreError::Script(_) | RestoreError::Unfit(_)), "{what}: {error}");
            }
        }
        assert!(!touched.exists(), "{what}");
        assert!(before == victim.record(), "{what}: {}", before.diff(&victim.record()));
        assert_eq!(roles(), known, "{what}");
        assert_eq!(
            victim.value("SELECT count(*) FROM pg_database WHERE datname IN ('intruder', 'gone')"),
            "0",
            "{what}"
        );
    }
    let cluster = format!("--\n-- PostgreSQL database cluster dump\n--\n{text}");
    fs::write(folder.path().join("all.sql"), cluster).unwrap();
    let error = Restoring::new().restore(&folder.path().join("all.sql")).unwrap_err().to_string();
    assert!(error.contains("more than one database") && error.contains("pg_dump --format=custom"), "{error}");
}

/// §hunt-h2: a dump that was cut anywhere behind t_sources got 'The day will go well'.
#[test]
fn a_dump_that_is_cut_is_never_taken_for_a_whole_one() {
    let production = Replica::of(&seed(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut");
    let restoring = Restoring::new();
    let refused = |what: &str| {
        restoring.empty();
        let Err(error) = restoring.restore(&cut) else { panic!("{what} is taken for whole") };
        let told = matches!(error, RestoreError::Script(_) | RestoreError::Unfit(_) | RestoreError::Io(_));
        assert!(told, "{what}: {error}");
    };
    let plain = fs::read_to_string(dump(&production, "plain", folder.path())).unwrap();
    let lines: Vec<&str> = plain.lines().collect();
    let last = lines.iter().rposition(|line| line.contains("database dump complete")).unwrap();
    for length in (0..=last).step_by(1 + last / 20).chain(last - 3..=last) {
        fs::write(&cut, lines[..length].join("\n")).unwrap();
        refused(&format!("plain, {length} of {last} lines"));
    }
    for format in ["custom", "tar"] {
        let whole = fs::read(dump(&production, format, folder.path())).unwrap();
        // A tar ends with two blocks of zeros that mean nothing more.
        let meaning = if format == "tar" { whole.len() - 1024 } else { whole.len() };
        let lengths = (1..meaning).step_by(1 + meaning / 12);
        for length in lengths.chain([1, 2, 5, 17, 300].map(|less| meaning - less)) {
            fs::write(&cut, &whole[..length]).unwrap();
            refused(&format!("{format}, {length} of {} bytes", whole.len()));
        }
    }
    fs::remove_file(&cut).unwrap();
    for compression in ["--compress=0", "--compress=6"] {
        let whole = dump_with(&production, "directory", &[compression], folder.path());
        let files = fs::read_dir(&whole).unwrap().map(|entry| entry.unwrap().file_name());
        let files: Vec<_> = files.collect();
        assert!(files.len() > 5);
        fs::rename(&whole, &cut).unwrap();
        for name in &files {
            let file = cut.join(name);
            let content = fs::read(&file).unwrap();
            fs::remove_file(&file).unwrap();
            refused(&format!("{compression}, {name:?} is missing"));
            fs::write(&file, &content[..content.len() / 2]).unwrap();
            refused(&format!("{compression}, half of {name:?}"));
            fs::write(&file, &content).unwrap();
        }
        restoring.empty();
        assert!(restoring.restore(&cut).is_ok(), "it is whole again");
        fs::remove_dir_all(&cut).unwrap();
    }
}

/// The server says what it does not like of rows when it has them all: no more of the script than these rows is passed over.
#[test]
fn rows_that_are_not_taken_are_told_and_what_follows_is_read() {
    let production = Replica::of(&seed(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let plain = fs::read_to_string(dump(&production, "plain", folder.path())).unwrap();
    // The last rows of the script.
    let row = plain.split_once("COPY stock.items").and_then(|(_, rest)| rest.split('\n').nth(1)).unwrap();
    let (before, rows) = plain.split_once("COPY stock.items").unwrap();
    let rows = rows.replacen(&format!("{row}\n"), &format!("{}\n", row.replacen('1', "one", 1)), 1);
    let spoilt = format!("{before}COPY stock.items{rows}");
    assert_ne!(spoilt, plain);
    let file = folder.path().join("spoilt.sql");
    fs::write(&file, spoilt).unwrap();
    let error = Restoring::new().restore(&file).unwrap_err().to_string();
    assert!(error.contains("TABLE DATA stock.items") && error.contains("22P02"), "{error}");
    assert!(!error.contains("cut off"), "{error}");
}

/// Whole as pg_dump made it, but not all of a replica.
#[test]
fn a_dump_of_a_part_is_no_replica() {
    let production = Replica::of(&seed(), &[]);
    let folder = tempfile::tempdir().unwrap();
    for (options, says) in [
        (&["--section=pre-data", "--section=data"][..], "the key of t_sources"),
        (&["--schema-only"], "leaves out the rows of sch_chameleon"),
        (&["--data-only"], "statements about the replica failed"),
        (
            &["--exclude-table-data=sch_chameleon.t_log_replica*"],
            "leaves out the rows of sch_chameleon: t_log_replica",
        ),
        (&["--schema=shop"], "there is no catalogue in it"),
        (&["--exclude-table=sch_chameleon.t_replica_batch"], "t_replica_batch"),
    ] {
        for format in ["plain", "custom"] {
            let dump = dump_with(&production, format, options, folder.path());
            let Err(error) = Restoring::new().restore(&dump) else {
                panic!("{options:?} is taken for whole")
            };
            let error = error.to_string();
            assert!(error.contains(says), "{options:?}: {error}");
            assert!(
                error.contains("pg_dump --format=custom") || error.contains("A dump that is whole"),
                "{options:?}: {error}"
            );
        }
    }
    for (bytes, says) in [
        (&b"\x1f\x8b\x08rest"[..], "gunzip"),
        (b"\xff\xfe-\0-\0", "UTF-16"),
        (b"", "is cut off"),
        (b"not a dump", "is cut off"),
        (b"PGDMP rubbish", "pg_restore can't read it"),
    ] {
        let dump = folder.path().join("no dump");
        fs::write(&dump, bytes).unwrap();
        let error = Restoring::new().restore(&dump).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

/// §hunt-h2, §report-44: what a throwaway server lacks of production is ordinary in real dumps; it is told.
#[test]
fn what_another_server_lacks_is_told_and_does_no_harm() {
    let needed = ["citext", "pg_stat_statements"];
    if !has_extensions("what_another_server_lacks_is_told_and_does_no_harm", &needed) {
        return;
    }
    let production = Replica::of(&seed(), &[]);
    let owner = format!("owner_{}", production.database.name());
    production.sql(&format!(
        "CREATE ROLE {owner}; ALTER TABLE shop.orders OWNER TO {owner}; GRANT SELECT ON shop.orders TO {owner};
         ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO PUBLIC;
         CREATE EXTENSION pg_stat_statements; CREATE EXTENSION citext; COMMENT ON EXTENSION citext IS 'mine';
         CREATE TABLE stock.words (word citext PRIMARY KEY); INSERT INTO stock.words VALUES ('a');
         CREATE FUNCTION public.noted() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$;
         CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION public.noted();
         CREATE PUBLICATION everything FOR ALL TABLES;
         CREATE VIEW public.statements AS SELECT query FROM pg_stat_statements;
         CREATE SCHEMA \"odd; Type: TABLE\"; CREATE TABLE \"odd; Type: TABLE\".\"a;b\" (a text DEFAULT 'x;\\');
         CREATE FUNCTION shop.two() RETURNS int LANGUAGE plpgsql AS $f$BEGIN RETURN 2; END$f$;"
    ));
    let folder = tempfile::tempdir().unwrap();
    for format in ["plain", "custom", "directory", "tar"] {
        let dump = dump_with(&production, format, &[], folder.path());
        let rehearsed = rehearsed(dump, PRODUCTION, &[]);
        assert!(rehearsed.went_well(), "{format}: {}", run_of(&rehearsed).output);
        let told = rehearsed.throwaway.left_out.join("\n");
        for what in [
            "EXTENSION pg_stat_statements",
            "EVENT TRIGGER noted",
            "PUBLICATION everything",
            "VIEW public.statements",
        ] {
            assert!(told.contains(what), "{format}: no {what} in\n{told}");
        }
        assert!(!told.contains("TABLE stock.words") && !told.contains("orders"), "{format}: {told}");
    }
    // In a schema of the replica the same is no harmless matter.
    production.sql("CREATE VIEW stock.statements AS SELECT query FROM pg_stat_statements");
    let error = attempted(dump(&production, "custom", folder.path()), PRODUCTION, &[]).unwrap_err();
    assert!(matches!(error, RehearsalError::Replica(ReplicaError::Restore { .. })), "{error}");
    let error = error.to_string();
    for says in
        ["VIEW stock.statements", "42P01", "left out: EXTENSION pg_stat_statements", "--server local:MAJOR"]
    {
        assert!(error.contains(says), "no {says:?} in {error}");
    }
    production
        .sql(&format!("REASSIGN OWNED BY {owner} TO CURRENT_USER; DROP OWNED BY {owner}; DROP ROLE {owner}"));
}

/// Texts of a dump in another encoding than UTF-8 come over as what they are.
#[test]
fn a_dump_in_latin1_is_restored() {
    let production = Replica::of(&seed(), &[]);
    production.sql(
        "CREATE TABLE shop.\"größe\" (a text PRIMARY KEY DEFAULT 'ö;'); INSERT INTO shop.\"größe\" VALUES ('ü'), ('''')",
    );
    let folder = tempfile::tempdir().unwrap();
    for format in ["plain", "custom"] {
        for more in [&["--encoding=LATIN1"][..], &["--encoding=LATIN1", "--inserts"], &["--inserts"]] {
            let dump = dump_with(&production, format, more, folder.path());
            let restoring = Restoring::new();
            restoring.restore(&dump).unwrap();
            let rows = "SELECT string_agg(a, '|' ORDER BY a) FROM shop.\"größe\"";
            assert_eq!(restoring.value(rows), "'|ü", "{format} {more:?}");
        }
    }
}
