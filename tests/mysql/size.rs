//! A window is read in bounded memory, whatever its size; and a table is compared in it.

use super::origin::{NEW, Origin, accepting, check};
use crate::replica::{PROGRAM, Replica, shown};
use chameleon_harness::chameleon::home::{CONFIGURATION, ConfiguredSource};
use chameleon_harness::process::memory;
use chameleon_harness::seed::{Batch, Seed, Source, Table};
use mysql::prelude::Queryable;
use serde_json::Value;
use std::io::{Read, copy, sink};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// What the everyday test writes. More than the memory that is allowed, so that a window which is held shows.
const EVERYDAY: u64 = 192 * MIB;

/// Another size in MiB. `make window` sets it.
const SIZE: &str = "CHAMELEON_WINDOW_MIB";

/// What the client may take, whatever the size (§memory).
const MEMORY: u64 = 64 * MIB;

/// Transactions of one small row that end the window: 200 bytes each, so what is kept for a transaction shows too.
const SMALL: u64 = 200_000;

#[test]
fn a_large_window_in_bounded_memory() {
    let Some(origin) = Origin::start("a_large_window_in_bounded_memory") else { return };
    let size = std::env::var(SIZE).map_or(EVERYDAY, |mib| mib.parse::<u64>().expect("MiB") * MIB);
    origin.run("CREATE TABLE my_one.large (id INT PRIMARY KEY, data VARCHAR(1000))");
    let with_a_row = origin.here();
    origin.write("my_two", 1);
    let without = origin.here();
    write(&origin, size);
    let new = origin.here();

    // What my_two has is read again, and with it all that my_one has applied since.
    assert_eq!(start(&origin.replica(&new, &with_a_row), "next transaction: "), with_a_row);
    // Nothing is.
    assert_eq!(start(&origin.replica(&new, &without), "before it. Of "), new);
}

/// The start of the new replica, measured on the way. The width of the window, which stands behind `before_width` in
/// the finding, was read to its end.
fn start(replica: &Replica, before_width: &str) -> String {
    let began = Instant::now();
    let child = Command::new(PROGRAM)
        .args(accepting(&["check", "--config", CONFIGURATION]))
        .env("HOME", replica.home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (output, peak) = end(child);
    let took = began.elapsed();
    let shown = String::from_utf8(output.stdout).unwrap();
    eprintln!("{shown}\n{took:.2?} in all, at most {peak} KiB of memory\n");
    assert!(shown.contains("The upgrade can be done."), "{shown}");
    let (_, width) = shown.split_once(before_width).unwrap();
    let width: Vec<_> = width.split(' ').take(2).collect();
    assert!(shown.contains(&format!("read for new: {}, ", width.join(" "))), "{shown}");
    assert!(peak > 0 && peak * 1024 < MEMORY, "{peak} KiB of memory");
    check(replica).batch_start().to_owned()
}

/// Its end, with the most memory that it has held, in KiB.
fn end(mut child: Child) -> (Output, u64) {
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = memory::peak(child.id()).unwrap_or(peak).max(peak);
        std::thread::sleep(Duration::from_millis(5));
    }
    (child.wait_with_output().unwrap(), peak)
}

/// Rows that the everyday test compares.
const EVERYDAY_ROWS: u64 = 200_000;

/// Another number. `make verify-size` sets it.
const ROWS: &str = "CHAMELEON_VERIFY_ROWS";

/// One row of many is missing, one is another, one is too many: each is named, whatever the size of the table.
#[test]
fn a_large_table_is_compared_in_bounded_memory() {
    let Some(origin) = Origin::start("a_large_table_is_compared_in_bounded_memory") else { return };
    let asked = std::env::var(ROWS).ok();
    let rows = asked.as_ref().map_or(EVERYDAY_ROWS, |rows| rows.parse().expect("a number of rows"));
    origin.run("CREATE TABLE my_one.large (id bigint PRIMARY KEY, name varchar(50), amount decimal(12,2), at datetime)");
    let write = format!(
        "INSERT INTO my_one.large SELECT seq, CONCAT('row ', seq), seq / 100, '2024-01-01' + INTERVAL seq SECOND FROM seq_1_to_{rows}"
    );
    origin.run_in("my_one", &write);
    let table =
        Table::new("large").column("id", "bigint").column("name", "text").column("amount", "numeric(12,2)");
    let table = table.column("at", "timestamp");
    let source = Source::new("old_one").source_schema(Some("my_one")).dest_schema("one").table(table);
    let configured = ConfiguredSource::mysql(NEW, &[("my_one", "one")]).with("db_conn", origin.db_conn());
    let replica = Replica::of(&Seed::of([source.batch(Batch::open(&origin.here()))]), &[configured]);
    replica.sql(&format!(
        "INSERT INTO one.large SELECT i, 'row ' || i, i / 100.0, timestamp '2024-01-01' + i * interval '1 second'
                           FROM generate_series(1, {rows}) i;
         DELETE FROM one.large WHERE id = {rows} - 7; UPDATE one.large SET name = 'other' WHERE id = {rows} / 2;
         INSERT INTO one.large VALUES ({rows} + 1, 'more'), (0, 'more'); ANALYZE one.large"
    ));
    if asked.is_some() {
        let began = Instant::now();
        let mut session = origin.mysql.connect(None).unwrap();
        let here = session.query_iter("SELECT * FROM my_one.large").unwrap().count();
        let mysql = began.elapsed();
        let mut client = replica.client();
        let read =
            copy(&mut client.copy_out("COPY one.large TO STDOUT").unwrap() as &mut dyn Read, &mut sink())
                .unwrap();
        eprintln!(
            "SELECT of all rows: MySQL {mysql:.2?} ({here} rows), PostgreSQL {:.2?} ({read} bytes), one after the other",
            began.elapsed() - mysql
        );
    }
    // By digests, but for the three chunks in which something differs; and each by value.
    let by_digest = compared(&replica, rows, &[]);
    assert!(by_digest > rows / 4, "{by_digest} of {rows}");
    assert_eq!(compared(&replica, rows, &["--exact"]), 0);
}

/// Compares the large table; how many of its rows by digests.
fn compared(replica: &Replica, rows: u64, more: &[&str]) -> u64 {
    let began = Instant::now();
    let child = Command::new(PROGRAM)
        .args(["verify", "--format", "json", "--config", CONFIGURATION])
        .args(more)
        .env("HOME", replica.home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (output, peak) = end(child);
    let took = began.elapsed();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", shown(&output)));
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = rows as f64 / took.as_secs_f64();
    let by_digest = told["tables"][0]["rows_by_digest"].as_u64().unwrap_or_default();
    eprintln!(
        "verify{}: {rows} rows, {by_digest} by digests, in {took:.2?}, {rate:.0} rows/s, at most {peak} KiB of memory",
        more.iter().map(|it| format!(" {it}")).collect::<String>()
    );
    let what = told["tables"][0]["what"].to_string();
    for says in [
        format!("1 row missing in PostgreSQL: ({})", rows - 7),
        format!("2 rows in PostgreSQL alone: (0), ({})", rows + 1),
        format!("1 row unequal: ({}) in name", rows / 2),
    ] {
        assert!(what.contains(&says), "{says:?} is not in {told}");
    }
    assert!(peak > 0 && peak * 1024 < MEMORY, "{peak} KiB of memory");
    by_digest
}

/// Writes binary logs of at least this size: large transactions first, then small ones.
fn write(origin: &Origin, size: u64) {
    // A row that is replaced by the same is not logged, so each round has letters of its own. The tables of numbers
    // belong to the default database.
    let round = |round: u32| {
        format!(
            "REPLACE INTO large SELECT seq, REPEAT(CHAR(65 + (seq + {round}) % 26), 1000) FROM seq_1_to_20000"
        )
    };
    let mut rounds = 0;
    while written(origin) + SMALL * 200 < size {
        let before = written(origin);
        origin.run_in("my_one", &round(rounds));
        assert!(written(origin) > before, "nothing was logged");
        rounds += 1;
    }
    origin.run(&format!(
        "CREATE PROCEDURE my_one.many() FOR i IN 1..{SMALL} DO INSERT INTO my_one.t VALUES (i, 'small'); END FOR;
         CALL my_one.many();"
    ));
    assert!(written(origin) >= size);
}

/// The bytes in all binary logs.
fn written(origin: &Origin) -> u64 {
    let mut session = origin.mysql.connect(None).unwrap();
    let files: Vec<(String, u64)> = session.query("SHOW BINARY LOGS").unwrap();
    files.iter().map(|(_, size)| size).sum()
}
