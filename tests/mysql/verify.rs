//! What `verify` says of tables that differ while the replica has yet to apply something: §after-verify.

use super::SERVER;
use super::origin::{NEW, Origin};
use crate::replica::{PROGRAM, Replica, shown};
use chameleon_harness::chameleon::home::{CONFIGURATION, ConfiguredSource};
use chameleon_harness::seed::{Batch, Event, Seed, Source, Table};
use chameleon_harness::server::mysql::MySqlSoftware;
use predicates::str::contains;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// More rows than are kept to be looked at again.
const MANY: u32 = 1_200;

/// How long the test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A replica of `my_one`, with these tables and batches.
fn replica(origin: &Origin, tables: Vec<Table>, batches: Vec<Batch>) -> Replica {
    let source = Source::new("old_one").source_schema(Some("my_one")).dest_schema("one");
    let source = tables.into_iter().fold(source, Source::table);
    let seed = Seed::of([batches.into_iter().fold(source, Source::batch)]);
    let configured = ConfiguredSource::mysql(NEW, &[("my_one", "one")]).with("db_conn", origin.db_conn());
    Replica::of(&seed, &[configured])
}

fn start(replica: &Replica, tables: &str) -> Child {
    Command::new(PROGRAM)
        .args(["verify", "--format", "json", "--config", CONFIGURATION, "--tables", tables])
        .env("HOME", replica.home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the upgrader runs")
}

/// The exit code, and what was said of the only table.
fn end(child: Child) -> (Option<i32>, Value) {
    let output = child.wait_with_output().expect("an end");
    let said: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(&output)));
    (output.status.code(), said["tables"][0].clone())
}

/// Runs `verify` of a table beside a daemon's session; `comes_on` is run as soon as it waits for the replica.
fn while_it_waits(replica: &Replica, table: &str, comes_on: impl FnOnce()) -> (Option<i32>, Value) {
    let (mut daemon, mut watch) = (replica.client(), replica.client());
    daemon.batch_execute("SET application_name = '[PGCH] old_one'").unwrap();
    let child = start(replica, table);
    let asks = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                AND query LIKE '-- How far a source has come%'";
    let began = Instant::now();
    while watch.query(asks, &[]).unwrap().is_empty() {
        assert!(began.elapsed() < PATIENCE, "it never waited");
        thread::sleep(Duration::from_millis(20));
    }
    comes_on();
    end(child)
}

/// The replica has read all, and applied it.
fn has_come_to_the_end(origin: &Origin, replica: &Replica, rows: &str) {
    let here = origin.here();
    let (file, position) = here.split_once(':').unwrap();
    replica.sql(&format!(
        "BEGIN; {rows};
         UPDATE sch_chameleon.t_replica_batch SET t_binlog_name = '{file}', i_binlog_position = {position}; COMMIT"
    ));
}

#[test]
fn more_rows_than_are_kept_that_have_yet_to_come_are_no_difference() {
    let Some(origin) = Origin::start("more_rows_than_are_kept_that_have_yet_to_come_are_no_difference")
    else {
        return;
    };
    let replica = replica(&origin, vec![Table::new("t")], vec![Batch::open(&origin.here())]);
    let rows: Vec<_> = (1..=MANY).map(|id| format!("({id}, 'row')")).collect();
    origin.run(&format!("INSERT INTO my_one.t VALUES {}", rows.join(", ")));
    let applied = format!("INSERT INTO one.t SELECT id, 'row' FROM generate_series(1, {MANY}) id");
    let (code, table) =
        while_it_waits(&replica, "one.t", || has_come_to_the_end(&origin, &replica, &applied));
    assert_eq!(
        (code, &table["verdict"], &table["rows"]),
        (Some(0), &json!("equal"), &json!(MANY)),
        "{table}"
    );
    // And what never comes is one.
    replica.sql("DELETE FROM one.t WHERE id > 1");
    let (code, table) = end(start(&replica, "one.t"));
    assert_eq!((code, &table["verdict"]), (Some(6), &json!("unequal")), "{table}");
    assert_eq!(table["rows_that_differ"], MANY - 1, "{table}");
}

/// Where PostgreSQL has far more in a part than MySQL, it is not read at once.
#[test]
fn more_rows_than_are_kept_that_are_in_postgresql_alone_are_counted() {
    let name = "more_rows_than_are_kept_that_are_in_postgresql_alone_are_counted";
    let Some(origin) = Origin::start(name) else { return };
    origin.run(&format!("INSERT INTO my_one.t VALUES ({MANY}, 'row')"));
    let replica = replica(&origin, vec![Table::new("t")], vec![Batch::open(&origin.here())]);
    replica.sql(&format!("INSERT INTO one.t SELECT id, 'row' FROM generate_series(1, {MANY}) id"));
    let (code, table) = end(start(&replica, "one.t"));
    assert_eq!((code, &table["verdict"]), (Some(6), &json!("unequal")), "{table}");
    assert_eq!((&table["rows"], &table["rows_that_differ"]), (&json!(1), &json!(MANY - 1)), "{table}");
    assert!(table["what"][0].as_str().unwrap().contains("in PostgreSQL alone: (1), (2)"), "{table}");
    // Some in the middle, which are.
    replica.sql("DELETE FROM one.t WHERE id < 1190");
    let (_, table) = end(start(&replica, "one.t"));
    assert_eq!((&table["verdict"], &table["rows_that_differ"]), (&json!("unequal"), &json!(10)), "{table}");
}

/// A key that rows can't be found by: the table is compared as a whole.
#[test]
fn a_whole_table_that_has_yet_to_come_is_no_difference() {
    let Some(origin) = Origin::start("a_whole_table_that_has_yet_to_come_is_no_difference") else { return };
    origin.run("CREATE TABLE my_one.w (id FLOAT PRIMARY KEY, data TEXT)");
    let table = Table::new("w").column("id", "double precision").column("data", "text");
    let replica = replica(&origin, vec![table], vec![Batch::open(&origin.here())]);
    origin.run("INSERT INTO my_one.w VALUES (1.5, 'row'), (2.5, 'row')");
    let (code, table) = end(start(&replica, "one.w"));
    assert_eq!((code, &table["verdict"]), (Some(6), &json!("undecided")), "{table}");
    assert!(table["why"].as_str().unwrap().contains("the replica is stopped, and it reads on at"), "{table}");
    let applied = "INSERT INTO one.w VALUES (1.5, 'row'), (2.5, 'row')";
    let (code, table) = while_it_waits(&replica, "one.w", || has_come_to_the_end(&origin, &replica, applied));
    assert_eq!((code, &table["verdict"], &table["rows"]), (Some(0), &json!("equal"), &json!(2)), "{table}");
    replica.sql("DELETE FROM one.w WHERE id < 2");
    let (code, table) = end(start(&replica, "one.w"));
    assert_eq!((code, &table["verdict"]), (Some(6), &json!("unequal")), "{table}");
}

/// Behind it the log was rotated, and nothing was read.
#[test]
fn what_an_older_batch_lists_waits() {
    let Some(origin) = Origin::start("what_an_older_batch_lists_waits") else { return };
    let before = origin.here();
    origin.write("my_one", 1);
    let rotated = origin.here();
    origin.run("FLUSH LOGS");
    let batches = vec![
        Batch::listed(&before).event(Event::insert("t", json!({"id": 1, "data": "row"}))),
        Batch::processed(&rotated),
        Batch::open(&origin.here()),
    ];
    let replica = replica(&origin, vec![Table::new("t")], batches);
    let (code, table) = end(start(&replica, "one.t"));
    assert_eq!((code, &table["verdict"]), (Some(6), &json!("undecided")), "{table}");
    assert_eq!(table["why"], "the replica is stopped, and rows wait to be applied", "{table}");
    // Its rows are applied. That nothing is left of it is found in another round, to which a replica that is stopped may not come.
    replica.sql("DELETE FROM sch_chameleon.t_log_replica");
    let (code, table) = end(start(&replica, "one.t"));
    assert_eq!((code, &table["verdict"]), (Some(6), &json!("unequal")), "{table}");
}

/// 1.8.2 takes the name of a table alone, and 2.0 that with its schema: neither ends at the first dot.
#[test]
fn the_tables_to_copy_anew_are_named_whole() {
    let Some(origin) = Origin::start("the_tables_to_copy_anew_are_named_whole") else { return };
    origin.write("my_one", 1);
    let source = Source::new("old_one").source_schema(Some("my_one")).dest_schema("one.more");
    let seed = Seed::of([source.table(Table::new("t")).batch(Batch::open(&origin.here()))]);
    let configured =
        ConfiguredSource::mysql(NEW, &[("my_one", "one.more")]).with("db_conn", origin.db_conn());
    let replica = Replica::of(&seed, &[configured]);
    let told = replica.command_with_mysql(&["verify"]).assert().code(6);
    told.stdout(contains("chameleon.py sync_tables --config old_one --table t\n"));
    // 2.0 takes schemas by their names on MySQL, and a configuration by its name: of another place, that of a copy.
    replica.upgrade(&[]).code(0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("of my own.yml");
    std::fs::copy(replica.home.configuration(), &file).unwrap();
    let output = Command::new(PROGRAM)
        .args(["verify", "--config", file.to_str().unwrap()])
        .env("HOME", replica.home.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", shown(&output));
    let command = format!("chameleon sync_tables --config 'of my own' --source {NEW} --tables my_one.t\n");
    assert!(shown(&output).contains(&command), "{}", shown(&output));
}

/// What is known when it is broken off, by ctrl-C or by kill -9, is known the next time: rows that were read are not read again.
#[test]
fn it_goes_on_where_it_was_broken_off() {
    let Some(origin) = Origin::start("it_goes_on_where_it_was_broken_off") else { return };
    const ROWS: u64 = 30_000;
    let rows: Vec<_> = (1..=ROWS).map(|id| format!("({id}, 'row')")).collect();
    origin.run(
        "CREATE TABLE my_one.a (id bigint PRIMARY KEY, data text); INSERT INTO my_one.a VALUES (1, 'row')",
    );
    origin.run(&format!("INSERT INTO my_one.t VALUES {}", rows.join(", ")));
    let tables = vec![Table::new("a"), Table::new("t")];
    let replica = replica(&origin, tables, vec![Batch::open(&origin.here())]);
    replica.sql("INSERT INTO one.a VALUES (1, 'row')");
    replica.sql(&format!("INSERT INTO one.t SELECT id, 'row' FROM generate_series(1, {ROWS}) id"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let name = file.to_str().unwrap();
    let begin = || {
        let mut command = Command::new(PROGRAM);
        command.args([
            "verify",
            "--config",
            "upgraded",
            "--chunk",
            "50",
            "--throttle",
            "1000",
            "--resume",
            name,
        ]);
        command
            .env("HOME", replica.home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let part = || -> u64 {
        let text = std::fs::read(&file).unwrap_or_default();
        let state: Value = serde_json::from_slice(&text).unwrap_or_default();
        state["parts"][0]["known"]["rows"].as_u64().unwrap_or_default()
    };
    // Killed: what was written last is known.
    let mut killed = begin();
    while part() == 0 {
        thread::sleep(Duration::from_millis(50));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let by_then = part();
    assert!((1..ROWS).contains(&by_then), "{by_then}");
    // Rows that were read then, and a row that was not.
    replica.sql(&format!("UPDATE one.t SET data = 'other' WHERE id IN (1, {by_then}, {ROWS})"));
    let interrupted = begin();
    while part() == by_then {
        thread::sleep(Duration::from_millis(50));
    }
    kill_process(Pid::from_child(&interrupted), Signal::INT).unwrap();
    let output = interrupted.wait_with_output().unwrap();
    let told = shown(&output);
    assert_eq!(output.status.code(), Some(6), "{told}");
    for says in [
        "Going on from 20",
        ": 1 table was decided by then",
        "Interrupted: ",
        "1 table yet to be compared",
        "--resume",
    ] {
        assert!(told.contains(says), "{says:?} is not in:\n{told}");
    }
    assert!(part() > by_then, "{} {by_then}", part());
    // Of one table alone: what is known of the other stays.
    let by_then = part();
    let one = ["verify", "--tables", "one.a", "--resume", name];
    let output = replica.command_with_mysql(&one).output().unwrap();
    assert_eq!((output.status.code(), part()), (Some(0), by_then), "{}", shown(&output));
    let whole =
        replica.command_with_mysql(&["verify", "--format", "json", "--resume", name]).output().unwrap();
    let document: Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert_eq!(document["tables"][0]["verdict"], "equal");
    let table = &document["tables"][1];
    assert_eq!((&table["rows"], &table["rows_that_differ"]), (&json!(ROWS), &json!(1)), "{table}");
    assert!(table["what"][0].as_str().unwrap().contains(&format!("({ROWS}) in data")), "{table}");
    // All is compared: the next time begins anew.
    assert!(!file.exists());
    let (code, table) = end(start(&replica, "one.t"));
    assert_eq!((code, &table["rows_that_differ"]), (Some(6), &json!(3)), "{table}");
    // What is of another database is none of this one.
    std::fs::write(&file, "{\"version\":1,\"verify_of\":\"x\",\"at\":\"\",\"tables\":[],\"parts\":[]}")
        .unwrap();
    let output = replica.command_with_mysql(&["verify", "--resume", name]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    std::fs::write(&file, "my notes").unwrap();
    let output = replica.command_with_mysql(&["verify", "--resume", name]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "my notes");
}

/// A server that is lost leaves what was known: what was decided, and how far the table was read.
#[test]
fn it_goes_on_where_a_server_was_lost() {
    let Some(mut origin) = Origin::start("it_goes_on_where_a_server_was_lost") else { return };
    const ROWS: u64 = 10_000;
    let row = "INSERT INTO my_one.$ VALUES (1, 'row')";
    for table in ["a", "z"] {
        origin.run(&format!("CREATE TABLE my_one.{table} (id bigint PRIMARY KEY, data text)"));
        origin.run(&row.replace('$', table));
    }
    let rows: Vec<_> = (1..=ROWS).map(|id| format!("({id}, 'row')")).collect();
    origin.run(&format!("INSERT INTO my_one.t VALUES {}", rows.join(", ")));
    let tables = ["a", "t", "z"].map(Table::new);
    let replica = replica(&origin, tables.into(), vec![Batch::open(&origin.here())]);
    replica.sql("INSERT INTO one.a VALUES (1, 'row'); INSERT INTO one.z VALUES (1, 'row')");
    replica.sql(&format!("INSERT INTO one.t SELECT id, 'row' FROM generate_series(1, {ROWS}) id"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let name = file.to_str().unwrap();
    let slowly = ["verify", "--chunk", "50", "--throttle", "500", "--resume", name];
    let mut slow = replica.command_with_mysql(&slowly);
    let state =
        || -> Value { serde_json::from_slice(&std::fs::read(&file).unwrap_or_default()).unwrap_or_default() };
    let by_then = thread::scope(|scope| {
        let lost = scope.spawn(move || slow.output().unwrap());
        let rows = || state()["parts"][0]["known"]["rows"].as_u64().unwrap_or_default();
        while rows() == 0 {
            thread::sleep(Duration::from_millis(50));
        }
        let by_then = rows();
        origin.mysql.kill();
        let output = lost.join().unwrap();
        let told = shown(&output);
        assert_eq!(output.status.code(), Some(6), "{told}");
        assert!(told.contains("2 not compared, 1 equal"), "{told}");
        let remedy = format!("To compare only what is left (or all, once {name} is removed): ");
        assert!(told.contains(&remedy) && told.contains(&format!("--resume {name}")), "{told}");
        by_then
    });
    assert_eq!((&state()["tables"][0]["table"], &state()["tables"][1]), (&json!("one.a"), &Value::Null));
    // A row that was read by then, and one that was not.
    replica.sql(&format!("UPDATE one.t SET data = 'other' WHERE id IN ({by_then}, {ROWS})"));
    let software = MySqlSoftware::find(SERVER).unwrap();
    origin.mysql.start_again(&software, &[]).unwrap();
    let output =
        replica.command_with_mysql(&["verify", "--format", "json", "--resume", name]).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let table = |number: usize| {
        let table = &document["tables"][number];
        (
            table["verdict"].as_str().unwrap(),
            table["rows"].as_u64().unwrap(),
            table["rows_that_differ"].as_u64(),
        )
    };
    assert_eq!((table(0), table(2)), (("equal", 1, None), ("equal", 1, None)), "{document:#}");
    assert_eq!(table(1), ("unequal", ROWS, Some(1)), "{document:#}");
    assert!(!file.exists());
    // With nothing known there is nothing to keep.
    origin.mysql.kill();
    let output = replica.command_with_mysql(&["verify", "--resume", name]).output().unwrap();
    assert!(shown(&output).contains("3 not compared"), "{}", shown(&output));
    assert!(!file.exists() && !shown(&output).contains("what is left"), "{}", shown(&output));
}
