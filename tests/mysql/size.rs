//! A window is read in bounded memory, whatever its size.

use super::origin::{Origin, accepting, check};
use crate::replica::{PROGRAM, Replica};
use chameleon_harness::chameleon::home::CONFIGURATION;
use chameleon_harness::process::memory;
use std::process::{Command, Stdio};
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
    let mut child = Command::new(PROGRAM)
        .args(accepting(&["check", "--config", CONFIGURATION]))
        .env("HOME", replica.home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = memory::peak(child.id()).unwrap_or(peak).max(peak);
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = began.elapsed();
    let shown = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    eprintln!("{shown}\n{took:.2?} in all, at most {peak} KiB of memory\n");
    assert!(shown.contains("The upgrade can be done."), "{shown}");
    let (_, width) = shown.split_once(before_width).unwrap();
    let width: Vec<_> = width.split(' ').take(2).collect();
    assert!(shown.contains(&format!("read for new: {}, ", width.join(" "))), "{shown}");
    assert!(peak > 0 && peak * 1024 < MEMORY, "{peak} KiB of memory");
    check(replica).batch_start().to_owned()
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
    let files: Vec<(String, u64)> =
        mysql::prelude::Queryable::query(&mut session, "SHOW BINARY LOGS").unwrap();
    files.iter().map(|(_, size)| size).sum()
}
