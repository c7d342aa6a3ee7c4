//! What the binary log holds, whatever the settings say now: HUNT.md 2, each case and its siblings, on a real server.

use crate::origin::{Origin, check, check_changed};

/// Runs a statement, and checks a replica that has yet to read it and one that is past it.
fn found_and_passed(origin: &Origin, statements: &str, texts: &[&str]) {
    let here = origin.here();
    origin.run(statements);
    let now = origin.here();
    // Rows without names are what binlog-row-metadata is about, whatever the setting is now.
    let id = if texts.iter().any(|text| text.contains("names of their columns")) {
        "binlog-row-metadata"
    } else {
        "binlog-contents"
    };
    check(&origin.replica(&here, &here)).ends(3).says(id, texts);
    // The remedy: once 1.8.2 is past it, it is no matter.
    check_changed(&origin.replica(&now, &now)).ends(0).silent(&["binlog-contents", "binlog-row-metadata"]);
}

fn passes(origin: &Origin, statements: &str) {
    let here = origin.here();
    origin.run(statements);
    check(&origin.replica(&here, &here)).silent(&["binlog-contents"]);
}

#[test]
fn rows_without_names_or_without_columns() {
    let Some(origin) = Origin::start("rows_without_names_or_without_columns") else { return };
    origin.write("my_one", 1);
    // HUNT.md 2a: the setting of now is FULL.
    found_and_passed(
        &origin,
        "SET GLOBAL binlog_row_metadata = MINIMAL; UPDATE my_one.t SET data = 'a' WHERE id = 1; \
         SET GLOBAL binlog_row_metadata = FULL",
        &[
            "error",
            "without the names of their columns",
            "my_one.t at mysql-bin.000001:",
            "1.8.2 replica of old_one",
            "FLUSH BINARY LOGS",
        ],
    );
    // HUNT.md 2c.
    for image in ["NOBLOB", "MINIMAL"] {
        found_and_passed(
            &origin,
            &format!(
                "SET SESSION binlog_row_image = {image}; \
                 UPDATE my_one.t SET id = id + 1; UPDATE my_one.t SET id = id + 1; SET SESSION binlog_row_image = FULL"
            ),
            &["error", "lack columns", "my_one.t 2 times from mysql-bin.000001:", "sync_tables (t)"],
        );
    }
    passes(&origin, "UPDATE my_one.t SET data = 'whole'; DELETE FROM my_one.t");
}

#[test]
fn what_is_compressed() {
    let Some(origin) = Origin::start("what_is_compressed") else { return };
    // HUNT.md 2b: short rows are left as they are.
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

#[test]
fn rows_that_were_changed_by_logged_statements() {
    let Some(origin) = Origin::start("rows_that_were_changed_by_logged_statements") else { return };
    origin.create("other");
    origin.write("my_one", 1);
    // HUNT.md 2d. With the schema as the default database the daemon ends at it: window-statements.
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
fn definitions_from_another_default_database() {
    let Some(origin) = Origin::start("definitions_from_another_default_database") else { return };
    origin.create("other");
    // HUNT.md 2e, and its siblings.
    for statement in [
        "ALTER TABLE my_one.t ADD COLUMN extra INT",
        "ALTER TABLE `my_one`.`t` CHANGE extra another INT",
        "ALTER TABLE my_one.t DROP COLUMN another",
        "TRUNCATE TABLE my_one.t",
        "RENAME TABLE my_one.t TO my_one.u, my_one.u TO my_one.t",
        "DROP TABLE my_one.t",
    ] {
        found_and_passed(
            &origin,
            &format!("USE other; {statement}"),
            &["error", "with another default database", "my_one.t at mysql-bin.000001:", "sync_tables"],
        );
    }
    origin.run("USE my_one; CREATE TABLE t (id INT PRIMARY KEY, data TEXT)");
    passes(&origin, "USE other; ALTER TABLE my_one.t ADD INDEX i (id); ALTER TABLE other.t ADD COLUMN x INT");
    let here = origin.here();
    origin.run("USE other; CREATE TABLE my_one.made (id INT PRIMARY KEY)");
    check(&origin.replica(&here, &here)).ends(0).says("binlog-contents", &["warning", "my_one.made"]);
}

#[test]
fn files_with_and_without_checksums() {
    let Some(origin) =
        Origin::start_with("files_with_and_without_checksums", &["--binlog-checksum=CRC32".to_owned()])
    else {
        return;
    };
    // HUNT.md 2f: each setting begins a new file.
    let here = origin.here();
    origin.run("SET GLOBAL binlog_checksum = NONE");
    origin.write("my_one", 1);
    let within = origin.here();
    let replica = origin.replica(&here, &here);
    check(&replica).ends(3).says(
        "binlog-contents",
        &["error", "mysql-bin.000001 was written with binlog_checksum CRC32", "is NONE now", "init_replica"],
    );
    check(&origin.replica(&within, &within)).ends(0).silent(&["binlog-contents"]);
    origin.run("SET GLOBAL binlog_checksum = CRC32");
    check(&replica).ends(3).says(
        "binlog-contents",
        &["error", "mysql-bin.000002 was written with binlog_checksum NONE", "is CRC32 now"],
    );
    let now = origin.here();
    check(&origin.replica(&now, &now)).ends(0).silent(&["binlog-contents"]);
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

/// HUNT.md 2g. pg_chameleon 2.0.21 asks for base tables alone, and ends at rows of anything else.
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
