//! What `chameleon-harness` says, and the exit code it ends with, where it can't do what it was asked.
#![allow(clippy::unwrap_used, reason = "a test may end there")]

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const WRONG_USE: i32 = 2;
const NO_HARNESS: i32 = 3;
const REFUSING_UPGRADER: &str = "/bin/false";

fn harness() -> Command {
    let mut command = Command::cargo_bin("chameleon-harness").unwrap();
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command
}

fn scenario(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yaml");
    fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap().to_owned();
    (folder, path)
}

const DEMO: &str = "about: x\ndemo: true\nruns: [{expect: {exit: 0}}]\n";

#[test]
fn a_wrong_scenario_file_is_told_with_its_place() {
    let (_folder, file) = scenario("about: x\ndemo: true\nruns:\n  - expect:\n      exti: 0\n");
    for verb in [vec!["run", &file], vec!["list", &file], vec!["sweep", "--scenario", &file]] {
        let says = format!("error: {file}:5:7: runs[0].expect: unknown field `exti`, expected one of `exit`");
        harness()
            .args(verb)
            .assert()
            .code(WRONG_USE)
            .stderr(contains(says))
            .stderr(contains("scenarios/README.md"));
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    harness()
        .args(["run", "nowhere.yaml"])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("nowhere.yaml can't be read"));
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().to_str().unwrap();
    harness().args(["list", path]).assert().code(WRONG_USE).stderr(contains("no scenarios (*.yaml) in"));
    harness()
        .args(["replay", "--dump", "nowhere.dump", "--config", "scenarios/README.md"])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("has no pg_conn at the beginning of a line"));
    harness()
        .args(["replay", "--dump", "nowhere.dump", "--config", "./nowhere.yml"])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("./nowhere.yml"));
}

#[test]
fn a_production_that_does_not_answer_is_told_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("upgraded.yml");
    let unreachable = "\
pg_conn: {host: 127.0.0.1, port: 1, user: me, password: secret, database: db}
sources:
  a: {type: mysql, db_conn: {host: h, port: 3306, user: u, password: p, charset: utf8, connect_timeout: 1},
      schema_mappings: {x: y}}
";
    fs::write(&file, unreachable).unwrap();
    harness()
        .args(["replay", "--config", file.to_str().unwrap(), "--upgrader", REFUSING_UPGRADER])
        .assert()
        .code(NO_HARNESS)
        .stderr(contains("production can't be dumped").and(contains("secret").not()));
}

#[test]
fn unknown_faults_are_told_with_those_that_there_are() {
    for (argument, says) in [
        ("--faults=burn_down", "there is no fault \"burn_down\"; there are: statement_fails:disk_full"),
        ("--only=cut_after", "write FAULT@MESSAGE, such as cut_after@17"),
        ("--server=mysql", "use `local`, `local:MAJOR`"),
    ] {
        harness().args(["sweep", argument]).assert().code(WRONG_USE).stderr(contains(says));
    }
    let (_folder, file) = scenario(
        "about: x\ndemo: true\nruns:\n- faults: [{kind: burn_down, at: {message: 1}}]\n  expect: {}\n",
    );
    harness()
        .args(["run", &file])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("mine.yaml:4:19").or(contains("mine.yaml:4:")));
}

#[test]
fn without_postgresql_the_remedy_is_told() {
    let (folder, file) = scenario(DEMO);
    for verb in [vec!["run", file.as_str()], vec!["sweep"]] {
        harness()
            .args(verb)
            .args(["--upgrader", REFUSING_UPGRADER])
            .env("CHAMELEON_POSTGRES_BIN", folder.path())
            .assert()
            .code(NO_HARNESS)
            .stderr(contains(
                "error: PostgreSQL (initdb and postgres) is missing: it isn't in CHAMELEON_POSTGRES_BIN=",
            ));
    }
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER, "--server", "local:9"])
        .assert()
        .code(NO_HARNESS)
        .stderr(contains("PostgreSQL 9 (initdb and postgres) is missing").and(contains("make tools")));
}

#[test]
fn a_server_that_does_not_answer_is_named_without_its_password() {
    let (_folder, file) = scenario(DEMO);
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER])
        .args(["--server", "postgres://me:secret@127.0.0.1:1/x"])
        .assert()
        .code(NO_HARNESS)
        .stderr(contains("can't connect to me@127.0.0.1:1").and(contains("secret").not()));
}

#[test]
fn an_upgrader_that_is_not_there_is_named() {
    let (_folder, file) = scenario(DEMO);
    harness()
        .args(["run", &file, "--upgrader", "no-such-upgrader --fast"])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("there is no upgrader: \"no-such-upgrader\" is no program"));
}

#[test]
fn a_failing_upgrader_fails_the_scenario() {
    let (folder, file) = scenario(DEMO);
    let report = folder.path().join("junit.xml");
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER, "--junit", report.to_str().unwrap()])
        .assert()
        .code(1)
        .stdout(contains("FAILED").and(contains("the end: exit code 1 instead of exit code 0")))
        .stdout(contains("1 scenarios: 0 ok, 1 failed"));
    assert!(fs::read_to_string(report).unwrap().contains("<failure>run 1:"));
}

/// An upgrader that notes its home and kills the harness.
#[test]
fn nothing_is_left_of_a_harness_that_was_killed() {
    let (folder, file) = scenario(DEMO);
    let noted = folder.path().join("noted");
    let upgrader = folder.path().join("upgrader");
    let script = format!("#!/bin/sh\necho \"$HOME\" >'{}'\nkill -9 $PPID\n", noted.display());
    fs::write(&upgrader, script).unwrap();
    fs::set_permissions(&upgrader, fs::Permissions::from_mode(0o700)).unwrap();
    harness().args(["run", &file, "--upgrader", upgrader.to_str().unwrap()]).assert().interrupted();
    let home = fs::read_to_string(noted).unwrap();
    let home = Path::new(home.trim());
    assert!(home.to_str().unwrap().contains("chameleon-home-"), "{home:?}");
    let deadline = Instant::now() + Duration::from_secs(30);
    while home.exists() {
        assert!(Instant::now() < deadline, "{home:?} is still there");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_scenario_that_can_not_be_run_as_it_is_written_is_wrong_use() {
    let (_folder, file) =
        scenario("about: x\ndemo: true\nruns: [{statements: [SELEKT 1], expect: {exit: 1}}]\n");
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER])
        .assert()
        .code(WRONG_USE)
        .stdout(contains("SELEKT 1: db error: ERROR: syntax error"))
        .stderr(contains("these scenarios can't be run as they are written: mine"));
}

#[test]
fn what_is_kept_can_be_found_and_shows_no_password() {
    let (_folder, file) = scenario("about: x\ndemo: true\nruns: [{expect: {exit: 1, invariants: []}}]\n");
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER, "--keep"])
        .write_stdin("\n")
        .assert()
        .code(0)
        .stdout(predicate::str::is_match(r"mine: PGPASSFILE=/\S+\.pgpass psql -h 127\.0\.0\.1 -p \d+ -U postgres chameleon_harness_\w+").unwrap());
}

#[test]
fn every_scenario_of_the_project_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let files = fs::read_dir(folder).unwrap().filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|it| it == "yaml"))
    });
    let count = files.count();
    assert!(count >= 30);
    harness().arg("list").assert().code(0).stdout(contains(format!("{count} scenarios")));
}
