//! What a commit waits for is for the role to say, as long as it survives a crash of the server: §report-9.

use crate::replica::{PROGRAM, Replica, demo_source, shown};
use chameleon_harness::chameleon::home::{CONFIGURATION, Home, configuration};
use chameleon_harness::seed::Seed;
use chameleon_harness::server::{LocalOptions, LocalServer, Server, local};
use chameleon_upgrade::report::layout::statements;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

fn server(settings: &[(&str, &str)]) -> LocalServer {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    local(&LocalOptions { settings, fsync: true, ..LocalOptions::default() }).unwrap()
}

fn replica(server: &LocalServer, synchronous_commit: &str) -> Replica {
    let database = server.create_database().unwrap();
    let home = Home::new(&configuration(database.address(), database.name(), &[demo_source()])).unwrap();
    let replica = Replica { database, home };
    let mut client = replica.client();
    client.batch_execute("SET synchronous_commit = local").unwrap();
    Seed::demo().create(&mut client).unwrap();
    let name = replica.database.name();
    client
        .batch_execute(&format!("ALTER DATABASE {name} SET synchronous_commit = {synchronous_commit}"))
        .unwrap();
    replica
}

/// The server's commits wait for a standby that is gone.
fn without_its_standby() -> LocalServer {
    let server = server(&[]);
    let mut client = server.address().connect("postgres").unwrap();
    client.batch_execute("ALTER SYSTEM SET synchronous_commit = local").unwrap();
    client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").unwrap();
    client.batch_execute("SELECT pg_reload_conf()").unwrap();
    server
}

#[test]
fn a_role_that_waits_for_no_standby_does_not_wait_for_one() {
    let server = without_its_standby();
    for synchronous_commit in ["local", "off"] {
        let replica = replica(&server, synchronous_commit);
        replica.upgrade(&[]).code(0);
        replica.command(&["rollback", "--yes"]).assert().code(0);
    }
}

/// The administrator breaks off at the commit that waits: it is done, and the last line says so.
#[test]
fn broken_off_at_the_commit_that_waits_for_a_standby() {
    let server = without_its_standby();
    let replica = replica(&server, "on");
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE wait_event = 'SyncRep' AND application_name = 'chameleon-upgrade' AND query = 'COMMIT'";
    // What waits is replayed first, with commits of its own.
    let mut client = replica.client();
    client.batch_execute("SET synchronous_commit = local").unwrap();
    for source in 1..=2 {
        let more = "SELECT sch_chameleon.fn_process_batch(1000, $1)";
        while client.query_one(more, &[&source]).unwrap().get(0) {}
    }
    let mut child = Command::new(PROGRAM)
        .args(["upgrade", "--yes", "--offline", "--config", CONFIGURATION])
        .env("HOME", replica.home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while client.query_one(waiting, &[]).unwrap().get::<_, i64>(0) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended without waiting");
        sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let shown = shown(&output);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    let version = "SELECT t_version FROM sch_chameleon.v_version";
    assert_eq!(client.query_one(version, &[]).unwrap().get::<_, String>(0), "2.0.10");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("Upgraded: sch_chameleon is the 2.0.10 catalogue"),
        "{shown}"
    );
}

/// The warning goes with its remedy, carried out as it stands; without it a commit would be waited for (see above).
#[test]
fn a_standby_that_is_waited_for_in_vain_is_told() {
    let server = without_its_standby();
    let warns = |replica: &Replica| {
        let output = replica.command(&["check", "--only", "standbys", "--format", "json"]).output().unwrap();
        let object: Value = serde_json::from_slice(&output.stdout).unwrap();
        object["findings"].as_array().unwrap().first().cloned()
    };
    assert_eq!(warns(&replica(&server, "local")), None);
    for synchronous_commit in ["on", "remote_write", "remote_apply"] {
        let replica = replica(&server, synchronous_commit);
        let finding = warns(&replica).expect(synchronous_commit);
        assert_eq!(finding["severity"], "warning");
        assert!(finding["found"].as_str().unwrap().contains("\"nobody\""), "{finding}");
    }
    let replica = replica(&server, "on");
    let finding = warns(&replica).unwrap();
    let mut client = replica.client();
    for statement in statements(finding["remedy"].as_str().unwrap()) {
        client.batch_execute(statement).unwrap();
    }
    drop(client);
    assert_eq!(warns(&replica), None);
    replica.upgrade(&[]).code(0);
}

/// `off`: the server answers before anything is on its disk. An upgrade, or a rollback, that was reported stays all the same.
#[test]
fn what_was_reported_survives_a_crash() {
    let mut server = server(&[("wal_writer_delay", "10s"), ("wal_writer_flush_after", "0")]);
    let replica = replica(&server, "off");
    let version = "SELECT t_version FROM sch_chameleon.v_version";
    replica.upgrade(&[]).code(0);
    server.kill().unwrap();
    server.restart().unwrap();
    assert_eq!(replica.value(version), "2.0.10");
    replica.command(&["rollback", "--yes"]).assert().code(0);
    server.kill().unwrap();
    server.restart().unwrap();
    assert_eq!(replica.value(version), "1.7");
}
