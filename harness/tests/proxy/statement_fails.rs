//! A statement that fails is failed by the server itself, in the transaction it belongs to.

use std::io::Write;

use postgres::Client;

use chameleon_harness::fault::{Fault, MessageKind, Occurrence, Place, SqlState};

use super::{Fixture, code, learn, number_of};

const SQLSTATES: [&str; 6] = ["53100", "57014", "40P01", "53200", "55P03", "disk_full"];

fn fails(place: u64, sqlstate: &str) -> (Fault, SqlState) {
    let sqlstate: SqlState = sqlstate.parse().unwrap();
    (Fault::statement_fails(Place::message(place), sqlstate.clone()), sqlstate)
}

/// The two ways to run a statement.
type Way = fn(&mut Client, i32) -> Result<(), postgres::Error>;

/// Each with those of its messages whose answers the library looks at. An extended statement is Parse, Describe,
/// Sync, Bind, Execute, Sync; for the first Sync see
/// [`a_failing_sync_that_the_library_does_not_look_at_shows_in_the_transaction`].
const WAYS: [(Way, &[u64]); 2] = [(simply, &[1]), (extendedly, &[1, 2, 4, 5, 6])];

fn simply(client: &mut Client, id: i32) -> Result<(), postgres::Error> {
    client.batch_execute(&format!("INSERT INTO t VALUES ({id})"))
}

fn extendedly(client: &mut Client, id: i32) -> Result<(), postgres::Error> {
    client.execute("INSERT INTO t VALUES ($1)", &[&id]).map(drop)
}

#[test]
fn outside_of_a_transaction_only_the_statement_fails() {
    for (way, places) in WAYS {
        for (&place, name) in places.iter().zip(SQLSTATES) {
            let fixture = Fixture::new();
            let (fault, sqlstate) = fails(place, name);
            let proxy = fixture.proxy(vec![fault]);
            let mut client = fixture.client(&proxy);
            assert_eq!(code(&way(&mut client, 1).unwrap_err()), sqlstate.code(), "message {place}");
            way(&mut client, 2).unwrap();
            assert_eq!(fixture.ids(), [2], "message {place}");
            proxy.finish().all_happened().unwrap();
        }
    }
}

#[test]
fn in_a_transaction_the_transaction_fails_and_savepoints_hold() {
    for (way, places) in WAYS {
        for (&place, name) in places.iter().zip(SQLSTATES) {
            let fixture = Fixture::new();
            let (fault, sqlstate) = fails(3 + place, name);
            let proxy = fixture.proxy(vec![fault]);
            let mut client = fixture.client(&proxy);
            client.batch_execute("BEGIN").unwrap();
            client.batch_execute("INSERT INTO t VALUES (1)").unwrap();
            client.batch_execute("SAVEPOINT step").unwrap();
            assert_eq!(code(&way(&mut client, 2).unwrap_err()), sqlstate.code(), "message {place}");
            assert_eq!(code(&way(&mut client, 3).unwrap_err()), "25P02", "message {place}");
            client.batch_execute("ROLLBACK TO SAVEPOINT step").unwrap();
            way(&mut client, 4).unwrap();
            client.batch_execute("COMMIT").unwrap();
            assert_eq!(fixture.ids(), [1, 4], "message {place}");
            proxy.finish().all_happened().unwrap();
        }
    }
}

#[test]
fn a_failing_sync_that_the_library_does_not_look_at_shows_in_the_transaction() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![fails(4, "53100").0]);
    let mut client = fixture.client(&proxy);
    client.batch_execute("BEGIN").unwrap();
    let error = extendedly(&mut client, 1).unwrap_err();
    assert_eq!(code(&error), "25P02");
    proxy.finish().all_happened().unwrap();
}

#[test]
fn every_sqlstate_comes_from_the_server() {
    let fixture = Fixture::new();
    let (faults, sqlstates): (Vec<_>, Vec<_>) = (1..).zip(SQLSTATES).map(|(n, name)| fails(n, name)).unzip();
    let proxy = fixture.proxy(faults);
    let mut client = fixture.client(&proxy);
    for sqlstate in sqlstates {
        let error = client.batch_execute("SELECT 1").unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), sqlstate.code());
        assert!(error.message().starts_with("injected fault"), "{error}");
        assert_eq!(error.routine(), Some("exec_stmt_raise"), "raised by the server's own PL/pgSQL");
    }
    proxy.finish().all_happened().unwrap();
}

#[test]
fn a_failing_commit_undoes_and_ends_the_transaction() {
    let fixture = Fixture::new();
    let (fault, _) = fails(3, "disk_full");
    let proxy = fixture.proxy(vec![fault]);
    let mut client = fixture.client(&proxy);
    client.batch_execute("BEGIN").unwrap();
    client.batch_execute("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(code(&client.batch_execute("COMMIT").unwrap_err()), "53100");
    client.batch_execute("INSERT INTO t VALUES (2)").unwrap();
    assert_eq!(fixture.ids(), [2]);
    proxy.finish().all_happened().unwrap();
}

#[test]
fn a_failing_rollback_to_a_savepoint_leaves_the_transaction_failed() {
    let fixture = Fixture::new();
    let (fault, _) = fails(4, "out_of_memory");
    let proxy = fixture.proxy(vec![fault]);
    let mut client = fixture.client(&proxy);
    client.batch_execute("BEGIN").unwrap();
    client.batch_execute("SAVEPOINT step").unwrap();
    client.batch_execute("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(code(&client.batch_execute("ROLLBACK TO step").unwrap_err()), "53200");
    assert_eq!(code(&client.batch_execute("SELECT 1").unwrap_err()), "25P02");
    proxy.finish().all_happened().unwrap();
}

#[test]
fn in_a_failed_transaction_the_server_has_its_own_error_and_the_fault_is_missed() {
    let fixture = Fixture::new();
    let (fault, _) = fails(3, "disk_full");
    let proxy = fixture.proxy(vec![fault]);
    let mut client = fixture.client(&proxy);
    client.batch_execute("BEGIN").unwrap();
    client.batch_execute("SELECT 1 / 0").unwrap_err();
    assert_eq!(code(&client.batch_execute("ROLLBACK").unwrap_err()), "25P02");
    client.batch_execute("ROLLBACK").unwrap();
    let transcript = proxy.finish();
    assert!(!transcript.happened(0));
    let missed = transcript.all_happened().unwrap_err().to_string();
    assert!(missed.contains("failed already"), "{missed}");
}

#[test]
fn a_fault_happens_once_and_at_its_place_in_the_step() {
    let fixture = Fixture::new();
    let fault = Fault::statement_fails(Place::in_step("install", 2), "53100".parse().unwrap());
    let proxy = fixture.proxy(vec![fault]);
    let mut client = fixture.client(&proxy);
    for sql in ["BEGIN", "SAVEPOINT lock", "INSERT INTO t VALUES (1)", "SAVEPOINT install"] {
        client.batch_execute(sql).unwrap();
    }
    assert_eq!(code(&client.batch_execute("INSERT INTO t VALUES (2)").unwrap_err()), "53100");
    for sql in ["ROLLBACK TO install", "SAVEPOINT install", "INSERT INTO t VALUES (3)", "COMMIT"] {
        client.batch_execute(sql).unwrap();
    }
    assert_eq!(fixture.ids(), [1, 3]);
    assert_eq!(proxy.finish().faults[0].occurrence, Occurrence::Happened { message: 5 });
}

#[test]
fn a_fault_that_was_not_reached_is_told() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![fails(1, "53100").0, fails(9, "53100").0]);
    fixture.client(&proxy).batch_execute("SELECT 1").unwrap_err();
    let transcript = proxy.finish();
    assert!(transcript.happened(0) && !transcript.happened(1) && !transcript.happened(2));
    let missed = transcript.all_happened().unwrap_err().to_string();
    assert!(missed.contains("at message 9") && missed.contains("only 2 messages"), "{missed}");
}

fn copy(client: &mut Client) -> Result<u64, postgres::Error> {
    let mut writer = client.copy_in("COPY t FROM STDIN")?;
    writer.write_all(b"1\tone\n2\ttwo\n").unwrap();
    writer.finish()
}

#[test]
fn a_copy_fails_at_its_data_as_only_a_copy_can() {
    let fixture = Fixture::new();
    let messages = learn(&fixture, |client| assert_eq!(copy(client).unwrap(), 2)).messages;
    for kind in [MessageKind::CopyData, MessageKind::CopyDone] {
        let place = messages.iter().find(|message| message.kind == kind).unwrap().number;
        for (sqlstate, happens) in [("cancelled", true), ("disk_full", false)] {
            let proxy = fixture.proxy(vec![fails(place, sqlstate).0]);
            let mut client = fixture.client(&proxy);
            assert_eq!(code(&copy(&mut client).unwrap_err()), "57014", "{kind:?}");
            client.batch_execute("SELECT 1").unwrap();
            assert_eq!(client.query_one("SELECT count(*) FROM t", &[]).unwrap().get::<_, i64>(0), 0);
            assert_eq!(proxy.finish().happened(0), happens, "{kind:?} {sqlstate}");
        }
    }
}

#[test]
fn a_copy_fails_at_its_start_with_any_sqlstate() {
    let fixture = Fixture::new();
    let place = number_of(&learn(&fixture, |client| assert_eq!(copy(client).unwrap(), 2)), "COPY");
    // Parse and Describe; the library gets out of step by itself when Bind or Execute of a COPY fails.
    for place in [place, place + 1] {
        let proxy = fixture.proxy(vec![fails(place, "disk_full").0]);
        let mut client = fixture.client(&proxy);
        assert_eq!(code(&copy(&mut client).unwrap_err()), "53100", "message {place}");
        assert_eq!(copy(&mut client).unwrap(), 2);
        client.batch_execute("TRUNCATE t").unwrap();
        proxy.finish().all_happened().unwrap();
    }
}
