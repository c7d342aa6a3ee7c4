//! Cut connections: what had reached the server is decided by the kind of cut, not by luck.

use postgres::Client;

use chameleon_harness::fault::{Fault, Place};

use super::{Fixture, learn, number_of};

fn insert_and_commit(client: &mut Client) -> Result<(), postgres::Error> {
    let mut transaction = client.transaction()?;
    transaction.execute("INSERT INTO t VALUES ($1)", &[&1])?;
    transaction.commit()
}

/// Runs the transaction with a cut at its COMMIT; gives what is in the table afterwards.
fn commit_cut(cut: fn(Place) -> Fault) -> Vec<i32> {
    let fixture = Fixture::new();
    let commit = number_of(&learn(&fixture, |client| insert_and_commit(client).unwrap()), "COMMIT");
    let proxy = fixture.proxy(vec![cut(Place::message(commit))]);
    let mut client = fixture.client(&proxy);
    let error = insert_and_commit(&mut client).unwrap_err();
    assert!(error.code().is_none() && client.is_closed(), "{error}");
    proxy.finish().all_happened().unwrap();
    fixture.ids()
}

#[test]
fn a_commit_cut_before_is_not_done() {
    for _ in 0..10 {
        assert_eq!(commit_cut(Fault::cut_before), [0; 0]);
    }
}

#[test]
fn a_commit_cut_after_is_done() {
    for _ in 0..10 {
        assert_eq!(commit_cut(Fault::cut_after), [1]);
    }
}

#[test]
fn a_commit_cut_during_is_done_by_the_server_alone() {
    for _ in 0..10 {
        assert_eq!(commit_cut(Fault::cut_during), [1]);
    }
}

#[test]
fn a_statement_cut_after_without_transaction_is_done() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![Fault::cut_after(Place::message(1))]);
    let slow = "INSERT INTO t SELECT 1 FROM pg_sleep(0.2)";
    assert!(fixture.client(&proxy).batch_execute(slow).is_err());
    // Done before the client knows of the cut, hence without waiting for the proxy's end.
    assert_eq!(fixture.ids(), [1]);
    proxy.finish().all_happened().unwrap();
}

#[test]
fn an_extended_statement_is_committed_by_its_sync() {
    // Parse, Describe, Sync, Bind, Execute, Sync
    let run = |client: &mut Client| client.execute("INSERT INTO t VALUES ($1)", &[&1]).map(drop);
    for (fault, committed) in [
        (Fault::cut_before(Place::message(5)), vec![]),
        (Fault::cut_after(Place::message(5)), vec![]),
        (Fault::cut_before(Place::message(6)), vec![]),
        (Fault::cut_after(Place::message(6)), vec![1]),
        (Fault::cut_during(Place::message(6)), vec![1]),
    ] {
        let fixture = Fixture::new();
        let name = fault.to_string();
        let proxy = fixture.proxy(vec![fault]);
        assert!(run(&mut fixture.client(&proxy)).is_err(), "{name}");
        proxy.finish().all_happened().unwrap();
        assert_eq!(fixture.ids(), committed, "{name}");
    }
}

#[test]
fn a_client_cut_off_while_the_server_works_learns_it_at_once() {
    let fixture = Fixture::new();
    let mut blocker = fixture.direct();
    blocker.batch_execute("BEGIN; LOCK TABLE t").unwrap();
    let proxy = fixture.proxy(vec![Fault::cut_during(Place::message(1))]);
    assert!(fixture.client(&proxy).batch_execute("INSERT INTO t VALUES (1)").is_err());
    let mut observer = fixture.direct();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass";
    while observer.query_one(waiting, &[]).unwrap().get::<_, i64>(0) == 0 {
        std::thread::yield_now();
    }
    assert!(proxy.transcript().happened(0));
    blocker.batch_execute("ROLLBACK").unwrap();
    drop(proxy);
    assert_eq!(fixture.ids(), [1]);
}

#[test]
fn after_a_cut_a_new_connection_goes_on_and_so_does_the_count() {
    let fixture = Fixture::new();
    let cuts = [2, 4].map(|place| Fault::cut_before(Place::message(place)));
    let proxy = fixture.proxy(cuts.into());
    for _ in 0..2 {
        let mut client = fixture.client(&proxy);
        client.batch_execute("SELECT 1").unwrap();
        assert!(client.batch_execute("SELECT 2").is_err());
    }
    fixture.client(&proxy).batch_execute("SELECT 3").unwrap();
    let transcript = proxy.finish();
    transcript.all_happened().unwrap();
    let seen: Vec<_> = transcript.messages.iter().map(|seen| (seen.number, seen.connection)).collect();
    assert_eq!(seen, [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3)]);
}

#[test]
fn a_cut_at_one_connection_leaves_the_others_alone() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![Fault::cut_before(Place::message(2))]);
    let (mut first, mut second) = (fixture.client(&proxy), fixture.client(&proxy));
    first.batch_execute("SELECT 1").unwrap();
    assert!(second.batch_execute("SELECT 2").is_err());
    first.batch_execute("SELECT 3").unwrap();
}

#[test]
fn when_the_proxy_has_ended_so_have_the_sessions_it_cut() {
    let fixture = Fixture::new();
    // A session takes its time to end when it has temporary tables to drop.
    let tables: String = (1..=300).map(|n| format!("CREATE TEMP TABLE temporary_{n} (id int);")).collect();
    for _ in 0..3 {
        let proxy = fixture.proxy(vec![Fault::cut_before(Place::message(3))]);
        let mut client = fixture.client(&proxy);
        client.batch_execute(&tables).unwrap();
        client.batch_execute("BEGIN; LOCK TABLE t").unwrap();
        assert!(client.batch_execute("COMMIT").is_err());
        drop(client);
        proxy.finish().all_happened().unwrap();
        fixture.aside("BEGIN; LOCK TABLE t NOWAIT; COMMIT");
        let sessions = "SELECT count(*) FROM pg_stat_activity \
                        WHERE datname = current_database() AND backend_type = 'client backend'";
        let left = fixture.observer.borrow_mut().query_one(sessions, &[]).unwrap().get::<_, i64>(0);
        assert_eq!(left, 1, "the observer's own and no other");
    }
}
