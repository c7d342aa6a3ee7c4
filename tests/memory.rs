//! The client's memory stays under 64 MiB however large a catalogue is (§memory; §hunt-7, §report-12).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

mod replica;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chameleon_harness::chameleon::home::CONFIGURATION;
use chameleon_harness::process::memory;
use chameleon_harness::seed::{Batch, Destination, Event, Kind, Seed, Source, Table};
use replica::{PROGRAM, Replica, demo_source, where_programs_are};

/// What the client may take, in KiB.
const MEMORY: u64 = 64 * 1024;

/// Kept batches, tables and waiting rows of the everyday test: each more than the client could hold one by one. With
/// CHAMELEON_MEMORY=full: the sizes that were promised.
fn sizes() -> (i64, u32, u32) {
    if std::env::var_os("CHAMELEON_MEMORY").is_some() {
        (3_000_000, 1_000_000, 1_000_000)
    } else {
        (200_000, 100_000, 60_000)
    }
}

#[test]
fn a_large_catalogue_goes_there_and_back_in_bounded_memory() {
    let (kept, tables, rows) = sizes();
    let replica = Replica::of(&large(kept, tables, rows), &[demo_source()]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("catalogue.dump");
    let backup = run(&replica, &["backup", file.to_str().expect("a name")]);
    assert!(backup.shown.contains("Backed up: "), "{}", backup.shown);
    let check = run(&replica, &["check", "--offline"]);
    assert!(check.shown.contains("The upgrade can be done."), "{}", check.shown);
    assert!(check.shown.contains(&format!("{rows} events of the source shop wait")), "{}", check.shown);
    assert!(check.shown.contains("and 4 more"), "orphans and their tables are counted: {}", check.shown);
    let upgrade = run(&replica, &["upgrade", "--yes", "--offline"]);
    assert!(upgrade.shown.contains("Upgraded: "), "{}", upgrade.shown);
    for (what, run) in [("backup", &backup), ("check", &check), ("upgrade", &upgrade)] {
        eprintln!("{what}: {:.2?}, at most {} KiB", run.took, run.peak);
        assert!(run.peak > 0 && run.peak < MEMORY, "{what} took {} KiB of memory", run.peak);
    }
    assert_eq!(
        replica.value("SELECT count(*) FROM sch_chameleon.t_replica_tables"),
        (tables + 2).to_string()
    );
    assert_eq!(replica.value("SELECT count(*) FROM shop.items"), rows.to_string());
    replica.sql(include_str!("../harness/src/sweep/gone_on.sql"));
    let back = run(&replica, &["rollback", "--yes"]);
    assert!(back.shown.contains("1.8.2 goes on where 2.0 stopped"), "{}", back.shown);
    eprintln!("rollback: {:.2?}, at most {} KiB", back.took, back.peak);
    assert!(back.peak > 0 && back.peak < MEMORY, "rollback took {} KiB of memory", back.peak);
    // The others have no table in the destination.
    assert_eq!(replica.value("SELECT count(*) FROM sch_chameleon.t_replica_tables"), "2");
}

/// Batches of all kinds that 1.8.2 keeps: replayed ones, ones that closed without rows, and what crashes have left.
fn large(kept: i64, tables: u32, rows: u32) -> Seed {
    let shop = Source::new("shop")
        .table(Table::new("items"))
        .table(Table::family("t", tables).destination(Destination::Missing))
        .batch(Batch::listed("mysql-bin.900000:4").id(kept + 1).created("2030-01-01").event(Event::bulk_of(
            "items",
            rows,
            &[Kind::Insert],
        )))
        .batch(Batch::open("mysql-bin.900001:4").id(kept + 2).created("2030-01-02"));
    let stock = Source::new("stock")
        .table(Table::new("amounts"))
        .batch(Batch::open("mysql-bin.900001:4").id(kept + 3).created("2030-01-02"));
    // Every tenth closed empty; a hundred are of crashes, each with rows of fourteen tables.
    let batches = format!(
        "INSERT INTO sch_chameleon.t_replica_batch (i_id_batch, i_id_source, t_binlog_name, i_binlog_position, b_started,
             b_processed, b_replayed, ts_created, ts_processed, ts_replayed, i_replayed, i_skipped, i_ddl)
         SELECT n, 1 + n % 2, 'mysql-bin.' || lpad((n / 1000)::text, 6, '0'), 4 + n % 1000, true, true, n % 10 > 0,
                timestamp '2024-01-01' + n * interval '1 second', timestamp '2024-01-01', timestamp '2024-01-01', 1, 0, 0
         FROM generate_series(1::bigint, {kept}) AS n"
    );
    let orphans = "UPDATE sch_chameleon.t_replica_batch SET b_replayed = false WHERE i_id_batch % 10 = 1 AND i_id_batch <= 1000;
         INSERT INTO sch_chameleon.t_log_replica_1_src_2 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event,
             t_binlog_name, i_binlog_position, jsb_event_data)
         SELECT b, 'orphan_' || t, 'stock', 'insert', 'mysql-bin.000000', b, '{\"id\": 1}'
         FROM generate_series(1, 1000, 10) AS b, generate_series(1, 14) AS t";
    let own = "UPDATE sch_chameleon.t_replica_tables SET t_binlog_name = 'mysql-bin.' || lpad((i_id_table % 5000)::text, 6, '0'),
                   i_binlog_position = i_id_table
               WHERE i_id_table % 10 = 0";
    Seed::of([shop, stock]).statement(&batches).statement(orphans).statement(own).statement("ANALYZE")
}

/// What a run has shown and taken.
struct Run {
    shown: String,
    took: Duration,
    peak: u64,
}

fn run(replica: &Replica, arguments: &[&str]) -> Run {
    let began = Instant::now();
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .args(["--config", CONFIGURATION])
        .env("HOME", replica.home.path())
        .envs(where_programs_are())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the upgrader starts");
    let mut peak = 0;
    while child.try_wait().expect("the upgrader").is_none() {
        peak = memory::peak(child.id()).unwrap_or(peak).max(peak);
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = began.elapsed();
    let output = child.wait_with_output().expect("the upgrader");
    Run { shown: String::from_utf8_lossy(&output.stdout).into_owned(), took, peak }
}
