//! A large window is read in bounded memory. Not one of the everyday tests: it writes more than 1 GiB.
//! `cargo test --release --test mysql -- --ignored a_window_of_one_gib` runs it.

use crate::origin::{Origin, check};
use crate::replica::PROGRAM;
use chameleon_harness::home::CONFIGURATION;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const GIB: u64 = 1 << 30;

/// What the client may take, whatever the size (SPEC.md, "Speed").
const MEMORY: u64 = 64 << 20;

#[test]
#[ignore = "writes more than 1 GiB"]
fn a_window_of_one_gib() {
    let Some(origin) = Origin::start("a_window_of_one_gib") else { return };
    origin.run("CREATE TABLE my_one.large (id INT PRIMARY KEY, data VARCHAR(1000))");
    let old = origin.here();
    while written(&origin) < GIB {
        // The tables of numbers belong to the default database.
        origin.run_in(
            "my_one",
            "REPLACE INTO my_one.large SELECT seq, REPEAT(CHAR(65 + seq % 26), 1000) FROM seq_1_to_50000",
        );
    }
    origin.run(
        "CREATE PROCEDURE my_one.many() FOR i IN 1..200000 DO INSERT INTO my_one.t VALUES (i, 'small'); END FOR;
         CALL my_one.many();",
    );
    let new = origin.here();
    let replica = origin.replica(&new, &old);
    let began = Instant::now();
    let mut child = Command::new(PROGRAM)
        .args(["check", "--config", CONFIGURATION])
        .env("HOME", replica.home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(memory(child.id()));
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = began.elapsed();
    let shown = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    eprintln!("{shown}\n{took:?} in all, at most {:.1} MiB of memory", peak as f64 / (1 << 20) as f64);
    assert!(peak > 0 && peak < MEMORY, "{peak} bytes of memory");
    assert_eq!(check(&replica).batch_start(), new);
}

/// The bytes in all binary logs.
fn written(origin: &Origin) -> u64 {
    let mut session = origin.mysql.connect(None).unwrap();
    let files: Vec<(String, u64)> =
        mysql::prelude::Queryable::query(&mut session, "SHOW BINARY LOGS").unwrap();
    files.iter().map(|(_, size)| size).sum()
}

/// The most that a process has had in memory until now; zero when it is gone.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
