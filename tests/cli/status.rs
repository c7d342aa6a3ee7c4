//! `status` shows the sources of either catalogue, and says what it found when it is neither.

use crate::replica::{Replica, assert_unchanged, shown};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::seed::{Batch, Seed, Source, Status, Table};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

/// Two sources: one at work, one that was never initialised and whose schema on MySQL is not known yet.
fn seed() -> Seed {
    Seed::of([
        Source::new("shop")
            .last("2024-05-01 10:00:07", "2024-05-01 10:00:05")
            .status(Status::Error)
            .table(Table::new("items"))
            .table(Table::new("more"))
            .batch(Batch::open("b.000001:4")),
        Source::new("empty").source_schema(None).status(Status::Ready),
    ])
}

fn configured() -> Vec<ConfiguredSource> {
    vec![ConfiguredSource::mysql("replica", &[("my_shop", "shop"), ("my_empty", "empty")])]
}

/// The JSON that a command writes, with its exit code.
fn json_of(replica: &Replica, arguments: &[&str], code: i32) -> Value {
    let output = replica.command(&[arguments, &["--format", "json"]].concat()).assert().code(code);
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

/// The cells of the rows of tables that were shown.
fn cells(shown: &str) -> Vec<Vec<String>> {
    let rows = shown.lines().filter(|line| line.starts_with('│'));
    rows.map(|row| row.trim_matches('│').split('┆').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// As `check` ends for the same catalogue.
#[test]
fn of_a_catalogue_that_lacks_a_table() {
    for statement in [
        "DROP TABLE sch_chameleon.t_replica_tables",
        "ALTER TABLE sch_chameleon.t_sources DROP COLUMN ts_last_received",
    ] {
        let replica = Replica::of(&seed().statement(statement), &configured());
        let before = replica.record();
        for command in ["status", "check"] {
            replica.command(&[command]).assert().code(3).stderr(contains("Nothing was changed."));
        }
        replica
            .command(&["status"])
            .assert()
            .code(3)
            .stderr(contains("does not exist").and(contains("lacks a table or column")));
        assert_unchanged(&before, &replica.record());
    }
}

#[test]
fn of_a_1_7_catalogue() {
    let replica = Replica::of(&seed(), &configured());
    let before = replica.record();
    for command in ["status", "show_status"] {
        let output = replica.command(&[command]).assert().code(0).stdout(contains("The catalogue is 1.7."));
        let rows = cells(&shown(output.get_output()));
        assert_eq!(rows[0][..4], ["id", "source", "schema mapping", "status"]);
        assert_eq!(rows[1][..4], ["1", "shop", "my_shop → shop", "error"]);
        assert_eq!(
            (rows[1][5].as_str(), rows[1][7].as_str()),
            ("2024-05-01 10:00:07", "2024-05-01 10:00:05")
        );
        assert!(rows[1][4].contains("days"), "{rows:?}");
        assert_eq!(rows[1][8], "2");
        assert_eq!(rows[2], ["2", "empty", "(not known yet) → empty", "ready", "—", "—", "—", "—", "0"]);
    }
    let object = json_of(&replica, &["status"], 0);
    assert_eq!(object["catalogue"], "1.7");
    let shop = &object["sources"][0];
    assert_eq!(
        (&shop["name"], &shop["source_schema"], &shop["status"], &shop["tables"]),
        (&json!("shop"), &json!("my_shop"), &json!("error"), &json!(2))
    );
    assert_eq!(object["sources"][1]["source_schema"], Value::Null);
    assert_eq!(object["sources"][1]["read"], json!({"last": null, "lag": null}));
    assert_unchanged(&before, &replica.record());
}

#[test]
fn of_a_2_0_catalogue() {
    let replica = Replica::demo();
    replica.upgrade(&[]).code(0);
    replica.sql(
        "UPDATE sch_chameleon.t_replica_tables SET b_replica_enabled = false WHERE v_table_name = 'orders'",
    );
    let before = replica.record();
    for command in ["status", "show_status"] {
        let output =
            replica.command(&[command]).assert().code(0).stdout(contains("The catalogue is 2.0.10."));
        let rows = cells(&shown(output.get_output()));
        assert_eq!(rows[1][..5], ["1", "replica", "mysql", "stopped", "No"]);
        assert_eq!(rows[1][6], "2024-05-01 10:00:07");
        let details = &rows[3..];
        assert_eq!(
            details[0],
            ["replica", "my_shop → shop", "mysql-bin.000042:7310", "mysql-bin.000042:9120", "5", "1"]
        );
        assert_eq!(details[1][1], "my_stock → stock");
    }
    let object = json_of(&replica, &["show_status"], 0);
    assert_eq!(object["catalogue"], "2.0.10");
    let source = &object["sources"][0];
    assert_eq!(source["mappings"], json!({"my_shop": "shop", "my_stock": "stock"}));
    assert_eq!(
        (&source["replicated"], &source["disabled"], &source["inconsistent"], &source["consistent"]),
        (&json!(5), &json!(1), &json!(6), &json!(false))
    );
    assert_unchanged(&before, &replica.record());
}

#[test]
fn of_one_source() {
    let replica = Replica::of(&seed(), &configured());
    let one = json_of(&replica, &["status", "--source", "empty"], 0);
    assert_eq!(one["sources"].as_array().unwrap().len(), 1);
    assert_eq!(one["sources"][0]["name"], "empty");
    let no_such = |replica: &Replica, has: &str| {
        let told = format!("The catalogue has no source \"Shop\". It has: {has}.");
        replica.command(&["status", "--source", "Shop"]).assert().code(2).stderr(contains(told));
    };
    no_such(&replica, "shop, empty");
    replica.sql("UPDATE sch_chameleon.t_sources SET t_source_schema = 'my_empty' WHERE t_source = 'empty'");
    replica.upgrade(&[]).code(0);
    no_such(&replica, "replica");
    assert_eq!(json_of(&replica, &["status", "--source", "replica"], 0)["sources"][0]["id"], 1);
}

/// As show_status of 2.0.21 says more of a source that is named; and its tables that do not stand where it does.
#[test]
fn more_is_said_of_a_source_that_is_named() {
    let replica = Replica::demo();
    replica.upgrade(&[]).code(0);
    replica.sql(
        "UPDATE sch_chameleon.t_replica_tables SET b_replica_enabled = false, t_binlog_name = NULL, i_binlog_position = NULL
         WHERE v_table_name = 'orders';
         UPDATE sch_chameleon.t_replica_batch SET i_replayed = 5, i_skipped = 2, i_ddl = 1;
         UPDATE sch_chameleon.t_sources SET ts_last_maintenance = '2024-05-02 03:04:05'",
    );
    let object = json_of(&replica, &["status", "--source", "replica"], 0);
    let details = &object["details"];
    assert_eq!(
        (&details["rows_replayed"], &details["rows_skipped"], &details["definitions_replayed"]),
        (&json!(5), &json!(2), &json!(1)),
        "{details}"
    );
    assert_eq!(
        (&details["last_maintenance"], &details["odd_tables"]),
        (&json!("2024-05-02 03:04:05"), &json!(6))
    );
    let tables = details["tables"].as_array().unwrap();
    assert_eq!(tables.len(), 6);
    let orders = tables.iter().find(|table| table["table"] == "shop.orders").unwrap();
    assert_eq!((&orders["enabled"], &orders["starts_at"]), (&json!(false), &Value::Null));
    assert!(
        tables.iter().filter(|table| table["enabled"] == true).all(|table| table["starts_at"].is_string()),
        "{tables:?}"
    );
    let output = replica.command(&["status", "--source", "replica"]).assert().code(0);
    let rows = cells(&shown(output.get_output()));
    assert!(rows.contains(&["5", "2", "1", "2024-05-02 03:04:05"].map(str::to_owned).to_vec()), "{rows:?}");
    assert!(rows.contains(&["shop.orders", "No", "—"].map(str::to_owned).to_vec()), "{rows:?}");
    // Of all together no more is said.
    assert_eq!(json_of(&replica, &["status"], 0)["details"], Value::Null);
    replica.sql("UPDATE sch_chameleon.t_replica_tables SET b_replica_enabled = true, t_binlog_name = NULL, i_binlog_position = NULL");
    let output = replica.command(&["status", "--source", "replica"]).assert().code(0);
    assert!(!shown(output.get_output()).contains("starts at"), "{}", shown(output.get_output()));
}

#[test]
fn of_a_catalogue_without_sources() {
    let replica = Replica::of(&Seed::of([]), &configured());
    assert_eq!(json_of(&replica, &["status"], 0)["sources"], json!([]));
    replica
        .command(&["status", "--source", "x"])
        .assert()
        .code(2)
        .stderr(contains("has no source \"x\". It has: none."));
}

#[test]
fn of_no_catalogue() {
    let neither = |sql: &str, text: &str| {
        let replica = Replica::empty(&configured());
        replica.sql(sql);
        let verbs = ["status", "verify", "watch"];
        for (verb, format) in verbs.into_iter().flat_map(|verb| [(verb, "text"), (verb, "json")]) {
            let told = replica.command_with_mysql(&[verb, "--format", format]).assert().code(3).stdout("");
            let text = text.replace("status knows", &format!("{verb} knows"));
            told.stderr(contains(text).and(predicate::str::ends_with("Nothing was changed.\n")));
        }
    };
    neither("", "has no schema sch_chameleon: set pg_conn.database");
    neither("CREATE SCHEMA sch_chameleon", "says no version");
    let version = |version: &str| {
        format!(
            "CREATE SCHEMA sch_chameleon; CREATE VIEW sch_chameleon.v_version AS SELECT {version} AS t_version"
        )
    };
    neither(&version("'2.0.7'::text"), "The catalogue is 2.0.7; status knows 1.7 and 2.0.10.");
    neither(&version("'1.6'::text"), "The catalogue is 1.6; status knows 1.7 and 2.0.10.");
    neither(&version("NULL::text"), "says no version");
}

#[test]
fn for_a_role_that_may_only_read() {
    let mut replica = Replica::of(&seed(), &configured());
    let role = format!("reader_{}", replica.database.name());
    replica.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'pa55'"));
    replica.configure_as(&role, "pa55", &configured());
    let dump = tempfile::tempdir().unwrap();
    let dump = dump.path().join("dump");
    for arguments in
        [&["status"][..], &["verify"], &["watch"], &["rollback"], &["backup", dump.to_str().unwrap()]]
    {
        let told = replica.command_with_mysql(arguments).output().unwrap();
        let shown = shown(&told);
        assert_eq!(told.status.code(), Some(3), "{arguments:?}: {shown}");
        for text in [
            "may not read sch_chameleon: permission denied for ",
            "Set pg_conn.user to the role of the replica",
        ] {
            assert!(shown.contains(text), "{arguments:?}: {text} is not in: {shown}");
        }
        assert!(shown.contains("Nothing was changed"), "{arguments:?}: {shown}");
    }
    replica.sql(&format!(
        "GRANT USAGE ON SCHEMA sch_chameleon TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA sch_chameleon TO {role}"
    ));
    assert_eq!(json_of(&replica, &["status"], 0)["sources"][0]["name"], "shop");
}

/// §hunt-26: whoever asks to be shown something, and is shown nothing, must not be told that all is well.
#[test]
fn what_cannot_be_shown_is_no_success() {
    let replica = Replica::of(&seed(), &configured());
    replica.sql("UPDATE sch_chameleon.t_sources SET t_source_schema = 'my_empty' WHERE t_source = 'empty'");
    let code = |arguments: &[&str], sink: std::process::Stdio| {
        let mut command = std::process::Command::new(crate::replica::PROGRAM);
        command.args(arguments).args(["--config", "upgraded"]).env("HOME", replica.home.path()).stdout(sink);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for arguments in [
        &["check", "--offline", "--format", "json"][..],
        &["check", "--offline"],
        &["check", "--offline", "--quiet"],
        &["status", "--format", "json"],
        &["status"],
        &["status", "--quiet"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (ends, said) = code(arguments, full.into());
        assert_eq!(ends, Some(1), "{arguments:?}: {said}");
        assert!(
            said.contains("The output could not be written: No space left on device"),
            "{arguments:?}: {said}"
        );
        // A reader that has seen enough is no failure.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (ends, said) = code(arguments, writer.into());
        assert_eq!(ends, Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("could not be written"), "{arguments:?}: {said}");
    }
    replica.sql("CREATE SCHEMA _sch_chameleon_version2");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(
        code(&["check", "--offline", "--format", "json"], full.into()).0,
        Some(3),
        "a refusal stays one"
    );
}
