//! Whether a replica can read from the server.

use super::SERVER;
use super::origin::{Checked, NEW, Origin, accepting, check};
use crate::replica::Replica;
use crate::terminal_of::Terminal;
use chameleon_harness::chameleon::home::{ConfiguredSource, Home, configuration};
use chameleon_harness::process::tools;
use chameleon_harness::seed::{Batch, Seed, Source, Table};
use chameleon_harness::server::mysql::MySqlKind;
use chameleon_harness::server::{self, Database, Server};
use serde_json::json;
use std::net::TcpListener;

fn with_account(origin: &Origin, privileges: &str) -> Checked {
    origin.run(&format!("CREATE USER weak@'%' IDENTIFIED BY 'pa55word'; {privileges}"));
    let mut account = origin.db_conn();
    account["user"] = json!("weak");
    account["password"] = json!("pa55word");
    let here = origin.here();
    let checked = check(&origin.replica_of(&[("my_one", &here)], account));
    assert!(!checked.everything.contains("pa55word"), "{}", checked.everything);
    checked
}

#[test]
fn a_server_that_is_as_it_should_be() {
    let Some(origin) = Origin::start("a_server_that_is_as_it_should_be") else { return };
    let here = origin.here();
    let checked = check(&origin.replica(&here, &here));
    checked.ends(0).says("server-identity", &["info", "nothing was received"]);
    let findings = checked.said["findings"].as_array().unwrap().iter();
    assert_eq!(findings.filter(|it| it["severity"] != "accepted").count(), 1, "{:#}", checked.said);
    assert_eq!(checked.batch_start(), here);
}

#[test]
fn the_server_is_down() {
    let Some(origin) = Origin::start("the_server_is_down") else { return };
    let replica = origin.replica("mysql-bin.000001:4", "mysql-bin.000001:4");
    let place = format!("{}:3306", origin.mysql.host());
    drop(origin);
    check(&replica).ends(3).says("mysql", &["error", &place, "refused", "db_conn.host", "--offline"]);
    replica.command_with_mysql(&["upgrade", "--yes"]).assert().code(3);
    replica.upgrade(&[]).code(0);
}

#[test]
fn a_wrong_password_and_an_unknown_account() {
    let Some(origin) = Origin::start("a_wrong_password_and_an_unknown_account") else { return };
    for key in ["password", "user"] {
        let mut wrong = origin.db_conn();
        wrong[key] = json!("s3cret");
        let here = origin.here();
        let checked = check(&origin.replica_of(&[("my_one", &here)], wrong));
        // Of an account that it does not know, MySQL asks to be known by whatever method it chances upon.
        let refused = if key == "password" { "Access denied" } else { "refused the account s3cret" };
        checked.ends(3).says("mysql", &["error", refused, "Correct db_conn.user and db_conn.password"]);
        assert!(key == "user" || !checked.everything.contains("s3cret"), "{}", checked.everything);
    }
}

#[test]
fn an_account_without_any_right() {
    let Some(origin) = Origin::start("an_account_without_any_right") else { return };
    let checked = with_account(&origin, "");
    checked.ends(3).says(
        "replication-privileges",
        &[
            "error",
            "asking where the server writes",
            "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'weak'",
        ],
    );
    checked.says("mysql-schemas", &["warning", "weak sees no schema my_one", "SELECT"]);
}

#[test]
fn an_account_that_may_look_and_not_replicate() {
    let Some(origin) = Origin::start("an_account_that_may_look_and_not_replicate") else { return };
    let checked = with_account(
        &origin,
        "GRANT SELECT ON *.* TO weak@'%'; GRANT REPLICATION CLIENT ON *.* TO weak@'%';",
    );
    checked.ends(3).says(
        "replication-privileges",
        &["error", "reading the binary log", "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'weak'"],
    );
}

#[test]
fn what_the_remedy_grants_is_enough() {
    let Some(origin) = Origin::start("what_the_remedy_grants_is_enough") else { return };
    let rights = "GRANT SELECT ON my_one.* TO weak@'%'; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO weak@'%';";
    with_account(&origin, rights).ends(0).silent(&["replication-privileges", "mysql-schemas"]);
}

#[test]
fn statements_in_the_binary_log() {
    let Some(origin) = Origin::start("statements_in_the_binary_log") else { return };
    let here = origin.here();
    for format in ["STATEMENT", "MIXED"] {
        origin.run(&format!("SET GLOBAL binlog_format = {format}"));
        check(&origin.replica(&here, &here))
            .ends(3)
            .says("binlog-settings", &["error", format, "SET GLOBAL binlog_format = ROW"]);
        // The remedy.
        origin.run("SET GLOBAL binlog_format = ROW;");
        check(&origin.replica(&here, &here)).ends(0).silent(&["binlog-settings"]);
    }
}

#[test]
fn rows_that_are_not_whole() {
    let Some(origin) = Origin::start("rows_that_are_not_whole") else { return };
    let here = origin.here();
    for image in ["MINIMAL", "NOBLOB"] {
        origin.run(&format!("SET GLOBAL binlog_row_image = {image}"));
        check(&origin.replica(&here, &here))
            .ends(3)
            .says("binlog-settings", &["error", image, "SET GLOBAL binlog_row_image = FULL"]);
        // The remedy.
        origin.run("SET GLOBAL binlog_row_image = FULL;");
        check(&origin.replica(&here, &here)).ends(0).silent(&["binlog-settings"]);
    }
}

#[test]
fn rows_without_the_names_of_their_columns() {
    let Some(origin) = Origin::start("rows_without_the_names_of_their_columns") else { return };
    let here = origin.here();
    let without: &[&str] = match SERVER {
        MySqlKind::MariaDb => &["MINIMAL", "NO_LOG"],
        MySqlKind::MySql => &["MINIMAL"],
    };
    for metadata in without {
        origin.run(&format!("SET GLOBAL binlog_row_metadata = {metadata}"));
        let replica = origin.replica(&here, &here);
        check(&replica).ends(3).says("binlog-row-metadata", &["error", metadata, "mysql-replication<1.0"]);
        // §accept: whoever runs an older library on another machine says so.
        let accept = ["check", "--accept", "binlog-row-metadata=0.45 runs there", "--format", "json"];
        let assert = replica.command_with_mysql(&accepting(&accept)).assert().code(0);
        let said: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
        let found =
            said["findings"].as_array().unwrap().iter().find(|it| it["check"] == "binlog-row-metadata");
        assert_eq!(found.unwrap()["severity"], "accepted");
        assert_eq!(found.unwrap()["accepted"], "0.45 runs there");
    }
}

/// The mysql-replication that the daemon runs with is asked, where there is a `chameleon` on the PATH: an older one takes the
/// names of columns from MySQL, and needs none in the binary log. This one stands for it with its version alone.
#[test]
fn the_library_that_is_installed_is_asked() {
    let test = "the_library_that_is_installed_is_asked";
    let Some(origin) = Origin::start(test) else { return };
    let Some(environment) = tools::or_skip(test, tools::chameleon2()) else { return };
    origin.run("SET GLOBAL binlog_row_metadata = MINIMAL");
    let here = origin.here();
    origin.write("my_one", 1);
    let replica = origin.replica(&here, &here);
    let python = environment.join("bin/python");
    let folder = tempfile::tempdir().unwrap();
    let older = folder.path().join("mysql_replication-0.45.1.dist-info");
    std::fs::create_dir(&older).unwrap();
    std::fs::write(
        older.join("METADATA"),
        "Metadata-Version: 2.1\nName: mysql-replication\nVersion: 0.45.1\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("chameleon"), format!("#!{}\n", python.display())).unwrap();
    for (versions, code) in [("", 3), (folder.path().to_str().unwrap(), 0)] {
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let mut command = replica.command_with_mysql(&accepting(&["check", "--format", "json"]));
        let assert = command.env("PATH", path).env("PYTHONPATH", versions).assert().code(code);
        let said = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
        assert_eq!(said.contains("binlog-row-metadata"), code == 3, "{said}");
    }
}

#[test]
fn a_server_without_a_binary_log() {
    let options = ["--skip-log-bin".to_owned()];
    let Some(origin) = Origin::start_with("a_server_without_a_binary_log", &options) else { return };
    check(&origin.replica("mysql-bin.000001:4", "mysql-bin.000001:4"))
        .ends(3)
        .says("binlog-settings", &["error", "log_bin is OFF"])
        .silent(&["binlog-files", "replication-privileges", "binlog-row-metadata"]);
}

#[test]
fn purged_binary_logs() {
    let Some(origin) = Origin::start("purged_binary_logs") else { return };
    let old = origin.here();
    origin.run("FLUSH BINARY LOGS; FLUSH BINARY LOGS");
    origin.mysql.purge_binary_logs("mysql-bin.000003").unwrap();
    let here = origin.here();
    check(&origin.replica(&here, &old)).ends(3).says(
        "binlog-files",
        &["error", "old_two stands at mysql-bin.000001", "its first is mysql-bin.000003", "init_replica"],
    );
}

/// A database in another encoding than UTF8 may lack letters of tables that it does not replicate: those that it does are
/// compared all the same.
#[test]
fn tables_that_the_database_can_not_name() {
    let Some(origin) = Origin::start("tables_that_the_database_can_not_name") else { return };
    origin.run_in(
        "my_one",
        "CREATE TABLE `数据` (id INT PRIMARY KEY); CREATE TABLE `größe` (id INT PRIMARY KEY)",
    );
    let database = Database::create_in(server::shared().unwrap().address(), "LATIN1").unwrap();
    let source = ConfiguredSource::mysql(NEW, &[("my_one", "db_0")]).with("db_conn", origin.db_conn());
    let home = Home::new(&configuration(database.address(), database.name(), &[source])).unwrap();
    let replica = Replica { database, home };
    let old = Source::new("old_one").source_schema(Some("my_one")).dest_schema("db_0");
    let old = old.table(Table::new("t")).table(Table::new("größe")).batch(Batch::open(&origin.here()));
    Seed::of([old]).create(&mut replica.client()).unwrap();
    check(&replica).silent(&["table-structure"]);
    replica.sql("ALTER TABLE db_0.t ADD needed int NOT NULL");
    check(&replica)
        .ends(3)
        .says("table-structure", &["error", "my_one.t", "its column needed is not on MySQL"]);
}

/// §report-36: the checks are well, and the file goes while the question is thought over.
#[test]
fn binary_logs_that_are_purged_at_the_question() {
    let Some(origin) = Origin::start("binary_logs_that_are_purged_at_the_question") else { return };
    let here = origin.here();
    let replica = origin.replica(&here, &here);
    let before = replica.record();
    let arguments = accepting(&["upgrade", "--config", "upgraded"]);
    let mut terminal = Terminal::of_width(100, &replica, &arguments, &[]);
    terminal.until("Answer YES to go on:");
    origin.run("FLUSH BINARY LOGS");
    origin.mysql.purge_binary_logs("mysql-bin.000002").unwrap();
    terminal.type_in("YES\n");
    let (code, shown) = terminal.end();
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(code, Some(3), "{shown}");
    assert!(words.contains("has purged that file since the checks"), "{shown}");
    assert!(words.contains("Nothing was changed"), "{shown}");
    crate::replica::assert_unchanged(&before, &replica.record());
}

#[test]
fn binary_logs_that_are_not_kept_for_long() {
    let Some(origin) = Origin::start("binary_logs_that_are_not_kept_for_long") else { return };
    let here = origin.here();
    check(&origin.replica(&here, &here)).ends(0).silent(&["binlog-retention"]);
    for (seconds, said) in [(3600, "60 minutes"), (90, "90 seconds"), (10_800, "3 hours")] {
        origin.run(&format!("SET GLOBAL binlog_expire_logs_seconds = {seconds}"));
        check(&origin.replica(&here, &here)).ends(0).says("binlog-retention", &["warning", said]);
    }
    // The remedy.
    origin.run("SET GLOBAL binlog_expire_logs_seconds = 172800;");
    check(&origin.replica(&here, &here)).ends(0).silent(&["binlog-retention"]);
}

#[test]
fn a_position_past_the_end_of_its_file() {
    let Some(origin) = Origin::start("a_position_past_the_end_of_its_file") else { return };
    let here = origin.here();
    check(&origin.replica(&here, "mysql-bin.000001:2000000000")).ends(3).says(
        "binlog-files",
        &["error", "old_two stands at mysql-bin.000001:2000000000", "another file of the same name"],
    );
}

#[test]
fn a_file_that_is_yet_to_be_written() {
    let Some(origin) = Origin::start("a_file_that_is_yet_to_be_written") else { return };
    let here = origin.here();
    check(&origin.replica(&here, "mysql-bin.000009:4"))
        .ends(3)
        .says("binlog-files", &["error", "has not written that file yet (its last is mysql-bin.000001)"]);
}

#[test]
fn another_server() {
    let Some(origin) = Origin::start("another_server") else { return };
    check(&origin.replica("binlog.000001:4", "binlog.000001:4"));
    let checked = check(&origin.replica("binlog.000001:4", "binlog.000001:4"));
    checked.ends(3);
    let texts: Vec<_> = checked.of("binlog-files").iter().map(|it| it["found"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains("it writes mysql-bin.000001"), "{texts:?}");
}

#[test]
fn a_position_inside_an_event() {
    let Some(origin) = Origin::start("a_position_inside_an_event") else { return };
    let inside = origin.events("mysql-bin.000001").last().unwrap().0 + 7;
    let start = format!("mysql-bin.000001:{inside}");
    check(&origin.replica(&start, &start))
        .ends(3)
        .says("binlog-read", &["error", "reading the binary log", "not where an event begins"]);
}

#[test]
fn a_port_that_never_answers() {
    let Some(origin) = Origin::start("a_port_that_never_answers") else { return };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut connection = origin.db_conn();
    connection["host"] = json!("127.0.0.1");
    connection["port"] = json!(silent.local_addr().unwrap().port());
    connection["connect_timeout"] = json!(1);
    let here = origin.here();
    check(&origin.replica_of(&[("my_one", &here)], connection))
        .ends(3)
        .says("mysql", &["error", "has not let us in within 1 s", "connect_timeout"]);
}

#[test]
fn a_server_that_hangs() {
    let Some(origin) = Origin::start("a_server_that_hangs") else { return };
    let here = origin.here();
    let mut connection = origin.db_conn();
    connection["connect_timeout"] = json!(1);
    let replica = origin.replica_of(&[("my_one", &here)], connection);
    origin.mysql.freeze();
    check(&replica)
        .ends(3)
        .says("mysql", &["error", "has not let us in within 1 s", "connect_timeout", "--offline"]);
    origin.mysql.thaw();
    check(&replica).ends(0).silent(&["mysql"]);
}

#[test]
fn hosts_that_are_none_and_ports_that_are_not_mysql() {
    let Some(origin) = Origin::start("hosts_that_are_none_and_ports_that_are_not_mysql") else { return };
    let here = origin.here();
    let says = |host: &str, port: u16, texts: &[&str]| {
        let mut connection = origin.db_conn();
        connection["host"] = json!(host);
        connection["port"] = json!(port);
        check(&origin.replica_of(&[("my_one", &here)], connection)).ends(3).says("mysql", texts);
    };
    says(
        "no-such-host.invalid",
        3306,
        &["no MySQL server can be reached at no-such-host.invalid:3306", "db_conn.host"],
    );
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closing.local_addr().unwrap().port();
    let other = std::thread::spawn(move || drop(closing.accept()));
    says("127.0.0.1", port, &["server disconnected", "db_conn.port of the source lead to MySQL"]);
    other.join().unwrap();
}

#[test]
fn an_unknown_character_set() {
    let Some(origin) = Origin::start("an_unknown_character_set") else { return };
    let here = origin.here();
    // §report-1: no list of the server has utf8 any more, and it takes it all the same. It takes swe7 too, for which
    // PyMySQL has no encoding; ucs2 it doesn't take from a client.
    for (charset, code) in [
        ("utf8", 0),
        ("UTF8", 0),
        ("utf8mb3", 0),
        ("UTF8MB4", 0),
        ("latin1", 0),
        ("utf9", 3),
        ("utf-8", 3),
        ("ucs2", 3),
        ("swe7", 3),
        ("utf8' --", 3),
    ] {
        let mut connection = origin.db_conn();
        connection["charset"] = json!(charset);
        let checked = check(&origin.replica_of(&[("my_one", &here)], connection));
        checked.ends(code);
        assert_eq!(checked.of("mysql-charset").len(), usize::from(code == 3), "{charset}");
    }
}

#[test]
fn mysql_is_asked_even_when_there_is_no_plan() {
    let Some(origin) = Origin::start("mysql_is_asked_even_when_there_is_no_plan") else { return };
    origin.run("SET GLOBAL binlog_format = STATEMENT");
    let replica = origin.replica("no coordinate:4", "mysql-bin.000001:4");
    let checked = check(&replica);
    checked.ends(3).says("binlog-settings", &["STATEMENT"]);
    assert!(checked.said["plan"].is_null());
}

#[test]
fn a_schema_that_was_dropped() {
    let Some(origin) = Origin::start("a_schema_that_was_dropped") else { return };
    origin.run("DROP DATABASE my_two");
    let here = origin.here();
    let without_tables = "DELETE FROM sch_chameleon.t_replica_tables WHERE v_schema_name = 'db_1'";
    let replica = origin.replica(&here, &here);
    replica.sql(without_tables);
    check(&replica).ends(0).says("mysql-schemas", &["warning", "sees no schema my_two"]);
}

#[test]
fn offline_says_what_was_not_looked_at() {
    let Some(origin) = Origin::start("offline_says_what_was_not_looked_at") else { return };
    let before = origin.here();
    origin.write("my_one", 1);
    let after = origin.here();
    let checked = |one: &str, two: &str| {
        let replica = origin.replica(one, two);
        let shown = replica.command(&["check", "--format", "json"]).assert().code(0);
        let said: serde_json::Value = serde_json::from_slice(&shown.get_output().stdout).unwrap();
        said["findings"].as_array().unwrap().iter().find(|it| it["check"] == "offline").unwrap().clone()
    };
    let narrow = checked(&after, &after);
    assert_eq!(narrow["severity"], "warning");
    assert!(narrow["found"].as_str().unwrap().contains("with nothing to read again"), "{narrow}");
    let wide = checked(&after, &before);
    let width = position(&after) - position(&before);
    assert!(wide["found"].as_str().unwrap().contains(&format!("{width} bytes within one file")), "{wide}");
    origin.run("FLUSH BINARY LOGS");
    let wider = checked(&origin.here(), &before);
    assert!(wider["found"].as_str().unwrap().contains(": 2 files."), "{wider}");
    assert!(wider["found"].as_str().unwrap().contains(NEW), "{wider}");
}

fn position(coordinate: &str) -> u64 {
    coordinate.split_once(':').unwrap().1.parse().unwrap()
}
