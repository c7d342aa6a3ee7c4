//! A client that speaks the protocol byte by byte, to send what no library would send, and what happens to it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use secrecy::ExposeSecret;

use chameleon_harness::fault::{Fault, Place, Proxy};
use chameleon_harness::server::Address;

use super::{Fixture, through};

pub struct Raw {
    stream: TcpStream,
}

/// A backend message: its type byte and body.
type Answer = (char, Vec<u8>);

impl Raw {
    pub fn connect(fixture: &Fixture, proxy: &Proxy) -> Self {
        let address = through(fixture.database.address(), proxy);
        let stream = TcpStream::connect((address.host.as_str(), address.port)).unwrap();
        // Only so that a test fails instead of waiting for ever.
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let mut raw = Self { stream };
        raw.authenticate(&address, fixture.database.name());
        raw
    }

    fn authenticate(&mut self, address: &Address, database: &str) {
        let mut bytes = BytesMut::new();
        let parameters = [("user", address.user.as_str()), ("database", database)];
        frontend::startup_message(parameters, &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
        let password = address.password.expose_secret().as_bytes();
        let mut scram = ScramSha256::new(password, ChannelBinding::unsupported());
        loop {
            let (tag, body) = self.answer();
            let mut reply = BytesMut::new();
            match (tag, body.get(..4)) {
                ('R', Some([0, 0, 0, 10])) => {
                    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut reply).unwrap();
                }
                ('R', Some([0, 0, 0, 11])) => {
                    scram.update(&body[4..]).unwrap();
                    frontend::sasl_response(scram.message(), &mut reply).unwrap();
                }
                ('R', Some([0, 0, 0, 12])) => scram.finish(&body[4..]).unwrap(),
                ('E', _) => panic!("{}", String::from_utf8_lossy(&body)),
                ('Z', _) => return,
                _ => (),
            }
            self.stream.write_all(&reply).unwrap();
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// A second handle on the client's end of the connection.
    pub fn stream(&self) -> TcpStream {
        self.stream.try_clone().unwrap()
    }

    fn answer(&mut self) -> Answer {
        self.next().expect("the connection was closed")
    }

    fn next(&mut self) -> Option<Answer> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header).ok()?;
        let length = u32::from_be_bytes(header[1..].try_into().unwrap()) as usize;
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body).ok()?;
        Some((char::from(header[0]), body))
    }

    /// Reads until the server was ready `times` times; answers in short: their type bytes, errors with their
    /// SQLSTATE, ReadyForQuery with the transaction's state.
    pub fn answers(&mut self, times: usize) -> String {
        let mut short = String::new();
        let mut ready = 0;
        while ready < times {
            let answer = self.answer();
            ready += usize::from(answer.0 == 'Z');
            short += &in_short(&answer);
        }
        short
    }

    /// What still comes before the connection is closed.
    pub fn rest(&mut self) -> String {
        std::iter::from_fn(|| self.next()).map(|answer| in_short(&answer)).collect()
    }
}

fn in_short((tag, body): &Answer) -> String {
    match tag {
        'E' => {
            let text = String::from_utf8_lossy(body);
            let code = text.split('\0').find_map(|field| field.strip_prefix('C')).unwrap();
            format!("E({code})")
        }
        'Z' => format!("Z({})", char::from(body[0])),
        _ => tag.to_string(),
    }
}

fn message(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut message = vec![tag];
    message.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    message.extend(body);
    message
}

pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), b"\0"])
}

pub fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', &[name.as_bytes(), b"\0", sql.as_bytes(), b"\0\0\0"])
}

pub fn bind(portal: &str, statement: &str) -> Vec<u8> {
    message(b'B', &[portal.as_bytes(), b"\0", statement.as_bytes(), b"\0", &[0; 6]])
}

pub fn describe(portal: &str) -> Vec<u8> {
    message(b'D', &[b"P", portal.as_bytes(), b"\0"])
}

pub fn execute(portal: &str) -> Vec<u8> {
    message(b'E', &[portal.as_bytes(), b"\0\0\0\0\0"])
}

pub fn close(portal: &str) -> Vec<u8> {
    message(b'C', &[b"P", portal.as_bytes(), b"\0"])
}

pub fn flush() -> Vec<u8> {
    message(b'H', &[])
}

pub fn sync() -> Vec<u8> {
    message(b'S', &[])
}

pub fn copy_data(data: &[u8]) -> Vec<u8> {
    message(b'd', &[data])
}

pub fn copy_done() -> Vec<u8> {
    message(b'c', &[])
}

/// Two statements and a Sync, all in one write: messages 1 to 9, by 1 Parse, 2 Bind, 3 Describe, 4 Execute,
/// 5 Parse, 6 Bind, 7 Execute, 8 Close, 9 Sync.
fn pipeline() -> Vec<u8> {
    [
        parse("", "INSERT INTO t VALUES (1) RETURNING id"),
        bind("", ""),
        describe(""),
        execute(""),
        parse("", "INSERT INTO t VALUES (2)"),
        bind("", ""),
        execute(""),
        close(""),
        sync(),
    ]
    .concat()
}

const UNDISTURBED: &str = "12TDC12C3Z(I)";

#[test]
fn a_pipeline_passes_undisturbed() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let mut raw = Raw::connect(&fixture, &proxy);
    raw.send(&pipeline());
    assert_eq!(raw.answers(1), UNDISTURBED);
    assert_eq!(proxy.finish().messages.len(), 9);
    assert_eq!(fixture.ids(), [1, 2]);
}

#[test]
fn messages_that_arrive_byte_by_byte_are_counted_whole() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let mut raw = Raw::connect(&fixture, &proxy);
    for byte in pipeline() {
        raw.send(&[byte]);
    }
    assert_eq!(raw.answers(1), UNDISTURBED);
    assert_eq!(proxy.finish().messages.len(), 9);
}

#[test]
fn a_failing_message_of_a_pipeline_is_answered_as_the_server_answers_one() {
    // What the server says before the error is what the messages before the failing one earn.
    let before = ["", "1", "12", "12T", "12TDC", "12TDC1", "12TDC12", "12TDC12C", "12TDC12C3"];
    for (place, before) in (1..).zip(before) {
        let fixture = Fixture::new();
        let fault = Fault::statement_fails(Place::message(place), "40P01".parse().unwrap());
        let proxy = fixture.proxy(vec![fault]);
        let mut raw = Raw::connect(&fixture, &proxy);
        raw.send(&[pipeline(), query("INSERT INTO t VALUES (3)")].concat());
        assert_eq!(raw.answers(2), format!("{before}E(40P01)Z(I)CZ(I)"), "message {place}");
        let transcript = proxy.finish();
        transcript.all_happened().unwrap();
        assert_eq!(transcript.messages.len(), 10);
        assert_eq!(fixture.ids(), [3], "message {place}: the pipeline is one transaction, and it failed");
    }
}

#[test]
fn within_a_transaction_a_failing_pipeline_leaves_it_failed() {
    for place in 2..=10 {
        let fixture = Fixture::new();
        let fault = Fault::statement_fails(Place::message(place), "53200".parse().unwrap());
        let proxy = fixture.proxy(vec![fault]);
        let mut raw = Raw::connect(&fixture, &proxy);
        raw.send(&query("BEGIN"));
        assert_eq!(raw.answers(1), "CZ(T)");
        raw.send(&pipeline());
        let answers = raw.answers(1);
        assert!(answers.ends_with("E(53200)Z(E)"), "message {place}: {answers}");
        raw.send(&[query("SELECT 1"), query("ROLLBACK")].concat());
        assert_eq!(raw.answers(2), "E(25P02)Z(E)CZ(I)", "message {place}");
        proxy.finish().all_happened().unwrap();
    }
}

#[test]
fn the_unnamed_statement_outlives_the_failure_of_a_later_message() {
    let fixture = Fixture::new();
    let fault = Fault::statement_fails(Place::message(4), "53100".parse().unwrap());
    let proxy = fixture.proxy(vec![fault]);
    let mut raw = Raw::connect(&fixture, &proxy);
    raw.send(&[parse("", "INSERT INTO t VALUES (1)"), sync()].concat());
    assert_eq!(raw.answers(1), "1Z(I)");
    raw.send(&[bind("", ""), execute(""), sync()].concat());
    assert_eq!(raw.answers(1), "2E(53100)Z(I)");
    raw.send(&[bind("", ""), execute(""), sync()].concat());
    assert_eq!(raw.answers(1), "2CZ(I)");
    proxy.finish().all_happened().unwrap();
    assert_eq!(fixture.ids(), [1]);
}

#[test]
fn a_failing_flush_is_answered_by_the_error() {
    let fixture = Fixture::new();
    let fault = Fault::statement_fails(Place::message(2), "53100".parse().unwrap());
    let proxy = fixture.proxy(vec![fault]);
    let mut raw = Raw::connect(&fixture, &proxy);
    raw.send(&[parse("", "INSERT INTO t VALUES (1)"), flush(), bind("", ""), execute(""), sync()].concat());
    assert_eq!(raw.answers(1), "1E(53100)Z(I)");
    proxy.finish().all_happened().unwrap();
    assert_eq!(fixture.ids(), [0; 0]);
}

#[test]
fn a_fault_where_the_server_discards_is_missed_and_says_so() {
    let fixture = Fixture::new();
    let fault = Fault::statement_fails(Place::message(3), "53100".parse().unwrap());
    let proxy = fixture.proxy(vec![fault]);
    let mut raw = Raw::connect(&fixture, &proxy);
    raw.send(&[parse("", "SELECT wrong"), bind("", ""), execute(""), sync()].concat());
    assert_eq!(raw.answers(1), "E(42703)Z(I)");
    let missed = proxy.finish().all_happened().unwrap_err().to_string();
    assert!(missed.contains("discarding"), "{missed}");
}

#[test]
fn a_cut_leaves_the_client_all_answers_before_and_nothing_after() {
    // By message: the answers that come, and what cut_after leaves in the table. All is one transaction that
    // only the Sync commits.
    for (place, before) in [(1, ""), (4, "12T"), (5, "12TDC"), (9, "12TDC12C3")] {
        for cut in [Fault::cut_before, Fault::cut_during, Fault::cut_after] {
            let fixture = Fixture::new();
            let fault = cut(Place::message(place));
            let name = fault.to_string();
            let committed: &[i32] = if place == 9 && !name.contains("before") { &[1, 2] } else { &[] };
            let proxy = fixture.proxy(vec![fault]);
            let mut raw = Raw::connect(&fixture, &proxy);
            raw.send(&pipeline());
            assert_eq!(raw.rest(), before, "{name}");
            proxy.finish().all_happened().unwrap();
            assert_eq!(fixture.ids(), committed, "{name}");
        }
    }
}

#[test]
fn a_client_that_sends_much_before_it_reads_gets_through() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let mut raw = Raw::connect(&fixture, &proxy);
    let mut writer = Raw { stream: raw.stream() };
    // Some 20 MB each way, more than all buffers between the two hold.
    let sql = format!("SELECT '{}'", "x".repeat(100_000));
    let sender = std::thread::spawn(move || (0..200).for_each(|_| writer.send(&query(&sql))));
    let answers = raw.answers(200);
    sender.join().unwrap();
    assert_eq!(answers, "TDCZ(I)".repeat(200));
    assert_eq!(proxy.finish().messages.len(), 200);
}

#[test]
fn small_messages_behind_a_large_one_get_through() {
    let fixture = Fixture::new();
    let proxy = fixture.proxy(vec![]);
    let sql = format!("SELECT length('{}')", "x".repeat(8_000_000));
    for _ in 0..8 {
        // A new connection has small buffers: the small messages wait in the proxy for the large one to go.
        let mut raw = Raw::connect(&fixture, &proxy);
        raw.send(&[parse("", &sql), bind("", ""), execute(""), sync()].concat());
        assert_eq!(raw.answers(1), "12DCZ(I)");
    }
}

#[test]
fn a_copy_that_fails_to_begin_leaves_the_client_in_step() {
    for (place, before) in [(2, "1"), (3, "12")] {
        let fixture = Fixture::new();
        let fault = Fault::statement_fails(Place::message(place), "53100".parse().unwrap());
        let proxy = fixture.proxy(vec![fault]);
        let mut raw = Raw::connect(&fixture, &proxy);
        let copy = [parse("", "COPY t FROM STDIN"), bind("", ""), execute(""), sync()].concat();
        raw.send(&[copy.as_slice(), &copy_data(b"1\tone\n"), &copy_done(), &sync()].concat());
        assert_eq!(raw.answers(2), format!("{before}E(53100)Z(I)Z(I)"), "message {place}");
        raw.send(&[copy.as_slice(), &copy_data(b"2\ttwo\n"), &copy_done(), &sync()].concat());
        assert_eq!(raw.answers(1), "12GCZ(I)");
        proxy.finish().all_happened().unwrap();
        assert_eq!(fixture.ids(), [2]);
    }
}

#[test]
fn a_copy_by_simple_query_is_cut_and_failed_like_any_other() {
    // 1 Query, 2 and 3 CopyData, 4 CopyDone, 5 Query
    for (fault, answers, committed) in [
        (Fault::statement_fails(Place::message(1), "53100".parse().unwrap()), "E(53100)Z(I)CZ(I)", vec![9]),
        (Fault::statement_fails(Place::message(3), "57014".parse().unwrap()), "GE(57014)Z(I)CZ(I)", vec![9]),
        (Fault::statement_fails(Place::message(4), "57014".parse().unwrap()), "GE(57014)Z(I)CZ(I)", vec![9]),
        (
            Fault::statement_fails(Place::message(5), "53100".parse().unwrap()),
            "GCZ(I)E(53100)Z(I)",
            vec![1, 2],
        ),
        (Fault::cut_after(Place::message(1)), "", vec![]),
        (Fault::cut_before(Place::message(3)), "G", vec![]),
        (Fault::cut_after(Place::message(3)), "G", vec![]),
        (Fault::cut_before(Place::message(4)), "G", vec![]),
        (Fault::cut_after(Place::message(4)), "G", vec![1, 2]),
        (Fault::cut_during(Place::message(4)), "G", vec![1, 2]),
    ] {
        let fixture = Fixture::new();
        let name = fault.to_string();
        let proxy = fixture.proxy(vec![fault]);
        let mut raw = Raw::connect(&fixture, &proxy);
        let data = [copy_data(b"1\tone\n"), copy_data(b"2\ttwo\n"), copy_done()].concat();
        raw.send(&[query("COPY t FROM STDIN"), data, query("INSERT INTO t VALUES (9)")].concat());
        let seen = if name.contains("cut") { raw.rest() } else { raw.answers(2) };
        assert_eq!(seen, answers, "{name}");
        proxy.finish().all_happened().unwrap();
        assert_eq!(fixture.ids(), committed, "{name}");
    }
}
