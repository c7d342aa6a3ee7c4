//! What only MariaDB has: events that it compresses, sequences and tables that keep their versions, origins under one name.

use super::contents::{found_and_passed, passes};
use super::origin::{Origin, check};
use mysql::prelude::Queryable;

#[test]
fn what_is_compressed() {
    let Some(origin) = Origin::start("what_is_compressed") else { return };
    // §hunt-2b: short rows are left as they are.
    found_and_passed(
        &origin,
        "SET GLOBAL log_bin_compress = ON; INSERT INTO my_two.t VALUES (1, REPEAT('x', 1000)); \
         INSERT INTO my_two.t VALUES (2, 'short'); SET GLOBAL log_bin_compress = OFF",
        &[
            "error",
            "compressed rows",
            "my_two.t at mysql-bin.000001:",
            "1.8.2 replica of old_two",
            "sync_tables (t)",
        ],
    );
    origin.run("USE my_one; CREATE TABLE long_one (id INT PRIMARY KEY)");
    found_and_passed(
        &origin,
        &format!(
            "SET GLOBAL log_bin_compress = ON; USE my_one; ALTER TABLE long_one ADD COLUMN x INT COMMENT '{}'; \
             SET GLOBAL log_bin_compress = OFF",
            "x".repeat(900)
        ),
        &["error", "compressed definitions", "my_one.long_one"],
    );
    origin.run("SET GLOBAL log_bin_compress = ON");
    let here = origin.here();
    let replica = origin.replica(&here, &here);
    check(&replica).ends(3).says(
        "binlog-contents",
        &["error", "logs with log_bin_compress = ON", "SET GLOBAL log_bin_compress = OFF;"],
    );
    // The remedy, word for word.
    origin.run("SET GLOBAL log_bin_compress = OFF;");
    check(&replica).ends(0).silent(&["binlog-contents"]);
}

/// The new replica passes over rows of a table that is ahead of the batch start, however they are logged.
#[test]
fn what_has_been_applied_is_no_matter() {
    let Some(origin) = Origin::start("what_has_been_applied_is_no_matter") else { return };
    let old = origin.here();
    origin.write("my_two", 1);
    origin.run("SET GLOBAL log_bin_compress = ON; INSERT INTO my_one.t VALUES (1, REPEAT('x', 1000)); SET GLOBAL log_bin_compress = OFF");
    let new = origin.here();
    check(&origin.replica(&new, &old)).ends(0).silent(&["binlog-contents"]);
    check(&origin.replica(&old, &new)).ends(3).says("binlog-contents", &["my_one.t"]);
}

/// §hunt-2g. pg_chameleon 2.0.21 asks for base tables alone, and ends at rows of anything else.
#[test]
fn rows_of_what_is_no_ordinary_table() {
    let Some(origin) = Origin::start("rows_of_what_is_no_ordinary_table") else { return };
    for (make, write, name, kind) in [
        ("CREATE SEQUENCE my_one.s1", "SELECT NEXTVAL(my_one.s1)", "my_one.s1", "SEQUENCE"),
        (
            "CREATE TABLE my_one.v1 (id INT PRIMARY KEY) WITH SYSTEM VERSIONING",
            "INSERT INTO my_one.v1 VALUES (1)",
            "my_one.v1",
            "SYSTEM VERSIONED",
        ),
    ] {
        origin.run(make);
        let here = origin.here();
        origin.run(write);
        let replica = origin.replica(&here, &here);
        check(&replica)
            .ends(3)
            .silent(&["window-tables"])
            .says("binlog-contents", &["error", name, kind, "skip_tables"]);
        let now = origin.here();
        check(&origin.replica(&now, &now)).ends(0).silent(&["binlog-contents"]);
    }
}

#[test]
fn a_replica_that_does_not_log_what_it_applies() {
    let Some(origin) = Origin::start("a_replica_that_does_not_log_what_it_applies") else { return };
    let here = origin.here();
    let replica = origin.replica(&here, &here);
    // Not a replica yet, and one that applies nothing.
    check(&replica).ends(0).silent(&["binlog-settings"]);
    origin.run("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1, MASTER_USER = 'x'");
    check(&replica).ends(0).silent(&["binlog-settings"]);
    origin.run("START SLAVE");
    check(&replica).ends(3).says("binlog-settings", &["error", "does not log what it applies", "db_conn"]);
    origin.run("STOP SLAVE; RESET SLAVE ALL");
    check(&replica).ends(0).silent(&["binlog-settings"]);
}

#[test]
fn rows_that_were_changed_by_logged_statements() {
    let Some(origin) = Origin::start("rows_that_were_changed_by_logged_statements") else { return };
    origin.create("other");
    origin.write("my_one", 1);
    // §hunt-2d. With the schema as the default database the daemon ends at it: window-statements.
    for (statement, table) in [
        ("UPDATE my_one.t SET data = 'b' WHERE id = 1", "my_one.t"),
        ("INSERT INTO my_two.t VALUES (1, 'a')", "my_two.t"),
        ("REPLACE INTO `my_two`.`t` SELECT 2, 'a'", "my_two.t"),
        ("DELETE FROM my_two.t WHERE id = 2", "my_two.t"),
        ("UPDATE t, my_two.t AS two SET two.data = 'c' WHERE t.id = 0 OR two.id = 1", "my_two.t"),
    ] {
        found_and_passed(
            &origin,
            &format!(
                "USE other; SET SESSION binlog_format = STATEMENT; {statement}; SET SESSION binlog_format = ROW"
            ),
            &["error", "logged as such", table, "at mysql-bin.000001:", "sync_tables (t)"],
        );
    }
    passes(
        &origin,
        "USE other; SET SESSION binlog_format = STATEMENT; INSERT INTO t SELECT id, data FROM my_one.t; \
         UPDATE t SET data = 'my_one.t'; SET SESSION binlog_format = ROW",
    );
}

#[test]
fn compressed_events_are_read_too() {
    let Some(origin) = Origin::start("compressed_events_are_read_too") else { return };
    origin.run("SET GLOBAL log_bin_compress = ON; SET GLOBAL log_bin_compress_min_len = 10;");
    let old = origin.here();
    let long = "x".repeat(2000);
    origin.run(&format!("INSERT INTO my_one.t VALUES (1, '{long}')"));
    let next = origin.here();
    origin.run_in("my_two", &format!("CREATE TABLE c (id INT PRIMARY KEY) COMMENT '{long}'"));
    origin.run(&format!("INSERT INTO my_one.t VALUES (2, '{long}')"));
    let new = origin.here();
    let kinds: Vec<_> = origin.events("mysql-bin.000001").into_iter().map(|(_, _, kind, _)| kind).collect();
    for compressed in ["Write_rows_compressed_v1", "Query_compressed"] {
        assert!(kinds.iter().any(|kind| kind == compressed), "{kinds:?}");
    }
    let checked = check(&origin.replica(&new, &old));
    // They are read; the daemon passes over them.
    assert_eq!(checked.ends(3).batch_start(), next);
    checked
        .says("window-ddl", &["CREATE TABLE in my_two", "CREATE TABLE c (id INT PRIMARY KEY) COMMENT '…'"]);
}

/// From 11.4 on the events of a transaction don't say where they end, unless `binlog_legacy_event_pos` is ON.
#[test]
fn events_that_say_no_place_are_read_and_told() {
    const HIDDEN: &str = "SHOW GLOBAL VARIABLES LIKE 'binlog_legacy_event_pos'";
    let name = "events_that_say_no_place_are_read_and_told";
    let Some(origin) = Origin::start(name) else { return };
    let known: Option<(String, String)> = origin.mysql.connect(None).unwrap().query_first(HIDDEN).unwrap();
    if known.is_none() {
        eprintln!("{name}: skipped, this MariaDB writes places into all events: it takes 11.4 or later");
        return;
    }
    origin.run("SET GLOBAL binlog_legacy_event_pos = OFF");
    let old = origin.here();
    origin.write("my_one", 1);
    let next = origin.here();
    origin.write("my_two", 1);
    let new = origin.here();
    let replica = origin.replica(&new, &old);
    check(&replica).ends(3).says(
        "binlog-settings",
        &["error", "binlog_legacy_event_pos is OFF", "SET GLOBAL binlog_legacy_event_pos = ON;"],
    );
    // Its rows are seen, and are what neither version gets past. They lie where the source that lags goes on.
    let told = check(&replica);
    told.says(
        "binlog-contents",
        &["error", "don't say where they end", "my_two.t at", "old_two again with 1.8.2's init_replica"],
    );
    assert_eq!(told.batch_start(), next);
    // The remedy, word for word; and 1.8.2 begins behind what was logged before.
    origin.run("SET GLOBAL binlog_legacy_event_pos = ON;");
    let old = origin.here();
    origin.write("my_one", 2);
    let next = origin.here();
    origin.write("my_two", 2);
    let checked = check(&origin.replica(&origin.here(), &old));
    checked.ends(0).silent(&["binlog-settings", "binlog-contents"]);
    assert_eq!(checked.batch_start(), next);
}

/// 11 and later log their collations with statements that name a character set alone: a variable that no pg_chameleon reads past.
#[test]
fn statements_with_the_server_s_collations_are_told() {
    const COLLATIONS: &str = "SHOW GLOBAL VARIABLES LIKE 'character_set_collations'";
    let name = "statements_with_the_server_s_collations_are_told";
    let Some(origin) = Origin::start(name) else { return };
    let known: Option<(String, String)> =
        origin.mysql.connect(None).unwrap().query_first(COLLATIONS).unwrap();
    if known.is_none() {
        eprintln!("{name}: skipped, this MariaDB logs no collations: it takes 11 or later");
        return;
    }
    let here = origin.here();
    let remedy = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
    origin.run("CREATE DATABASE other CHARACTER SET utf8mb4");
    check(&origin.replica(&here, &here))
        .ends(3)
        .says("binlog-contents", &["error", "CREATE DATABASE other", remedy]);
    // The remedy, word for word; and 1.8.2 begins behind what was logged before.
    let here = origin.here();
    origin.run(&format!("CREATE DATABASE another {remedy}"));
    check(&origin.replica(&here, &here)).ends(0).silent(&["binlog-contents"]);
}
