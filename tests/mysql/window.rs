//! The window between the batch start and the consistent point: how far it closes, and what is found in it.

use super::SERVER;
use super::origin::{Checked, Origin, accepting, check, check_changed, quoted};
use chameleon_harness::server::mysql::MySqlKind;

/// As a replica that has read up to here stands: at the end of the last row event, before the commit.
fn before_the_commit(origin: &Origin) -> String {
    let here = origin.here();
    let (file, _) = here.split_once(':').unwrap();
    let (commit, ..) = origin.events(file).last().unwrap().clone();
    format!("{file}:{commit}")
}

#[test]
fn a_replica_that_has_caught_up_has_no_window() {
    let Some(origin) = Origin::start("a_replica_that_has_caught_up_has_no_window") else { return };
    origin.write("my_one", 1);
    let start = before_the_commit(&origin);
    origin.write("my_two", 1);
    let checked = check(&origin.replica(&start, &start));
    checked.ends(0).silent(&["window"]);
    assert_eq!((checked.batch_start(), checked.consistent_point()), (&*start, &*start));
}

#[test]
fn an_idle_source_starts_where_the_others_stand() {
    let Some(origin) = Origin::start("an_idle_source_starts_where_the_others_stand") else { return };
    let old = origin.here();
    (1..=50).for_each(|id| origin.write("my_one", id));
    let new = before_the_commit(&origin);
    let checked = check(&origin.replica(&new, &old));
    checked.ends(0).says(
        "window",
        &["info", &format!("starts at {new} instead of {old}"), "nothing of it is read again"],
    );
    assert_eq!((checked.batch_start(), checked.consistent_point()), (&*new, &*new));
    assert_eq!(checked.advanced(1), new);
}

#[test]
fn an_idle_source_starts_at_its_next_transaction() {
    let Some(origin) = Origin::start("an_idle_source_starts_at_its_next_transaction") else { return };
    let old = origin.here();
    origin.write("my_one", 1);
    let next = origin.here();
    origin.write("my_two", 1);
    let later = origin.here();
    origin.write("my_one", 2);
    let new = before_the_commit(&origin);
    let checked = check(&origin.replica(&new, &old));
    checked.ends(0).says(
        "window",
        &[
            "warning",
            &format!("starts at {next} instead of {old}"),
            "are read again",
            "start the 1.8.2 replica of old_two",
        ],
    );
    assert_eq!(checked.batch_start(), next);
    // A source that has passed its own transaction is not held up by it.
    assert_eq!(check(&origin.replica(&new, &later)).batch_start(), new);
}

#[test]
fn what_is_upgraded_is_what_was_shown() {
    let Some(origin) = Origin::start("what_is_upgraded_is_what_was_shown") else { return };
    let old = origin.here();
    origin.write("my_one", 1);
    let next = origin.here();
    origin.write("my_two", 1);
    let new = before_the_commit(&origin);
    let replica = origin.replica(&new, &old);
    let shown = replica.command_with_mysql(&accepting(&["upgrade", "--yes"])).assert().code(0);
    let shown = String::from_utf8_lossy(&shown.get_output().stdout).into_owned();
    for text in ["binary log read for new: ", "next transaction at", &next] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let written = |columns: &str, table: &str| {
        replica.value(&format!(
            "SELECT string_agg({columns}, ' ' ORDER BY {columns}) FROM sch_chameleon.{table}"
        ))
    };
    assert_eq!(written("t_binlog_name || ':' || i_binlog_position", "t_replica_batch"), next);
    assert_eq!(written("t_binlog_name || ':' || i_binlog_position", "t_sources"), new);
    // The points of the tables are those of the catalogue.
    let mut points = [plus_one(&new), plus_one(&old)];
    points.sort();
    assert_eq!(written("t_binlog_name || ':' || i_binlog_position", "t_replica_tables"), points.join(" "));
}

fn plus_one(coordinate: &str) -> String {
    let (file, position) = coordinate.split_once(':').unwrap();
    format!("{file}:{}", position.parse::<u64>().unwrap() + 1)
}

#[test]
fn a_dropped_table_does_not_matter_to_a_replica_that_is_past_it() {
    let Some(origin) = Origin::start("a_dropped_table_does_not_matter_to_a_replica_that_is_past_it") else {
        return;
    };
    let old = origin.here();
    origin.run_in(
        "my_one",
        "CREATE TABLE gone (id INT PRIMARY KEY); INSERT INTO gone VALUES (1); DROP TABLE gone;",
    );
    let new = origin.here();
    let checked = check(&origin.replica(&new, &old));
    checked.ends(0).silent(&["window-tables", "window-ddl"]);
    assert_eq!(checked.batch_start(), new);
}

#[test]
fn a_source_that_lags_behind_a_dropped_table_refuses() {
    let Some(origin) = Origin::start("a_source_that_lags_behind_a_dropped_table_refuses") else { return };
    let old = origin.here();
    origin.write("my_two", 1);
    origin.run_in("my_one", "CREATE TABLE gone (id INT PRIMARY KEY); INSERT INTO gone VALUES (1);");
    let rows = before_the_commit(&origin);
    origin.run_in("my_one", "DROP TABLE gone;");
    let new = origin.here();
    let replica = origin.replica(&new, &old);
    check(&replica).ends(3).says(
        "window-tables",
        &[
            "error",
            &format!("would read rows of my_one.gone up to {rows}, because old_two lags behind them"),
            "Let 1.8.2 catch up for old_two first",
        ],
    );
    // The remedy: once old_two has passed them, nothing is in the way.
    check(&origin.replica(&new, &rows)).ends(0).silent(&["window-tables"]);
    // Rows of tables that still exist are no trouble, nor are those of a schema that nobody replicates.
    origin.run("CREATE TABLE my_one.gone (id INT PRIMARY KEY)");
    check(&replica).ends(0).silent(&["window-tables"]);
    origin.run("DROP TABLE my_one.gone; CREATE VIEW my_one.gone AS SELECT 1 AS id");
    check(&replica).ends(3);
}

#[test]
fn rows_of_a_table_that_is_gone_lie_behind_the_window() {
    let Some(origin) = Origin::start("rows_of_a_table_that_is_gone_lie_behind_the_window") else { return };
    let here = origin.here();
    origin.run_in("my_one", "CREATE TABLE gone (id INT PRIMARY KEY); INSERT INTO gone VALUES (1);");
    let rows = before_the_commit(&origin);
    origin.run_in("my_one", "DROP TABLE gone;");
    let replica = origin.replica(&here, &here);
    check(&replica).ends(3).says(
        "window-tables",
        &[
            "error",
            &format!("rows of my_one.gone up to {rows} are yet to be read"),
            &format!("start the 1.8.2 replica of old_one until it has passed {rows}"),
        ],
    );
    // The remedy.
    let now = origin.here();
    check(&origin.replica(&now, &now)).ends(0).silent(&["window-tables"]);
}

#[test]
fn rows_of_a_table_that_is_gone_lie_in_the_window_and_behind_it() {
    let Some(origin) = Origin::start("rows_of_a_table_that_is_gone_lie_in_the_window_and_behind_it") else {
        return;
    };
    let old = origin.here();
    origin.write("my_two", 1);
    origin.run_in("my_one", "CREATE TABLE gone (id INT PRIMARY KEY); INSERT INTO gone VALUES (1);");
    let new = origin.here();
    origin.run_in("my_one", "INSERT INTO gone VALUES (2)");
    let rows = before_the_commit(&origin);
    origin.run_in("my_one", "DROP TABLE gone");
    // The last of them decide, which nobody has read.
    check(&origin.replica(&new, &old)).ends(3).says(
        "window-tables",
        &[
            &format!("rows of my_one.gone up to {rows} are yet to be read"),
            &format!("start the 1.8.2 replica of old_one until it has passed {rows}"),
        ],
    );
}

#[test]
fn statements_that_the_daemon_cannot_parse() {
    let Some(origin) = Origin::start("statements_that_the_daemon_cannot_parse") else { return };
    for (statement, severity, code) in [
        ("ANALYZE TABLE t", "error", 3),
        (
            "BEGIN; INSERT INTO t VALUES (1, 'a'); SAVEPOINT s; INSERT INTO t VALUES (2, 'a'); COMMIT",
            "error",
            3,
        ),
        ("ALTER TABLE t ADD COLUMN more INT DEFAULT -1", "error", 3),
        ("CREATE INDEX i ON t (id)", "error", 3),
        ("ALTER TABLE t MODIFY data VARCHAR(20)", "warning", 0),
        ("ALTER TABLE t ADD COLUMN even_more INT", "", 0),
    ] {
        let here = origin.here();
        origin.run_in("my_one", statement);
        let now = origin.here();
        let checked = check_changed(&origin.replica(&here, &here));
        checked.ends(code);
        if severity.is_empty() {
            checked.silent(&["window-statements"]);
        } else {
            checked.says("window-statements", &[severity, "1 statement", "in my_one at", "1.8.2"]);
        }
        // The remedy; and nobody minds what is issued with another default database.
        check_changed(&origin.replica(&now, &now)).ends(0).silent(&["window-statements"]);
        origin.run("ANALYZE TABLE my_two.t");
        check_changed(&origin.replica(&now, &now)).ends(0).silent(&["window-statements"]);
    }
}

#[test]
fn a_table_of_a_schema_that_nobody_replicates_may_be_gone() {
    let Some(origin) = Origin::start("a_table_of_a_schema_that_nobody_replicates_may_be_gone") else {
        return;
    };
    let old = origin.here();
    origin.write("my_two", 1);
    origin.create("other");
    origin.write("other", 1);
    origin.run("DROP DATABASE other");
    let new = origin.here();
    check(&origin.replica(&new, &old)).ends(0).silent(&["window-tables", "window-ddl"]);
}

#[test]
fn each_kind_of_ddl_that_is_left_is_named() {
    let Some(origin) = Origin::start("each_kind_of_ddl_that_is_left_is_named") else { return };
    let old = origin.here();
    origin.write("my_two", 1);
    let statements = [
        ("CREATE TABLE", "CREATE TABLE a (id INT PRIMARY KEY)"),
        ("ALTER TABLE", "ALTER TABLE a ADD COLUMN secret VARCHAR(20) DEFAULT 'hunter2'"),
        ("RENAME TABLE", "RENAME TABLE a TO b"),
        ("TRUNCATE TABLE", "TRUNCATE b"),
        ("DROP TABLE", "DROP TABLE b"),
    ];
    for (_, statement) in statements {
        origin.run_in("my_one", statement);
    }
    // A replica goes by the default database alone, and these are no tables.
    origin.run("ALTER TABLE my_one.t ADD COLUMN more INT");
    origin.run_in(
        "my_one",
        "CREATE VIEW v AS SELECT 1; CREATE USER x@'%' IDENTIFIED BY 'hunter2'; GRANT SELECT ON t TO x@'%'",
    );
    let new = origin.here();
    let checked = check(&origin.replica(&new, &old));
    let kinds: Vec<_> =
        statements.iter().map(|(kind, _)| format!("{kind} in my_one at mysql-bin.000001:")).collect();
    let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
    checked
        .ends(3)
        .says("window-ddl", &["warning", "meets 5 statements", "applied already: RENAME TABLE a TO b"]);
    checked.says("window-ddl", &kinds);
    for all_named in ["window-ddl", "window-statements"] {
        assert!(!checked.text(all_named).contains(" more"), "{:#}", checked.said);
    }
    // Of all these, the daemon's parser fails at four, whether they are about a table or not.
    checked.says(
        "window-statements",
        &["error", "4 statements", "RENAME TABLE a TO b in my_one", "VIEW", "CREATE USER", "GRANT SELECT"],
    );
    assert!(!checked.everything.contains("hunter2"), "{}", checked.everything);
    // The source's own, which lags: nothing that was applied.
    origin.run_in("my_two", "ALTER TABLE t ADD COLUMN more INT");
    origin.run("INSERT INTO my_one.t (id) VALUES (1)");
    let newer = origin.here();
    check_changed(&origin.replica(&newer, &new))
        .ends(0)
        .says("table-structure", &["accepted", "my_one.t", "it has no column more"])
        .says("window-ddl", &["1 statement", "ALTER TABLE in my_two", "yet to be applied"]);
}

#[test]
fn the_first_of_many_are_named_and_all_are_counted() {
    let Some(origin) = Origin::start("the_first_of_many_are_named_and_all_are_counted") else { return };
    let old = origin.here();
    origin.write("my_two", 1);
    let drop_one = |number: u32| {
        format!(
            "CREATE TABLE a{number} (id INT PRIMARY KEY); INSERT INTO a{number} VALUES (1); DROP TABLE a{number};"
        )
    };
    for number in 0..13 {
        origin.run_in("my_one", &drop_one(number));
    }
    origin.run_in("my_one", &"ANALYZE TABLE t;".repeat(23));
    let new = origin.here();
    let checked = check(&origin.replica(&new, &old));
    checked.ends(3);
    checked.says("window-ddl", &["meets 26 statements", "CREATE TABLE in my_one", "; 6 more."]);
    checked.says(
        "window-statements",
        &[
            "at 23 statements",
            "ANALYZE TABLE t in my_one",
            "; 3 more.",
            "keep coming (ANALYZE TABLE t 23 times)",
        ],
    );
    let gone = |checked: &Checked| {
        let findings = checked.of("window-tables");
        let last = findings.last().unwrap()["found"].as_str().unwrap().to_owned();
        (findings.len(), last)
    };
    assert_eq!(gone(&checked), (11, "Source new: the same holds of 3 more tables.".to_owned()));
    // As many as are named one by one.
    for number in 0..3 {
        origin.run(&format!("CREATE TABLE my_one.a{number} (id INT PRIMARY KEY)"));
    }
    let (count, last) = gone(&check(&origin.replica(&new, &old)));
    assert!(count == 10 && last.contains("rows of my_one.a"), "{count} {last}");
}

#[test]
fn a_statement_of_its_schema_holds_a_source_back() {
    let Some(origin) = Origin::start("a_statement_of_its_schema_holds_a_source_back") else { return };
    let old = origin.here();
    origin.write("my_one", 1);
    let statement = origin.here();
    origin.run_in("my_two", "ALTER TABLE t ADD COLUMN more INT");
    origin.write("my_one", 2);
    let new = origin.here();
    assert_eq!(check(&origin.replica(&new, &old)).batch_start(), statement);
}

#[test]
fn the_binary_log_is_read_across_its_files() {
    let Some(origin) = Origin::start("the_binary_log_is_read_across_its_files") else { return };
    let old = origin.here();
    for id in 1..=5 {
        origin.write("my_one", id);
        origin.run("FLUSH BINARY LOGS");
    }
    let next = origin.here();
    assert!(next.starts_with("mysql-bin.000006:"));
    origin.write("my_two", 1);
    origin.run("FLUSH BINARY LOGS");
    origin.write("my_one", 6);
    let new = origin.here();
    let checked = check(&origin.replica(&new, &old));
    assert_eq!(checked.ends(0).batch_start(), next);
    // A start at the very end of a file, before the server went on to the next.
    let (_, end, ..) = origin.events("mysql-bin.000003").iter().rev().nth(1).unwrap().clone();
    assert_eq!(check(&origin.replica(&new, &format!("mysql-bin.000003:{end}"))).batch_start(), next);
}

#[test]
fn a_replica_stands_inside_a_transaction() {
    let Some(origin) = Origin::start("a_replica_stands_inside_a_transaction") else { return };
    let begin = origin.here();
    origin.run(
        "BEGIN; INSERT INTO my_one.t VALUES (1, 'a'); INSERT INTO my_two.t VALUES (1, 'a');
         INSERT INTO my_one.t VALUES (2, 'a'); INSERT INTO my_two.t VALUES (2, 'a'); COMMIT;",
    );
    let rows: Vec<_> = origin
        .events("mysql-bin.000001")
        .into_iter()
        .filter(|(begin_of_event, _, kind, _)| {
            kind.starts_with("Write_rows") && *begin_of_event > position(&begin)
        })
        .map(|(_, end, ..)| format!("mysql-bin.000001:{end}"))
        .collect();
    let [one, two, one_again, two_again] = &rows[..] else { panic!("{rows:?}") };
    let starts = |one: &str, two: &str| {
        let checked = check(&origin.replica(one, two));
        (checked.advanced(0).to_owned(), checked.advanced(1).to_owned())
    };
    // Both have all of it: nothing before the commit concerns the one that is behind.
    assert_eq!(starts(one_again, two_again), (two_again.clone(), two_again.clone()));
    // A reader that has read to before its second row goes on from where it stands, never from before it.
    assert_eq!(starts(one, two_again), (one.clone(), two_again.clone()));
    // One that has nothing of it goes on from the beginning of the transaction.
    assert_eq!(starts(&begin, two), (begin.clone(), two.clone()));
    // The consistent point lies inside; what comes behind it in the transaction counts too.
    assert_eq!(starts(one, &begin), (one.clone(), begin.clone()));
}

fn position(coordinate: &str) -> u64 {
    coordinate.split_once(':').unwrap().1.parse().unwrap()
}

#[test]
fn names_that_hurt() {
    let Some(origin) = Origin::start("names_that_hurt") else { return };
    let names = ["a.b", "it's `quoted`", "Größe 名前", "use db", "my_one)"];
    names.iter().for_each(|name| origin.create(name));
    for name in names {
        let old = origin.here();
        origin.write("my_one", 1);
        let next = origin.here();
        origin.run(&format!("CREATE TABLE {0}.`gone.for good` (id INT PRIMARY KEY)", quoted(name)));
        origin.run(&format!("INSERT INTO {0}.`gone.for good` VALUES (1)", quoted(name)));
        let rows = before_the_commit(&origin);
        origin.run(&format!("DROP TABLE {0}.`gone.for good`; DELETE FROM my_one.t", quoted(name)));
        let new = origin.here();
        let replica = origin.replica_of(&[("my_one", &old), (name, &new)], origin.db_conn());
        let checked = check(&replica);
        checked.ends(3).says("window-tables", &[&format!("rows of {name}.gone.for good up to {rows}")]);
        assert_eq!(checked.batch_start(), old);
        let replica = origin.replica_of(&[("my_one", &new), (name, &old)], origin.db_conn());
        let checked = check(&replica);
        checked.silent(&["mysql-schemas", "window-statements"]);
        checked.says(
            "window-tables",
            &[&format!("rows of {name}.gone.for good up to {rows} are yet to be read")],
        );
        assert!(
            position(checked.batch_start()) > position(&next),
            "the CREATE TABLE has no default database"
        );
    }
}

#[test]
fn every_way_of_writing_is_seen() {
    let Some(origin) = Origin::start("every_way_of_writing_is_seen") else { return };
    origin.run(
        "CREATE TABLE my_two.memory (id INT PRIMARY KEY) ENGINE=MyISAM;
         CREATE TABLE my_one.source (id INT PRIMARY KEY, data TEXT); INSERT INTO my_one.source VALUES (1, 'a'), (2, 'b');
         CREATE TABLE my_one.triggering (id INT PRIMARY KEY);
         CREATE TRIGGER my_one.trg AFTER INSERT ON my_one.triggering FOR EACH ROW
             INSERT INTO my_two.t VALUES (NEW.id + 1000, 'by a trigger');",
    );
    let of_mariadb: &[&str] = match SERVER {
        MySqlKind::MariaDb => {
            origin.run("CREATE TABLE my_two.aria (id INT PRIMARY KEY) ENGINE=Aria TRANSACTIONAL=0");
            &[
                "INSERT INTO my_two.aria VALUES (1)",
                "SET STATEMENT sql_mode = '' FOR INSERT INTO my_two.t SELECT id + 10, data FROM my_one.source",
            ]
        }
        MySqlKind::MySql => &[],
    };
    let of_both = [
        "INSERT INTO my_two.t VALUES (1, 'a')",
        "UPDATE my_two.t SET data = 'b' WHERE id = 1",
        "DELETE FROM my_two.t WHERE id = 1",
        "REPLACE INTO my_two.t VALUES (2, 'a'); ",
        "INSERT INTO my_two.memory VALUES (1)",
        "BEGIN; INSERT INTO my_one.t VALUES (1, 'a'); SAVEPOINT s; INSERT INTO my_two.t VALUES (3, 'a'); RELEASE SAVEPOINT s; COMMIT",
        "XA START 'x'; INSERT INTO my_two.t VALUES (4, 'a'); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'",
        "XA START 'y'; INSERT INTO my_two.t VALUES (5, 'a'); XA END 'y'; XA COMMIT 'y' ONE PHASE",
        "INSERT INTO my_one.triggering VALUES (1)",
        "CREATE TABLE my_two.copied (id INT PRIMARY KEY) SELECT * FROM my_one.source",
    ];
    for statements in of_both.iter().chain(of_mariadb) {
        let old = origin.here();
        origin.run("INSERT INTO my_one.t VALUES (99, 'a'); DELETE FROM my_one.t WHERE id = 99");
        let next = origin.here();
        origin.run(statements);
        origin.run("INSERT INTO my_one.t VALUES (99, 'a'); DELETE FROM my_one.t");
        let new = origin.here();
        let checked = check(&origin.replica(&new, &old));
        assert_eq!(checked.ends(0).batch_start(), next, "{statements}");
        assert_eq!(check(&origin.replica(&new, &next)).batch_start(), next, "{statements}");
    }
}

#[test]
fn what_changes_no_row_holds_nobody_back() {
    let Some(origin) = Origin::start("what_changes_no_row_holds_nobody_back") else { return };
    origin.write("my_two", 1);
    let old = origin.here();
    origin.run_in(
        "my_two",
        "ANALYZE TABLE t; FLUSH TABLES; CREATE TEMPORARY TABLE tmp (id INT); INSERT INTO tmp VALUES (1); DROP TEMPORARY TABLE tmp;
         BEGIN; INSERT INTO t VALUES (9, 'a'); ROLLBACK; UPDATE t SET data = 'none' WHERE id = 1000;
         CREATE USER somebody@'%'; DROP USER somebody@'%';",
    );
    origin.write("my_one", 1);
    let new = origin.here();
    assert_eq!(check(&origin.replica(&new, &old)).ends(0).batch_start(), new);
}

#[test]
fn a_server_whose_names_have_no_letter_case() {
    let options = ["--lower-case-table-names=1".to_owned()];
    let Some(origin) = Origin::start_with("a_server_whose_names_have_no_letter_case", &options) else {
        return;
    };
    let old = origin.here();
    origin.write("my_one", 1);
    let next = origin.here();
    origin.write("my_two", 1);
    let new = origin.here();
    let replica = origin.replica_of(&[("My_One", &new), ("MY_TWO", &old)], origin.db_conn());
    let checked = check(&replica);
    // §hunt-28: neither pg_chameleon takes the letters for the same.
    checked.ends(3).says("mysql-schemas", &["error", "My_One is my_one there, MY_TWO is my_two there"]);
    assert_eq!(checked.batch_start(), next);
}

#[test]
fn a_transaction_larger_than_a_packet() {
    let Some(origin) = Origin::start("a_transaction_larger_than_a_packet") else { return };
    origin.run("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024; CREATE TABLE my_two.big (id INT PRIMARY KEY, data LONGTEXT)");
    let old = origin.here();
    origin.write("my_one", 1);
    let next = origin.here();
    origin.run("BEGIN; INSERT INTO my_two.big VALUES (1, REPEAT('a', 20000000)), (2, REPEAT('b', 20000000)); COMMIT;");
    origin.write("my_one", 2);
    let new = origin.here();
    assert_eq!(check(&origin.replica(&new, &old)).ends(0).batch_start(), next);
}

#[test]
fn a_server_without_checksums() {
    let Some(origin) = Origin::start("a_server_without_checksums") else { return };
    origin.run("SET GLOBAL binlog_checksum = NONE");
    let old = origin.here();
    origin.write("my_one", 1);
    let next = origin.here();
    origin.write("my_two", 1);
    origin.run("SET GLOBAL binlog_checksum = CRC32");
    origin.write("my_one", 2);
    let new = origin.here();
    // It is read; the daemon, which goes by the setting of now, would not get past it.
    let checked = check(&origin.replica(&new, &old));
    assert_eq!(checked.ends(3).batch_start(), next);
    checked.says("binlog-contents", &["was written with binlog_checksum NONE"]);
}

#[test]
fn no_replica_loses_its_place() {
    let Some(origin) = Origin::start("no_replica_loses_its_place") else { return };
    origin.write("my_one", 1);
    let old = origin.here();
    origin.write("my_one", 2);
    let new = origin.here();
    // A replica that is connected while the upgrader reads.
    let mut replica = origin.mysql.connect(None).unwrap();
    mysql::prelude::Queryable::query_drop(&mut replica, "SET @master_binlog_checksum = 'ALL'").unwrap();
    let request = mysql::BinlogRequest::new(42).with_filename(b"mysql-bin.000001".as_slice()).with_pos(4_u64);
    let mut events = replica.get_binlog_stream(request).unwrap();
    events.next().unwrap().unwrap();
    check(&origin.replica(&new, &old)).ends(0);
    origin.write("my_one", 3);
    let last = position(&origin.here());
    let arrived = events.map(|event| u64::from(event.unwrap().header().log_pos())).find(|end| *end == last);
    assert_eq!(arrived, Some(last));
}
