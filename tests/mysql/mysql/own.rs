//! What only Oracle's MySQL has, on a real one.

use super::contents::found_and_passed;
use super::origin::{Checked, Origin, check, check_with};
use chameleon_harness::process::tools;
use mysql::prelude::Queryable;
use serde_json::{Value, json};
use std::process::Command;

/// 8.4 has taken away what the daemon asks at every start. Nothing else is wrong with a MySQL of today.
#[test]
fn a_server_that_the_daemon_can_not_ask() {
    let Some(origin) = Origin::start("a_server_that_the_daemon_can_not_ask") else { return };
    let here = origin.here();
    let replica = origin.replica(&here, &here);
    let checked = check_with(&replica, &["check", "--format", "json"]);
    checked.ends(3).says(
        "mysql-version",
        &["error", "9.", "no longer knows SHOW MASTER STATUS", "would end at once", "Stay with 1.7"],
    );
    let findings = checked.said["findings"].as_array().unwrap();
    let errors = findings.iter().filter(|finding| finding["severity"] == "error");
    assert_eq!(errors.count(), 1, "{:#}", checked.said);
    let accepted = check(&replica);
    accepted.ends(0).says("mysql-version", &["accepted"]);
    assert_eq!(accepted.batch_start(), here);
}

/// What `check` says for an account whose password the server has not yet seen, and with these keys in `db_conn`.
fn with_an_empty_cache(origin: &Origin, user: &str, keys: &Value) -> Checked {
    let mut connection = origin.db_conn();
    connection["user"] = json!(user);
    connection["password"] = json!("pa55word");
    for (key, value) in keys.as_object().unwrap() {
        connection[key] = value.clone();
    }
    let here = origin.here();
    // It forgets all passwords that it has seen.
    origin.run("FLUSH PRIVILEGES");
    check(&origin.replica_of(&[("my_one", &here)], connection))
}

#[test]
fn an_account_with_caching_sha2_password() {
    let Some(origin) = Origin::start("an_account_with_caching_sha2_password") else { return };
    origin.run("CREATE USER sha2@'%' IDENTIFIED WITH caching_sha2_password BY 'pa55word'; GRANT ALL ON *.* TO sha2@'%'");
    let plain = json!({});
    let tls = json!({"ssl": {"check_hostname": false}});
    for keys in [&plain, &tls] {
        with_an_empty_cache(&origin, "sha2", keys).ends(0);
        let mut wrong = origin.db_conn();
        wrong["user"] = json!("sha2");
        wrong["password"] = json!("wrong");
        let here = origin.here();
        check(&origin.replica_of(&[("my_one", &here)], wrong)).ends(3).says("mysql", &["Access denied"]);
    }
    // From the cache.
    let mut connection = origin.db_conn();
    connection["user"] = json!("sha2");
    connection["password"] = json!("pa55word");
    let here = origin.here();
    check(&origin.replica_of(&[("my_one", &here)], connection)).ends(0);
}

#[test]
fn an_account_without_a_password() {
    let Some(origin) = Origin::start("an_account_without_a_password") else { return };
    origin.run(
        "CREATE USER nobody@'%' IDENTIFIED WITH caching_sha2_password BY ''; GRANT ALL ON *.* TO nobody@'%'",
    );
    with_an_empty_cache(&origin, "nobody", &json!({"password": ""})).ends(0);
}

#[test]
fn a_server_that_lets_nobody_in_without_tls() {
    let Some(origin) = Origin::start("a_server_that_lets_nobody_in_without_tls") else { return };
    origin.run("CREATE USER sha2@'%' IDENTIFIED WITH caching_sha2_password BY 'pa55word'; GRANT ALL ON *.* TO sha2@'%'");
    let here = origin.here();
    let mut session = origin.mysql.connect(None).unwrap();
    session.query_drop("SET GLOBAL require_secure_transport = ON").unwrap();
    // As the daemon connects, with the PyMySQL that is installed with it.
    if let Some(environment) = tools::or_skip("PyMySQL", tools::chameleon2()) {
        let connect =
            "import pymysql, sys; pymysql.connect(host=sys.argv[1], user='sha2', password='pa55word')";
        let mut python = Command::new(environment.join("bin/python"));
        let status = python.args(["-c", connect, &origin.mysql.host().to_string()]).status().unwrap();
        assert!(status.success(), "PyMySQL is not let in");
    }
    for (keys, code) in [
        (json!({"password": "pa55word"}), 0),
        (json!({"password": "pa55word", "ssl": {"check_hostname": false}}), 0),
        (json!({"password": "wrong"}), 3),
    ] {
        let mut connection = origin.db_conn();
        connection["user"] = json!("sha2");
        for (key, value) in keys.as_object().unwrap() {
            connection[key] = value.clone();
        }
        session.query_drop("FLUSH PRIVILEGES").unwrap();
        let checked = check(&origin.replica_of(&[("my_one", &here)], connection));
        checked.ends(code);
        if code == 3 {
            checked.says("mysql", &["error", "Access denied"]);
        }
    }
}

#[test]
fn transactions_that_are_compressed() {
    let Some(origin) = Origin::start("transactions_that_are_compressed") else { return };
    found_and_passed(
        &origin,
        "SET SESSION binlog_transaction_compression = ON; INSERT INTO my_one.t VALUES (1, REPEAT('x', 1000)); \
         INSERT INTO my_one.t VALUES (2, 'x'); SET SESSION binlog_transaction_compression = OFF",
        &["error", "compressed transactions", "my_one.t", "1.8.2 replica of old_one", "sync_tables (t)"],
    );
    // Of a schema that nobody replicates.
    origin.create("other");
    let here = origin.here();
    origin.run(
        "SET SESSION binlog_transaction_compression = ON; INSERT INTO other.t VALUES (1, REPEAT('x', 1000))",
    );
    let replica = origin.replica(&here, &here);
    check(&replica).ends(0).silent(&["binlog-contents"]);
    origin.run("SET GLOBAL binlog_transaction_compression = ON");
    check(&replica).ends(3).says(
        "binlog-contents",
        &[
            "error",
            "logs with binlog_transaction_compression = ON",
            "SET GLOBAL binlog_transaction_compression = OFF;",
        ],
    );
    // The remedy, word for word.
    origin.run("SET GLOBAL binlog_transaction_compression = OFF;");
    check(&replica).ends(0).silent(&["binlog-contents"]);
}

#[test]
fn updates_of_parts_of_json() {
    let Some(origin) = Origin::start("updates_of_parts_of_json") else { return };
    origin.run(
        "CREATE TABLE my_one.j (id INT PRIMARY KEY, document JSON); \
         INSERT INTO my_one.j VALUES (1, JSON_OBJECT('a', REPEAT('x', 1000), 'b', 1))",
    );
    found_and_passed(
        &origin,
        "SET SESSION binlog_row_value_options = PARTIAL_JSON; \
         UPDATE my_one.j SET document = JSON_SET(document, '$.b', 2); SET SESSION binlog_row_value_options = ''",
        &["error", "updates of parts of JSON values", "my_one.j at mysql-bin.000001:", "sync_tables (j)"],
    );
    let here = origin.here();
    let replica = origin.replica(&here, &here);
    origin.run("SET GLOBAL binlog_row_value_options = PARTIAL_JSON");
    check(&replica).ends(3).says(
        "binlog-contents",
        &["error", "binlog_row_value_options = PARTIAL_JSON", "SET GLOBAL binlog_row_value_options = '';"],
    );
    origin.run("SET GLOBAL binlog_row_value_options = '';");
    check(&replica).ends(0).silent(&["binlog-contents"]);
}

/// The server decrypts what it sends.
#[test]
fn encrypted_binary_logs() {
    let folder = tempfile::Builder::new().prefix("chameleon-keyring-").tempdir().unwrap();
    // The server runs as another user.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let keyring = json!({"path": folder.path().join("keyring"), "read_only": false}).to_string();
    let files = [
        ("mysqld.my", r#"{"components": "file://component_keyring_file"}"#),
        ("component_keyring_file.cnf", &*keyring),
    ];
    let options = ["--binlog-encryption=ON".to_owned()];
    let Some(origin) = Origin::start_with_files("encrypted_binary_logs", &options, &files) else { return };
    let old = origin.here();
    origin.write("my_one", 1);
    origin.run("FLUSH BINARY LOGS");
    let next = origin.here();
    origin.write("my_two", 1);
    origin.run("USE my_two; ANALYZE TABLE t");
    let new = origin.here();
    let mut session = origin.mysql.connect(None).unwrap();
    let logs: Vec<(String, u64, String)> = session.query("SHOW BINARY LOGS").unwrap();
    assert!(logs.len() == 2 && logs.iter().all(|(.., encrypted)| encrypted == "Yes"), "{logs:?}");
    let checked = check(&origin.replica(&new, &old));
    checked.ends(3).says("window-statements", &["error", "ANALYZE TABLE t in my_two"]);
    assert_eq!(checked.batch_start(), next);
    // The very end of a file, and past it.
    check(&origin.replica(&new, &new)).ends(0);
    check(&origin.replica(&new, "mysql-bin.000001:2000000000")).ends(3).says("binlog-files", &["error"]);
}

/// Names in double quotes are names then, in what the server logs as well.
#[test]
fn names_in_double_quotes() {
    let options = ["--sql-mode=ANSI_QUOTES".to_owned()];
    let Some(origin) = Origin::start_with("names_in_double_quotes", &options) else { return };
    let here = origin.here();
    let replica = origin.replica(&here, &here);
    let checked = check(&replica);
    checked.ends(0).silent(&["mysql-charset", "mysql-schemas", "window-tables"]);
    assert_eq!(checked.batch_start(), here);
    origin.create("other");
    found_and_passed(
        &origin,
        "USE other; ALTER TABLE \"my_one\".\"t\" ADD COLUMN \"more\" INT",
        &["error", "with another default database", "my_one.t at mysql-bin.000001:"],
    );
}

/// Whatever schema they are of.
#[test]
fn statements_that_no_reader_gets_past() {
    let Some(origin) = Origin::start("statements_that_no_reader_gets_past") else { return };
    origin.create("other");
    origin.write("other", 1);
    for statement in [
        "USE my_one; INSERT INTO t VALUES (1, 'secret')",
        "USE other; UPDATE t SET data = 'secret' WHERE id = 1",
        "DELETE FROM other.t WHERE id = 1",
    ] {
        found_and_passed(
            &origin,
            &format!("SET SESSION binlog_format = STATEMENT; {statement}"),
            &[
                "error",
                "with a variable that mysql-replication does not know",
                "at mysql-bin.000001:",
                "initialise old_one, old_two again",
            ],
        );
    }
}

/// Told to those who are told to copy tables with 1.8.2, and to nobody else.
#[test]
fn tables_with_dates_that_1_8_2_would_leave_empty() {
    let Some(origin) = Origin::start("tables_with_dates_that_1_8_2_would_leave_empty") else { return };
    origin.run("SET GLOBAL sql_mode = 'NO_ZERO_DATE'");
    let here = origin.here();
    let replica = origin.replica(&here, &here);
    check(&replica).ends(0).silent(&["zero-dates"]);
    origin.write("my_one", 1);
    origin.run("SET SESSION binlog_row_image = MINIMAL; UPDATE my_one.t SET data = 'a'");
    check(&replica).ends(3).says("zero-dates", &["warning", "NO_ZERO_DATE", "and say nothing"]);
    // The remedy, word for word.
    origin.run("SET GLOBAL sql_mode = REPLACE(@@GLOBAL.sql_mode, 'NO_ZERO_DATE', '');");
    check(&replica).ends(3).silent(&["zero-dates"]);
}
