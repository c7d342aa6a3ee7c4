//! `watch`, where no daemon runs and MySQL can't be reached: what it takes, what it refuses, and where it writes. With the real daemon it
//! is looked at in scenarios/live. §after-watch

use crate::replica::{PROGRAM, Replica, assert_unchanged, shown};
use chameleon_harness::chameleon::home::CONFIGURATION;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

fn upgraded() -> Replica {
    let replica = Replica::demo();
    replica.command(&["upgrade", "--yes"]).assert().success();
    replica
}

/// What it shows, and its exit code.
fn watch(replica: &Replica, options: &[&str]) -> (String, Option<i32>) {
    let output = replica.command(&[&["watch"], options].concat()).output().unwrap();
    (shown(&output), output.status.code())
}

fn place(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

#[test]
fn there_must_be_a_catalogue_of_2_0() {
    let replica = Replica::demo();
    let (shown, code) = watch(&replica, &[]);
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("The catalogue is 1.7: watch looks at a replica of 2.0.10"), "{shown}");
    replica.sql("DROP SCHEMA sch_chameleon CASCADE");
    let (shown, code) = watch(&replica, &[]);
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("has no schema sch_chameleon"), "{shown}");
}

#[test]
fn wrong_use_is_told_before_anything_is_looked_at() {
    let replica = upgraded();
    for (options, says) in [
        (&["--source", "nobody"][..], "The catalogue has no source \"nobody\". It has: replica"),
        (&["--file", "x"], "--file takes JSON or what Prometheus reads"),
        (&["--for", "0"], "it must be more than nothing"),
        (&["--for", "1 week"], "a time such as 90s, 30m, 1h or 2d is expected"),
        (&["--every=-1s"], "a time such as 90s"),
        (&["--until", "tomorrow"], "consistent"),
        (&["--format", "json", "--file", "/nowhere/at/all"], "can't be written"),
    ] {
        let (shown, code) = watch(&replica, options);
        assert_eq!(code, Some(2), "{options:?}: {shown}");
        assert!(shown.contains(says), "{options:?}: {shown}");
    }
}

#[test]
fn a_replica_that_does_not_run_is_not_well() {
    let replica = upgraded();
    let (shown, code) = watch(&replica, &[]);
    assert_eq!(code, Some(6), "{shown}");
    for says in [
        "replica: down",
        "The replica of replica is stopped.",
        "chameleon start_replica --config",
        "MySQL does not say where its log ends",
        "Not well: 1 of 1 source not running, 2 errors above. Nothing was changed.",
    ] {
        assert!(shown.contains(says), "{says:?} is not in:\n{shown}");
    }
    // What is wrong is shown to whoever wants to see nothing else.
    let (shown, code) = watch(&replica, &["--quiet"]);
    assert_eq!(code, Some(6), "{shown}");
    assert!(shown.contains("daemon") && !shown.contains("replica: down"), "{shown}");
}

/// Its replica does not run meanwhile, and nothing is to say that it does.
#[test]
fn a_source_whose_tables_are_being_copied_does_not_run() {
    let replica = upgraded();
    for status in ["initialising", "syncing"] {
        replica.sql(&format!("UPDATE sch_chameleon.t_sources SET enm_status = '{status}'"));
        let (shown, code) = watch(&replica, &[]);
        assert_eq!(code, Some(6), "{shown}");
        assert!(shown.contains(&format!("are being copied (status {status})")), "{shown}");
        assert!(shown.contains("Not well: 1 of 1 source not running, 2 errors above."), "{shown}");
    }
}

/// A status that says running, and nobody at work.
#[test]
fn a_status_alone_is_not_believed() {
    let replica = upgraded();
    replica.sql("UPDATE sch_chameleon.t_sources SET enm_status = 'running'");
    let (shown, code) = watch(&replica, &[]);
    assert_eq!(code, Some(6), "{shown}");
    assert!(shown.contains("has no session with PostgreSQL: it was killed"), "{shown}");
    assert!(shown.contains("chameleon enable_replica"), "{shown}");
}

#[test]
fn the_log_of_the_daemon_says_how_it_ended() {
    let replica = upgraded();
    replica.sql("UPDATE sch_chameleon.t_sources SET enm_status = 'error'");
    let (shown, _) = watch(&replica, &[]);
    assert!(shown.contains("its log would say"), "{shown}");
    let (_folder, log) = place("replica.log");
    let trace = "2026-01-02 03:04:05 MainProcess ERROR: Stack trace: Traceback (most recent call last):\n  File \"a\", line 1\n\
                 parsy.ParseError: expected one of ';', 'ALTER' at 0:0\n";
    fs::write(&log, trace).unwrap();
    let (shown, code) = watch(&replica, &["--log", log.to_str().unwrap()]);
    assert_eq!(code, Some(6), "{shown}");
    for says in
        ["It ended at 2026-01-02 03:04:05", "(statement)", "parsy.ParseError: expected one of", "mysqlbinlog"]
    {
        assert!(shown.contains(says), "{says:?} is not in:\n{shown}");
    }
}

/// One that goes on, and each look of it.
fn begun(replica: &Replica) -> (Child, impl Iterator<Item = Value> + use<>) {
    let mut child = Command::new(PROGRAM)
        .args(["watch", "--config", CONFIGURATION, "--for", "1h", "--every", "1s", "--format", "json"])
        .env("HOME", replica.home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()))
}

/// pg_chameleon takes a configuration by its name alone.
#[test]
fn a_configuration_of_another_place_is_named_as_a_copy_of_it_would_be() {
    let replica = upgraded();
    replica.sql("UPDATE sch_chameleon.t_sources SET enm_status = 'error'");
    let (_folder, file) = place("of my own.yml");
    fs::copy(replica.home.configuration(), &file).unwrap();
    let output = Command::new(PROGRAM)
        .args(["watch", "--config", file.to_str().unwrap()])
        .env("HOME", replica.home.path())
        .output()
        .unwrap();
    let shown = shown(&output);
    assert_eq!(output.status.code(), Some(6), "{shown}");
    assert!(shown.contains("`chameleon start_replica --config 'of my own' --source replica`"), "{shown}");
}

/// The look says so, and the next one asks again.
#[test]
fn a_session_that_is_lost_is_told_and_opened_anew() {
    let replica = upgraded();
    let (mut child, mut looks) = begun(&replica);
    let is_whole = |look: &Value| look["sources"][0]["source"] == "replica";
    assert!(is_whole(&looks.next().unwrap()));
    let ends = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND \
                application_name = 'chameleon-upgrade'";
    assert_eq!(replica.client().query_one(ends, &[]).unwrap().get::<_, i64>(0), 1);
    let lost = looks.find(|look| !is_whole(look)).unwrap();
    assert!(lost["sources"].as_array().unwrap().is_empty() && lost["well"] == false, "{lost}");
    assert!(looks.next().is_some_and(|look| is_whole(&look)));
    // Ctrl-C ends it with what it has seen last.
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6));
}

#[test]
fn a_file_is_written_anew_at_each_look_and_nothing_else_is_lost_for_it() {
    let replica = upgraded();
    let (_folder, file) = place("replica.prom");
    let name = file.to_str().unwrap();
    for _ in 0..2 {
        let (shown, code) = watch(&replica, &["--format", "prometheus", "--file", name]);
        assert_eq!(code, Some(6), "{shown}");
        assert!(shown.contains("replica: down"), "what is for people is shown: {shown}");
        let text = fs::read_to_string(&file).unwrap();
        for line in [
            "chameleon_replica_well 0",
            "chameleon_replica_up{source=\"replica\"} 0",
            "chameleon_replica_errors{finding=\"daemon\"} 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        // The collector of another account reads it.
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o444, 0o444);
    }
    let (shown, code) = watch(&replica, &["--format", "json", "--file", name]);
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("holds no look as JSON"), "{shown}");
    assert!(fs::read_to_string(&file).unwrap().starts_with("# HELP"));
    let (_folder, file) = place("replica.json");
    // Nor what another command keeps as JSON.
    let state = "{\"version\":1,\"verify_of\":\"x\"}";
    fs::write(&file, state).unwrap();
    let (shown, code) = watch(&replica, &["--format", "json", "--file", file.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{shown}");
    assert_eq!(fs::read_to_string(&file).unwrap(), state);
    fs::remove_file(&file).unwrap();
    let (shown, _) = watch(&replica, &["--format", "json", "--file", file.to_str().unwrap()]);
    assert!(shown.contains("replica: down"), "{shown}");
    let look: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(look["sources"][0]["health"], "down");
    // Without a file, nothing but it is on standard output.
    let output = replica.command(&["watch", "--format", "prometheus"]).output().unwrap();
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .all(|line| line.starts_with("# ") || line.starts_with("chameleon_"))
    );
}

#[test]
fn it_goes_on_as_long_as_it_is_told_to() {
    let replica = upgraded();
    let (mut child, looks) = begun(&replica);
    assert_eq!(looks.take(3).count(), 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let (shown, code) = watch(&replica, &["--for", "1s", "--every", "1s"]);
    assert_eq!(code, Some(6), "{shown}");
    // One that is down will not become consistent.
    let (shown, code) = watch(&replica, &["--until", "consistent"]);
    assert_eq!(code, Some(6), "{shown}");
}

#[test]
fn nothing_is_changed() {
    let replica = upgraded();
    let before = replica.record();
    watch(&replica, &[]);
    assert_unchanged(&before, &replica.record());
}
