//! What the checks on MySQL find fits the terminal (§terminal-width).

use super::origin::Origin;
use crate::terminal_of::{Terminal, assert_fits};
use serde_json::json;

/// Long names, and as much as can be found at once.
#[test]
fn findings_about_mysql_fit_the_terminal() {
    let Some(origin) = Origin::start("findings_about_mysql_fit_the_terminal") else { return };
    let here = origin.here();
    origin.create("other");
    let long = "a_table_with_a_long_name_that_goes_on_and_on_and_on_for_ever";
    origin.run_in(
        "my_one",
        &format!("CREATE TABLE {long} (id INT PRIMARY KEY, data TEXT); INSERT INTO {long} VALUES (1, 'a')"),
    );
    origin.run(
        "USE my_one; ANALYZE TABLE t; CREATE VIEW v AS SELECT 1; ALTER TABLE t ENGINE = InnoDB;
         ALTER TABLE t ADD COLUMN e INT DEFAULT -1; INSERT INTO t (id) VALUES (7);",
    );
    origin.run(&format!(
        "USE other; ALTER TABLE my_one.{long} ADD COLUMN a_column_with_a_long_name_of_its_own INT;
         SET SESSION binlog_row_image = MINIMAL; INSERT INTO my_one.{long} (id) VALUES (2);
         SET SESSION binlog_format = STATEMENT; UPDATE my_one.t SET data = 'x';
         SET GLOBAL binlog_row_metadata = MINIMAL; INSERT INTO my_two.t VALUES (1, '1');
         SET GLOBAL log_bin_compress = ON"
    ));
    let behind = origin.here();
    origin.run("ALTER TABLE my_two.t MODIFY data BIGINT, ADD COLUMN more INT NOT NULL");
    let now = origin.here();
    let mut unreachable = origin.db_conn();
    unreachable["host"] = json!("a-server-with-a-long-name.in-a-domain-that-there-is-not.invalid");
    let mut refused = origin.db_conn();
    refused["password"] = json!("wrong");
    for columns in [80, 110, 200] {
        let check = |replica: &crate::replica::Replica, texts: &[&str]| {
            let terminal = Terminal::of_width(columns, replica, &["check", "--config", "upgraded"], &[]);
            let (code, shown) = terminal.end();
            assert_eq!(code, Some(3), "{shown}");
            let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
            for text in texts {
                assert!(words.contains(text), "{text:?} is not in:\n{shown}");
            }
            assert_fits(usize::from(columns), "check", &shown);
        };
        check(
            &origin.replica(&here, &behind),
            &["binlog-contents", "window-statements", "binlog-row-metadata", "window-ddl"],
        );
        check(&origin.replica(&now, &now), &["table-structure"]);
        check(&origin.replica("mysql-bin.000777:4", "other-name.000001:4"), &["binlog-"]);
        check(
            &origin.replica_of(&[("my_one", &now)], unreachable.clone()),
            &["no MySQL server can be reached"],
        );
        check(
            &origin.replica_of(&[("my_one", &now), ("no_such_schema", &now)], refused.clone()),
            &["refused the account"],
        );
    }
}
