//! A prepared transaction has locks and no process: it is named, with how to end it. §report-11.

use crate::replica::{Replica, demo_source, shown};
use chameleon_harness::chameleon::home::{Home, configuration};
use chameleon_harness::seed::Seed;
use chameleon_harness::server::{LocalOptions, LocalServer, Server, local};
use std::process::Output;

fn server() -> LocalServer {
    let settings = vec![("max_prepared_transactions".to_owned(), "5".to_owned())];
    local(&LocalOptions { settings, ..LocalOptions::default() }).unwrap()
}

fn replica(server: &LocalServer) -> Replica {
    let database = server.create_database().unwrap();
    let source = demo_source().with("lock_timeout", "200ms");
    let home = Home::new(&configuration(database.address(), database.name(), &[source])).unwrap();
    let replica = Replica { database, home };
    Seed::demo().create(&mut replica.client()).unwrap();
    replica
}

fn prepare(replica: &Replica, statement: &str) {
    replica.sql(&format!("BEGIN; {statement}; PREPARE TRANSACTION 'it''s forgotten'"));
}

/// What was shown, on one line.
fn told(output: &Output, code: i32) -> String {
    let shown = shown(output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(code), "{shown}");
    shown
}

/// Carries out the remedy as it was told.
fn end(replica: &Replica, shown: &str) {
    let start = shown.find("ROLLBACK PREPARED").unwrap_or_else(|| panic!("{shown}"));
    replica.sql(shown[start..].split_once(';').unwrap().0);
}

#[test]
fn it_is_named_by_check_and_when_the_lock_is_asked_for() {
    let server = server();
    let replica = replica(&server);
    prepare(&replica, "UPDATE sch_chameleon.t_sources SET enm_status = enm_status");
    let shown = told(&replica.command(&["check"]).output().unwrap(), 0);
    assert!(
        shown.contains("locks") && shown.contains("the prepared transaction 'it''s forgotten'"),
        "{shown}"
    );
    let shown = told(&replica.command(&["upgrade", "--dry-run"]).output().unwrap(), 4);
    let held = shown.split_once("lock_timeout").unwrap().1;
    assert!(held.contains("the prepared transaction 'it''s forgotten' of the role postgres"), "{shown}");
    end(&replica, held);
    let shown = told(&replica.command(&["check"]).output().unwrap(), 0);
    assert!(!shown.contains("the prepared transaction"), "{shown}");
    replica.upgrade(&[]).code(0);
}

#[test]
fn a_session_is_named_by_check_too() {
    let server = server();
    let replica = replica(&server);
    let mut other = replica.client();
    let pid: i32 = other.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE sch_chameleon.t_sources IN SHARE MODE").unwrap();
    let shown = told(&replica.command(&["check"]).output().unwrap(), 0);
    assert!(shown.contains(&format!("server process {pid}")), "{shown}");
    let start = shown.find("SELECT pg_terminate_backend").unwrap_or_else(|| panic!("{shown}"));
    replica.sql(shown[start..].split_once(';').unwrap().0);
    let shown = told(&replica.command(&["check"]).output().unwrap(), 0);
    assert!(!shown.contains("server process"), "{shown}");
    // Readers are in nobody's way.
    let mut other = replica.client();
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("SELECT * FROM sch_chameleon.t_sources").unwrap();
    let shown = told(&replica.command(&["check"]).output().unwrap(), 0);
    assert!(!shown.contains("server process"), "{shown}");
}

#[test]
fn it_is_named_when_the_replay_waits_for_it() {
    let server = server();
    for method in ["sets", "function"] {
        let replica = replica(&server);
        prepare(&replica, "LOCK TABLE shop.customers IN SHARE MODE");
        let arguments = ["upgrade", "--yes", "--replay", method];
        let shown = told(&replica.command(&arguments).output().unwrap(), 4);
        assert!(shown.contains("the prepared transaction 'it''s forgotten'"), "{shown}");
        end(&replica, &shown);
        replica.upgrade(&[]).code(0);
    }
}

#[test]
fn it_is_named_when_a_rollback_waits_for_it() {
    let server = server();
    let replica = replica(&server);
    replica.upgrade(&[]).code(0);
    for table in ["sch_chameleon.t_sources", "_sch_chameleon_version1.t_sources"] {
        prepare(&replica, &format!("UPDATE {table} SET enm_status = enm_status"));
        let shown = told(&replica.command(&["rollback", "--yes"]).output().unwrap(), 3);
        assert!(shown.contains("the prepared transaction 'it''s forgotten'"), "{shown}");
        end(&replica, &shown);
    }
    replica.command(&["rollback", "--yes"]).assert().code(0);
}
