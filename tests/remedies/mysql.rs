//! What is wrong with the account on MySQL, on a real MariaDB.

use crate::origin::{Origin, check};
use chameleon_upgrade::report::layout::statements;
use serde_json::json;

fn weak(origin: &Origin, privileges: &str) -> serde_json::Value {
    origin.run(&format!(
        "CREATE USER weak@'%' IDENTIFIED BY 'pa55word';
         GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO weak@'%'; {privileges}"
    ));
    let mut account = origin.db_conn();
    account["user"] = json!("weak");
    account["password"] = json!("pa55word");
    account
}

/// The statements of the one finding of a check, for the account of these tests.
fn granted(origin: &Origin, remedy: &str) {
    let all = statements(remedy);
    assert!(!all.is_empty(), "no statement in: {remedy}");
    all.iter().for_each(|grant| origin.run(&grant.replace("<the host of the account>", "%")));
}

/// §hunt-18: a table that the account may not read is not one that is gone.
#[test]
fn a_table_that_may_not_be_read_is_granted() {
    let Some(origin) = Origin::start("a_table_that_may_not_be_read_is_granted") else { return };
    origin.run("CREATE TABLE my_one.secret (id INT PRIMARY KEY)");
    let start = origin.here();
    origin.run("INSERT INTO my_one.secret VALUES (1)");
    let account = weak(&origin, "GRANT SELECT ON my_one.t TO weak@'%'");
    let replica = origin.replica_of(&[("my_one", &start)], account);
    let checked = check(&replica);
    checked.ends(3).says(
        "window-tables",
        &["the account weak may not read my_one.secret", "GRANT SELECT ON `my_one`.* TO 'weak'@"],
    );
    assert!(
        !checked.text("window-tables").contains("no longer on MySQL"),
        "{}",
        checked.text("window-tables")
    );
    granted(&origin, &checked.text("window-tables"));
    check(&replica).ends(0).silent(&["window-tables"]);
    // With the right to read the schema, what is gone is gone.
    origin.run("DROP TABLE my_one.secret");
    check(&replica).ends(3).says("window-tables", &["my_one.secret is no longer on MySQL"]);
}

#[test]
fn a_schema_that_may_not_be_seen_is_granted() {
    let Some(origin) = Origin::start("a_schema_that_may_not_be_seen_is_granted") else { return };
    let here = origin.here();
    let replica = origin.replica_of(&[("my_one", &here)], weak(&origin, ""));
    let checked = check(&replica);
    checked.ends(0).says("mysql-schemas", &["warning", "weak sees no schema my_one"]);
    granted(&origin, &checked.text("mysql-schemas"));
    check(&replica).ends(0).silent(&["mysql-schemas"]);
}

/// §hunt-28: the server writes names in small letters, and both pg_chameleons compare them letter by letter.
#[test]
fn names_are_written_as_the_server_has_them() {
    let options = ["--lower-case-table-names=1".to_owned()];
    let Some(origin) = Origin::start_with("names_are_written_as_the_server_has_them", &options) else {
        return;
    };
    let here = origin.here();
    check(&origin.replica_of(&[("MY_ONE", &here)], origin.db_conn())).ends(3).says(
        "mysql-schemas",
        &["error", "MY_ONE is my_one there", "Write my_one for my_database", "init_replica"],
    );
    check(&origin.replica_of(&[("my_one", &here)], origin.db_conn())).ends(0).silent(&["mysql-schemas"]);
}
