//! Without faults, nobody notices the proxy; the transcript tells what passed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use postgres::{Client, NoTls};
use secrecy::ExposeSecret;

use chameleon_harness::fault::{MessageKind, Proxy, Transcript};
use chameleon_harness::process::tools;
use chameleon_harness::server::{self, Server, build};

use super::{Fixture, code};

#[test]
fn large_messages_and_results_pass() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let mut client = fixture.client(&proxy);
    let text = "pg".repeat(3_000_000);
    let row = client.query_one("SELECT $1::text || '!'", &[&text]).unwrap();
    assert_eq!(row.get::<_, String>(0), format!("{text}!"));
    let sql = format!("SELECT length('{text}')");
    assert_eq!(client.query_one(&sql, &[]).unwrap().get::<_, i32>(0), 6_000_000);
    let rows = client.query("SELECT n, repeat('x', 50) FROM generate_series(1, 200000) n", &[]).unwrap();
    assert!((1..=200_000).eq(rows.iter().map(|row| row.get::<_, i32>(0))));
    let simple = client.simple_query("SELECT 1; SELECT 2").unwrap();
    assert_eq!(simple.len(), 6);
}

#[test]
fn copy_passes_both_ways() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let mut client = fixture.client(&proxy);
    let mut data = String::new();
    for id in 1..=100_000 {
        data += &format!("{id}\tnote {id}\n");
    }
    let mut writer = client.copy_in("COPY t FROM STDIN").unwrap();
    writer.write_all(data.as_bytes()).unwrap();
    assert_eq!(writer.finish().unwrap(), 100_000);
    let mut back = String::new();
    let select = "COPY (SELECT * FROM t ORDER BY id) TO STDOUT";
    client.copy_out(select).unwrap().read_to_string(&mut back).unwrap();
    assert!(back == data, "the copy differs");
    let given_up = client.copy_in("COPY t FROM STDIN").unwrap();
    drop(given_up);
    assert_eq!(client.query_one("SELECT count(*) FROM t", &[]).unwrap().get::<_, i64>(0), 100_000);
}

#[test]
fn errors_pass_and_the_session_goes_on() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let mut client = fixture.client(&proxy);
    assert_eq!(code(&client.query("SELECT 1 / $1::int", &[&0]).unwrap_err()), "22012");
    assert_eq!(code(&client.batch_execute("SELECT 1 / 0").unwrap_err()), "22012");
    assert_eq!(code(&client.query("SELECT wrong", &[]).unwrap_err()), "42703");
    assert_eq!(client.query_one("SELECT 1", &[]).unwrap().get::<_, i32>(0), 1);
}

fn conversation(client: &mut Client) {
    client.batch_execute("SET lock_timeout = '1min'").unwrap();
    let insert = client.prepare("INSERT INTO t VALUES ($1, $2)").unwrap();
    let mut transaction = client.transaction().unwrap();
    transaction.execute(&insert, &[&1, &"one"]).unwrap();
    let mut step = transaction.savepoint("copy").unwrap();
    let mut writer = step.copy_in("COPY t FROM STDIN").unwrap();
    writer.write_all(b"2\ttwo\n").unwrap();
    writer.finish().unwrap();
    step.query("SELECT * FROM t WHERE id = ANY ($1::int[])", &[&vec![1, 2]]).unwrap();
    step.commit().unwrap();
    transaction.commit().unwrap();
    client.simple_query("SELECT 1").unwrap();
}

fn run(fixture: &Fixture) -> Transcript {
    super::learn(fixture, conversation)
}

#[test]
fn equal_runs_have_equal_transcripts() {
    let fixture = Fixture::new();
    let first = run(&fixture);
    for _ in 0..20 {
        assert_eq!(run(&fixture), first);
    }
}

#[test]
fn every_message_is_counted_with_its_kind_and_step() {
    use MessageKind::{Bind, Close, CopyData, CopyDone, Describe, Execute, Parse, Query, Sync, Terminate};
    let fixture = Fixture::new();
    let transcript = run(&fixture);
    let kinds: Vec<_> = transcript.messages.iter().map(|message| message.kind).collect();
    let expected = [
        &[Query][..],                                               // SET
        &[Parse, Describe, Sync],                                   // INSERT
        &[Query],                                                   // START TRANSACTION
        &[Bind, Execute, Sync],                                     // INSERT
        &[Query],                                                   // SAVEPOINT copy
        &[Parse, Describe, Sync, Bind, Execute, Sync],              // COPY
        &[CopyData, CopyDone, Sync, Close, Sync],                   // its data
        &[Parse, Describe, Sync, Bind, Execute, Sync, Close, Sync], // SELECT
        &[Query],                                                   // RELEASE
        &[Query],                                                   // COMMIT
        &[Query],                                                   // SELECT 1
        &[Close, Sync, Terminate],
    ]
    .concat();
    assert_eq!(kinds, expected);
    let numbers: Vec<_> = transcript.messages.iter().map(|message| message.number).collect();
    assert!((1..=expected.len() as u64).eq(numbers));
    let steps: Vec<_> = transcript.messages.iter().filter_map(|message| message.step.clone()).collect();
    let (commit, copy) = steps.split_last().unwrap();
    assert_eq!((commit.name.as_str(), commit.number), ("commit", 1));
    assert!(copy.iter().all(|step| step.name == "copy"));
    assert!((1..=21).eq(copy.iter().map(|step| step.number)), "{steps:?}");
    assert_eq!(transcript.messages[8].sql.as_deref(), Some("SAVEPOINT copy"));
    assert_eq!(transcript.messages[8].step.as_ref().unwrap().number, 1);
}

#[test]
fn numbers_go_on_over_connections() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let mut first = fixture.client(&proxy);
    first.batch_execute("SELECT 1").unwrap();
    let mut second = fixture.client(&proxy);
    second.batch_execute("SELECT 2").unwrap();
    first.batch_execute("SELECT 3").unwrap();
    let transcript = proxy.finish();
    let seen: Vec<_> =
        transcript.messages.iter().map(|message| (message.number, message.connection)).collect();
    assert_eq!(seen, [(1, 1), (2, 2), (3, 1)]);
    assert_eq!(transcript.connections, 2);
}

#[test]
fn passwords_leave_no_trace() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    fixture.client(&proxy).batch_execute("SELECT 1").unwrap();
    let transcript = proxy.finish();
    assert_eq!(transcript.messages[0].kind, MessageKind::Query, "{transcript:?}");
    let proxy = fixture.proxy(vec![]);
    let mut wrong = fixture.config(&proxy);
    wrong.password("not the password");
    assert_eq!(code(&wrong.connect(NoTls).err().unwrap()), "28P01");
    let transcript = proxy.finish();
    assert!(transcript.messages.is_empty() && transcript.connections == 1, "{transcript:?}");
}

/// Runs psql, which asks for TLS and GSSAPI as libpq does.
fn psql(fixture: &Fixture, proxy: &Proxy, sslmode: &str) -> Output {
    let address = fixture.database.address();
    Command::new(server::shared().unwrap().binaries().unwrap().join("psql"))
        .args(["-X", "-A", "-t", "-c", "SELECT 6 * 7"])
        .arg(format!(
            "host=127.0.0.1 port={} user={} dbname={} sslmode={sslmode} gssencmode=disable",
            proxy.address().port(),
            address.user,
            fixture.database.name()
        ))
        .env("PGPASSWORD", address.password.expose_secret())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn tls_is_refused_and_the_client_goes_on_if_it_may() {
    let fixture = Fixture::new();
    let has_tls = build::has_tls(&mut fixture.database.connect().unwrap());
    if tools::of_postgres_or_skip("tls_is_refused_and_the_client_goes_on_if_it_may", has_tls).is_none() {
        return;
    }
    let proxy = fixture.proxy(vec![]);
    let preferred = psql(&fixture, &proxy, "prefer");
    assert_eq!(String::from_utf8_lossy(&preferred.stdout).trim(), "42", "{preferred:?}");
    let required = psql(&fixture, &proxy, "require");
    assert!(!required.status.success());
    assert!(String::from_utf8_lossy(&required.stderr).contains("SSL"), "{required:?}");
    let transcript = proxy.finish();
    assert_eq!((transcript.tls_requests, transcript.connections), (2, 1));
}

#[test]
fn gssapi_encryption_is_refused() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 48]).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"N");
    drop(stream);
    assert_eq!(proxy.finish().gss_requests, 1);
}

#[test]
fn requests_to_cancel_reach_the_server() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let mut client = fixture.client(&proxy);
    let token = client.cancel_token();
    let sleeper = thread::spawn(move || client.batch_execute("SELECT pg_sleep(600)").unwrap_err());
    let mut observer = fixture.direct();
    let sleeping = "SELECT count(*) FROM pg_stat_activity \
                    WHERE datname = current_database() AND wait_event = 'PgSleep'";
    while observer.query_one(sleeping, &[]).unwrap().get::<_, i64>(0) == 0 {
        thread::yield_now();
    }
    token.cancel_query(NoTls).unwrap();
    assert_eq!(code(&sleeper.join().unwrap()), "57014");
    assert_eq!(proxy.finish().cancel_requests, 1);
}

#[test]
fn without_a_server_connections_are_closed() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Proxy::start(nobody, vec![]).unwrap();
    let fixture = Fixture::new();
    assert!(fixture.config(&proxy).connect(NoTls).is_err());
    assert_eq!(proxy.finish().unreachable, 1);
}

#[test]
fn what_is_not_postgresql_is_turned_away() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    assert_eq!(proxy.finish().connections, 0);
}

#[test]
fn the_end_of_the_proxy_ends_its_connections() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let place = proxy.address();
    let mut client = fixture.client(&proxy);
    client.batch_execute("BEGIN; LOCK TABLE t").unwrap();
    drop(proxy);
    assert!(client.batch_execute("COMMIT").is_err() && client.is_closed());
    assert!(TcpStream::connect(place).is_err());
    fixture.direct().batch_execute("LOCK TABLE t NOWAIT").unwrap_err();
}

#[test]
fn the_end_of_the_proxy_does_not_wait_for_a_busy_server() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let mut client = fixture.client(&proxy);
    let (done, ended) = mpsc::channel();
    let worker = thread::spawn(move || {
        let outcome = client.batch_execute("SELECT pg_sleep(600)");
        done.send(()).unwrap();
        outcome
    });
    while proxy.transcript().messages.is_empty() {
        thread::yield_now();
    }
    drop(proxy);
    ended.recv().unwrap();
    assert!(worker.join().unwrap().is_err());
}
