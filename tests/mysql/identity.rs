//! Whether it is the server that 1.8.2 read from: §which-server. The times of events are set here
//! (SET TIMESTAMP), so that they are known without reading the log.

use super::origin::{Checked, NEW, Origin, accepting, check};
use crate::replica::{Replica, shown};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::seed::{Batch, Event, Seed, Source, Table};
use serde_json::json;
use std::io::copy;
use std::net::{TcpListener, TcpStream};
use std::thread;

const CHECK: &str = "server-identity";

/// 2026-11-26 10:00:07 UTC.
const TIME: u32 = 1_795_687_207;
const UTC: &str = "2026-11-26 10:00:07";

/// One row into `schema.t` at a time; returns where its event ends, as 1.8.2 stores it: before the commit.
fn write_at(origin: &Origin, schema: &str, id: u32, time: u32) -> String {
    origin.run(&format!("SET TIMESTAMP = {time}; INSERT INTO {schema}.t VALUES ({id}, 'row')"));
    end_of_rows(origin)
}

/// Where the last row event of the log ends.
fn end_of_rows(origin: &Origin) -> String {
    let here = origin.here();
    let (file, _) = here.split_once(':').unwrap();
    let events = origin.events(file);
    let rows = events.iter().rfind(|(_, _, kind, _)| kind.starts_with("Write_rows")).expect("rows");
    format!("{file}:{}", rows.1)
}

fn source(schema: &str) -> Source {
    Source::new(&format!("old_{}", schema.trim_start_matches("my_")))
        .source_schema(Some(schema))
        .dest_schema(&format!("db_{schema}"))
        .table(Table::new("t"))
}

fn received(source: Source, time: &str) -> Source {
    source.last(time, time)
}

fn replica(origin: &Origin, sources: Vec<Source>) -> Replica {
    let schemas: Vec<_> =
        sources.iter().map(|it| (it.mysql_schema().unwrap(), it.destination().to_owned())).collect();
    let pairs: Vec<_> = schemas.iter().map(|(schema, dest)| (schema.as_str(), dest.as_str())).collect();
    let configured = ConfiguredSource::mysql(NEW, &pairs).with("db_conn", origin.db_conn());
    Replica::of(&Seed::of(sources), &[configured])
}

fn one(origin: &Origin, time: &str, batches: impl IntoIterator<Item = Batch>) -> Replica {
    replica(origin, vec![batches.into_iter().fold(received(source("my_one"), time), Source::batch)])
}

fn is_the_one(checked: &Checked) {
    checked.ends(0).says(CHECK, &["info", "is the one that 1.8.2 read from"]);
}

fn is_another(checked: &Checked, has: &str) {
    checked.ends(3).says(CHECK, &["error", "is not the one that 1.8.2 read from", has, "db_conn.host"]);
}

#[test]
fn the_server_that_was_read_from() {
    let Some(origin) = Origin::start("the_server_that_was_read_from") else { return };
    let place = write_at(&origin, "my_one", 1, TIME);
    let later = write_at(&origin, "my_two", 1, TIME + 60);
    // UTC, Kathmandu, St John's, Kiritimati, Baker Island.
    for local in
        [UTC, "2026-11-26 15:45:07", "2026-11-26 06:30:07", "2026-11-27 00:00:07", "2026-11-25 22:00:07"]
    {
        is_the_one(&check(&one(&origin, local, [Batch::open(&place)])));
    }
    let two = received(source("my_two"), "2026-11-26 10:01:07").batch(Batch::started(&later));
    let one = received(source("my_one"), UTC).batch(Batch::open(&place));
    let checked = check(&replica(&origin, vec![one, two]));
    is_the_one(&checked);
    checked.says(CHECK, &[&format!("old_one at {place}, {UTC}"), &format!("old_two at {later}")]);
}

#[test]
fn another_server_is_refused_and_can_be_accepted() {
    let Some(origin) = Origin::start("another_server_is_refused_and_can_be_accepted") else { return };
    let place = write_at(&origin, "my_one", 1, TIME);
    let replica = one(&origin, "2026-11-26 10:00:09", [Batch::open(&place)]);
    let checked = check(&replica);
    is_another(
        &checked,
        &format!(
            "old_one had come to {place}, to an event of 2026-11-26 10:00:09 (local time), and an event of {UTC} UTC ends there"
        ),
    );
    checked.says(CHECK, &["init_replica"]);
    assert!(!checked.text(CHECK).contains("3306,"), "the port is the right one");
    let accept = ["check", "--accept", "server-identity=it is, its clock was wrong", "--format", "json"];
    let output = replica.command_with_mysql(&accepting(&accept)).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(shown(&output).contains("its clock was wrong"));
}

/// The same names, schemas and lengths, at another time.
#[test]
fn a_log_that_was_reset_and_happens_to_fit() {
    let Some(origin) = Origin::start("a_log_that_was_reset_and_happens_to_fit") else { return };
    let mut places = Vec::new();
    for time in [TIME, TIME + 3600 + 1] {
        origin.run("/*M! RESET MASTER */ /*!80400 RESET BINARY LOGS AND GTIDS */");
        places.push(write_at(&origin, "my_one", time, time));
    }
    assert_eq!(places[0], places[1]);
    is_another(&check(&one(&origin, UTC, [Batch::open(&places[0])])), "an event of 2026-11-26 11:00:08 UTC");
}

#[test]
fn a_place_where_no_event_ends() {
    let Some(origin) = Origin::start("a_place_where_no_event_ends") else { return };
    let place = write_at(&origin, "my_one", 1, TIME);
    let (file, position) = place.split_once(':').unwrap();
    let inside = format!("{file}:{}", position.parse::<u64>().unwrap() - 7);
    let checked = check(&one(&origin, UTC, [Batch::open(&inside)]));
    is_another(&checked, "no event ends there");
}

#[test]
fn the_beginning_of_a_file() {
    let Some(origin) = Origin::start("the_beginning_of_a_file") else { return };
    for checksum in ["CRC32", "NONE"] {
        // The first file after that is ended by an event as it was written before.
        origin.run(&format!("SET GLOBAL binlog_checksum = {checksum}; FLUSH BINARY LOGS"));
        write_at(&origin, "my_one", TIME, TIME);
        origin.run(&format!("SET TIMESTAMP = {TIME}; FLUSH BINARY LOGS; DELETE FROM my_one.t"));
        let here = origin.here();
        let beginning = format!("{}:4", here.split_once(':').unwrap().0);
        let checked = check(&one(&origin, "2026-11-26 11:00:07", [Batch::open(&beginning)]));
        checked.says(CHECK, &["info", "is the one that 1.8.2 read from", &beginning]);
        let checked = check(&one(&origin, "2026-11-26 11:00:08", [Batch::open(&beginning)]));
        is_another(&checked, &format!("an event of {UTC} UTC"));
    }
    // The very first file, and one before which nothing is left.
    let checked = check(&one(&origin, UTC, [Batch::open("mysql-bin.000001:4")]));
    checked
        .says(CHECK, &["info", "nothing tells for old_one at mysql-bin.000001:4", "the beginning of a file"]);
}

#[test]
fn what_was_only_initialised_is_compared_with_nothing() {
    let Some(origin) = Origin::start("what_was_only_initialised_is_compared_with_nothing") else { return };
    let here = origin.here();
    let checked = check(&origin.replica(&here, &here));
    checked.ends(0).says(CHECK, &["info", "nothing tells for old_one, old_two", "nothing was received"]);
}

/// 1.8.2 died between the new batch and its time; and the batch before had rows, or had none.
#[test]
fn the_time_of_an_older_batch() {
    let Some(origin) = Origin::start("the_time_of_an_older_batch") else { return };
    let first = write_at(&origin, "my_one", 1, TIME);
    let second = write_at(&origin, "my_one", 2, TIME + 2);
    for time in [UTC, "2026-11-26 10:00:09"] {
        let row = Event::insert("t", json!({"id": 2, "data": "row"}));
        let batches = [Batch::started(&first).event(row), Batch::open(&second)];
        is_the_one(&check(&one(&origin, time, batches)));
        is_the_one(&check(&one(&origin, time, [Batch::started(&first), Batch::open(&second)])));
    }
    // One that was processed was followed by its time.
    let batches = || [Batch::replayed(&first), Batch::open(&second)];
    is_another(&check(&one(&origin, UTC, batches())), "an event of 2026-11-26 10:00:09 UTC");
    is_the_one(&check(&one(&origin, "2026-11-26 10:00:09", batches())));
}

/// What lies before the last place of a batch is not read, and the beginning of the file only where nothing is known.
#[test]
fn little_is_read() {
    let Some(origin) = Origin::start("little_is_read") else { return };
    origin.run("CREATE TABLE my_two.big (id INT PRIMARY KEY, data LONGTEXT)");
    for id in 0..8 {
        origin.run(&format!("INSERT INTO my_two.big VALUES ({id}, REPEAT('x', 1000000))"));
    }
    let before = write_at(&origin, "my_one", 1, TIME - 10);
    let place = write_at(&origin, "my_one", 2, TIME);
    let read = |batches: Vec<Batch>| {
        let output = one(&origin, UTC, batches).command_with_mysql(&accepting(&["check"])).output().unwrap();
        let shown = shown(&output);
        assert_eq!(output.status.code(), Some(0), "{shown}");
        assert!(shown.contains("is the one that 1.8.2 read from"), "{shown}");
        let line = shown.lines().find(|line| line.contains("to know the server")).expect(&shown).to_owned();
        line.split("to know the server: ").nth(1).unwrap().split("  ").next().unwrap().to_owned()
    };
    let few = read(vec![Batch::replayed(&before), Batch::open(&place)]);
    assert!(few.ends_with("bytes") && few.len() < 10, "{few}");
    let all = read(vec![Batch::open(&place)]);
    assert!(all.starts_with("7.") && all.ends_with("MiB"), "{all}");
    // Kept from before the log was reset: no event begins there any more.
    let (file, position) = before.split_once(':').unwrap();
    let inside = format!("{file}:{}", position.parse::<u64>().unwrap() - 7);
    let again = read(vec![Batch::replayed(&inside), Batch::open(&place)]);
    assert!(again.starts_with("7.") && again.ends_with("MiB"), "{again}");
}

#[test]
fn a_schema_with_tables_that_is_not_there() {
    let Some(origin) = Origin::start("a_schema_with_tables_that_is_not_there") else { return };
    origin.run("DROP DATABASE my_two");
    let here = origin.here();
    let checked = check(&origin.replica(&here, &here));
    checked.ends(3).silent(&["mysql-schemas"]);
    let errors: Vec<_> = checked.of(CHECK).into_iter().filter(|it| it["severity"] == "error").collect();
    let [error] = errors[..] else { panic!("{:#}", checked.said) };
    let found = error["found"].as_str().unwrap();
    assert!(found.contains("has no schema my_two, from which old_two has 1 table"), "{found}");
    assert!(error["remedy"].as_str().unwrap().contains("drop old_two with 1.8.2's drop_source"));
}

/// §report-8: 1.8.2 reads from 3306, whatever its configuration says.
#[test]
fn a_port_that_was_never_read_from() {
    let Some(origin) = Origin::start("a_port_that_was_never_read_from") else { return };
    let place = write_at(&origin, "my_one", 1, TIME);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = format!("{}:3306", origin.mysql.host());
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(&server).unwrap();
            let (mut from_client, mut from_server) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            let (mut to_client, mut to_server) = (client, server);
            thread::spawn(move || {
                let _closed = copy(&mut from_client, &mut to_server);
                let _gone = to_server.shutdown(std::net::Shutdown::Both);
            });
            thread::spawn(move || {
                let _closed = copy(&mut from_server, &mut to_client);
                let _gone = to_client.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    let at_the_port = |time: &str| {
        let mut connection = origin.db_conn();
        connection["host"] = json!("127.0.0.1");
        connection["port"] = json!(port);
        let mut replica = one(&origin, time, [Batch::open(&place)]);
        let pair = [("my_one", "db_my_one")];
        replica.configure(&[ConfiguredSource::mysql(NEW, &pair).with("db_conn", connection)]);
        check(&replica)
    };
    is_the_one(&at_the_port(UTC));
    let checked = at_the_port("2026-11-26 10:00:08");
    is_another(&checked, "10:00:07 UTC");
    checked.says(CHECK, &["it reads from port 3306", &format!("db_conn.port is {port}")]);
}

/// What keeps the log from being read is told, once.
#[test]
fn an_account_that_may_not_read_the_log() {
    let Some(origin) = Origin::start("an_account_that_may_not_read_the_log") else { return };
    let place = write_at(&origin, "my_one", 1, TIME);
    origin.run("CREATE USER weak@'%' IDENTIFIED BY 'pa55word'; GRANT SELECT ON *.* TO weak@'%'; GRANT REPLICATION CLIENT ON *.* TO weak@'%'");
    let mut account = origin.db_conn();
    account["user"] = json!("weak");
    account["password"] = json!("pa55word");
    let mut replica = one(&origin, UTC, [Batch::open(&place)]);
    replica.configure(&[ConfiguredSource::mysql(NEW, &[("my_one", "db_my_one")]).with("db_conn", account)]);
    check(&replica)
        .ends(3)
        .says("replication-privileges", &["error", "reading the binary log"])
        .silent(&[CHECK]);
}
