//! A message is held while something happens; then it goes on, unless somebody is gone.

use std::fs;
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use postgres::NoTls;
use secrecy::ExposeSecret;

use chameleon_harness::fault::{ActionError, Fault, Place, Proxy, Resume};
use chameleon_harness::server::{self, LocalOptions, Server};

use super::raw::{Raw, query};
use super::{Fixture, code, through};

#[test]
fn what_is_done_meanwhile_comes_before_the_message() {
    let fixture = Fixture::new();
    let mut other = fixture.direct();
    let action = move || {
        other.batch_execute("ALTER TABLE t DROP COLUMN note")?;
        Ok(Resume::Forward)
    };
    let proxy = fixture.proxy(vec![Fault::hold(Place::message(2), "drop a column", action)]);
    let mut client = fixture.client(&proxy);
    client.batch_execute("SELECT note FROM t").unwrap();
    assert_eq!(code(&client.batch_execute("SELECT note FROM t").unwrap_err()), "42703");
    client.batch_execute("SELECT id FROM t").unwrap();
    proxy.finish().all_happened().unwrap();
}

#[test]
fn an_extended_message_is_held_when_all_before_it_is_answered() {
    // Parse, Describe, Sync, Bind, Execute, Sync
    for place in 4..=5 {
        let fixture = Fixture::new();
        let mut other = fixture.direct();
        let action = move || {
            other.batch_execute("INSERT INTO t VALUES (7)")?;
            Ok(Resume::Forward)
        };
        let proxy = fixture.proxy(vec![Fault::hold(Place::message(place), "insert", action)]);
        let mut client = fixture.client(&proxy);
        let error = client.execute("INSERT INTO t VALUES ($1)", &[&7]).unwrap_err();
        assert_eq!(code(&error), "23505", "message {place}");
        proxy.finish().all_happened().unwrap();
    }
}

#[test]
fn other_connections_go_on_meanwhile() {
    let fixture = Fixture::new();
    let (go, held) = std::sync::mpsc::channel::<()>();
    let action = move || {
        held.recv()?;
        Ok(Resume::Forward)
    };
    let proxy = fixture.proxy(vec![Fault::hold(Place::message(1), "wait", action)]);
    let mut first = fixture.client(&proxy);
    let first = std::thread::spawn(move || first.batch_execute("INSERT INTO t VALUES (1)"));
    while proxy.transcript().messages.is_empty() {
        std::thread::yield_now();
    }
    fixture.client(&proxy).batch_execute("INSERT INTO t VALUES (2)").unwrap();
    assert_eq!(fixture.ids(), [2]);
    go.send(()).unwrap();
    first.join().unwrap().unwrap();
    assert_eq!(fixture.ids(), [1, 2]);
    proxy.finish().all_happened().unwrap();
}

#[test]
fn an_action_may_ask_for_the_cut() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![Fault::hold(Place::message(1), "cut", || Ok(Resume::Cut))]);
    assert!(fixture.client(&proxy).batch_execute("INSERT INTO t VALUES (1)").is_err());
    proxy.finish().all_happened().unwrap();
    assert_eq!(fixture.ids(), [0; 0]);
}

#[test]
fn an_action_that_fails_or_panics_is_told_and_the_message_goes_on() {
    let failing: fn() -> Result<Resume, ActionError> = || Err("no such lock".into());
    let panicking: fn() -> Result<Resume, ActionError> = || panic!("a panic in an action");
    for (action, says) in [(failing, "no such lock"), (panicking, "a panic in an action")] {
        let fixture = Fixture::new();
        let proxy = fixture.proxy(vec![Fault::hold(Place::message(1), "nothing", action)]);
        fixture.client(&proxy).batch_execute("INSERT INTO t VALUES (1)").unwrap();
        let missed = proxy.finish().all_happened().unwrap_err().to_string();
        assert!(missed.contains(says), "{missed}");
        assert_eq!(fixture.ids(), [1]);
    }
}

#[test]
fn faults_at_one_message_happen_in_their_order() {
    let fixture = Fixture::new();
    let mut other = fixture.direct();
    let action = move || {
        other.batch_execute("INSERT INTO t VALUES (1)")?;
        Ok(Resume::Forward)
    };
    let at = || Place::message(1);
    let proxy = fixture.proxy(vec![Fault::hold(at(), "insert", action), Fault::cut_before(at())]);
    assert!(fixture.client(&proxy).batch_execute("INSERT INTO t VALUES (2)").is_err());
    proxy.finish().all_happened().unwrap();
    assert_eq!(fixture.ids(), [1]);
}

/// A psql that is gone when the test is.
struct Psql(Child);

impl Psql {
    fn start(fixture: &Fixture, proxy: &Proxy, statements: &[&str]) -> Self {
        let address = fixture.database.address();
        let mut command = Command::new(server::shared().unwrap().binaries().unwrap().join("psql"));
        command.args(["-X", "-q"]).env("PGPASSWORD", address.password.expose_secret());
        command.arg(format!(
            "host=127.0.0.1 port={} user={} dbname={} sslmode=disable gssencmode=disable",
            proxy.address().port(),
            address.user,
            fixture.database.name()
        ));
        for sql in statements {
            command.args(["-c", sql]);
        }
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_message_of_a_client_killed_meanwhile_never_arrives() {
    let fixture = Fixture::new();
    let psql = Arc::new(Mutex::new(None::<Psql>));
    let victim = Arc::clone(&psql);
    let action = move || {
        // Not before the test has put it there.
        while victim.lock().unwrap().take().is_none() {
            std::thread::yield_now();
        }
        Ok(Resume::Forward)
    };
    let proxy = fixture.proxy(vec![Fault::hold(Place::message(3), "kill_client", action)]);
    let statements = ["BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"];
    *psql.lock().unwrap() = Some(Psql::start(&fixture, &proxy, &statements));
    while psql.lock().unwrap().is_some() {
        std::thread::yield_now();
    }
    let transcript = proxy.finish();
    transcript.all_happened().unwrap();
    assert_eq!(transcript.messages.len(), 3);
    assert_eq!(fixture.ids(), [0; 0]);
    fixture.direct().batch_execute("BEGIN; LOCK TABLE t NOWAIT").unwrap();
}

#[test]
fn the_message_of_a_client_gone_a_moment_before_the_action_ends_never_arrives() {
    let fixture = Fixture::new();
    for _ in 0..200 {
        let stream = Arc::new(Mutex::new(None::<TcpStream>));
        let end = Arc::clone(&stream);
        let action = move || {
            end.lock().unwrap().take().ok_or("no stream")?.shutdown(Shutdown::Both)?;
            Ok(Resume::Forward)
        };
        let proxy = fixture.proxy(vec![Fault::hold(Place::message(1), "close", action)]);
        let mut raw = Raw::connect(&fixture, &proxy);
        *stream.lock().unwrap() = Some(raw.stream());
        raw.send(&query("INSERT INTO t VALUES (1)"));
        assert_eq!(raw.rest(), "");
        proxy.finish().all_happened().unwrap();
        assert_eq!(fixture.ids(), [0; 0]);
    }
}

#[test]
fn a_server_killed_and_restarted_meanwhile_is_a_lost_connection() {
    let server = Arc::new(Mutex::new(server::local(&LocalOptions::default()).unwrap()));
    let address = server.lock().unwrap().address().clone();
    let database = server.lock().unwrap().create_database().unwrap();
    database.connect().unwrap().batch_execute("CREATE TABLE t (id int)").unwrap();
    let victim = Arc::clone(&server);
    let action = move || {
        let mut server = victim.lock().unwrap();
        server.kill()?;
        server.restart()?;
        Ok(Resume::Forward)
    };
    let fault = Fault::hold(Place::message(3), "crash_server", action);
    let proxy = Proxy::start((address.host.as_str(), address.port), vec![fault]).unwrap();
    let config = through(&address, &proxy).config(database.name());
    let mut client = config.connect(NoTls).unwrap();
    client.batch_execute("BEGIN").unwrap();
    client.batch_execute("INSERT INTO t VALUES (1)").unwrap();
    assert!(client.batch_execute("COMMIT").is_err());
    // The client knows before the server is back.
    let mut client = loop {
        if let Ok(client) = config.connect(NoTls) {
            break client;
        }
    };
    assert_eq!(client.query_one("SELECT count(*) FROM t", &[]).unwrap().get::<_, i64>(0), 0);
    let transcript = proxy.finish();
    transcript.all_happened().unwrap();
    assert_eq!(transcript.messages[3].number, 4);
}

#[test]
fn a_server_frozen_and_thawed_meanwhile_goes_on() {
    let server = Arc::new(Mutex::new(server::local(&LocalOptions::default()).unwrap()));
    let address = server.lock().unwrap().address().clone();
    let victim = Arc::clone(&server);
    let action = move || {
        let mut server = victim.lock().unwrap();
        server.freeze()?;
        server.thaw()?;
        Ok(Resume::Forward)
    };
    let fault = Fault::hold(Place::message(1), "freeze_server", action);
    let proxy = Proxy::start((address.host.as_str(), address.port), vec![fault]).unwrap();
    let mut client = through(&address, &proxy).config("postgres").connect(NoTls).unwrap();
    client.batch_execute("SELECT 1").unwrap();
    proxy.finish().all_happened().unwrap();
}

#[test]
fn the_end_of_the_proxy_waits_for_an_action_under_way() {
    let fixture = Fixture::new();
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("done");
    let written = trace.clone();
    let (began, begins) = std::sync::mpsc::channel();
    let action = move || {
        began.send(())?;
        std::thread::sleep(std::time::Duration::from_millis(300));
        fs::write(&written, "")?;
        Ok(Resume::Forward)
    };
    let proxy = fixture.proxy(vec![Fault::hold(Place::message(1), "slow", action)]);
    let mut client = fixture.client(&proxy);
    let client = std::thread::spawn(move || client.batch_execute("INSERT INTO t VALUES (1)"));
    begins.recv().unwrap();
    proxy.finish().all_happened().unwrap();
    assert!(trace.exists());
    assert!(client.join().unwrap().is_err());
    assert_eq!(fixture.ids(), [0; 0]);
}
