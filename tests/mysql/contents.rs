//! What the binary log holds, whatever the settings say now: §hunt-2, each case and its siblings, on a real server.

use super::origin::{Origin, check, check_changed};

/// Runs a statement, and checks a replica that has yet to read it and one that is past it.
pub(super) fn found_and_passed(origin: &Origin, statements: &str, texts: &[&str]) {
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

pub(super) fn passes(origin: &Origin, statements: &str) {
    let here = origin.here();
    origin.run(statements);
    check(&origin.replica(&here, &here)).silent(&["binlog-contents"]);
}

#[test]
fn rows_without_names_or_without_columns() {
    let Some(origin) = Origin::start("rows_without_names_or_without_columns") else { return };
    origin.write("my_one", 1);
    // §hunt-2a: the setting of now is FULL.
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
    // §hunt-2c.
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
fn definitions_from_another_default_database() {
    let Some(origin) = Origin::start("definitions_from_another_default_database") else { return };
    origin.create("other");
    // §hunt-2e, and its siblings.
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
    // §hunt-2f: each setting begins a new file.
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
