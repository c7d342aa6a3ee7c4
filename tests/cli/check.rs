//! `check --list` and `check --only`: §checks.

use crate::on_terminal::{Terminal, assert_fits};
use crate::replica::{PROGRAM, Replica, assert_unchanged, shown};
use assert_cmd::Command;
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::seed::{Batch, Seed, Source, Table};
use chameleon_upgrade::checks::CHECKS;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A catalogue of which a leftover, the mapping and the status refuse the upgrade.
fn with_three_errors() -> Replica {
    let source = Source::new("shop").status(chameleon_harness::seed::Status::Running);
    let source = source.table(Table::new("items")).batch(Batch::open("b.000001:4"));
    let seed = Seed::of([source]).statement("CREATE SCHEMA _sch_chameleon_version2");
    Replica::of(&seed, &[ConfiguredSource::mysql("replica", &[("a", "b")])])
}

/// `check` with these options, its exit code and what it shows.
fn check(replica: &Replica, options: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    command.args(["check", "--config", chameleon_harness::chameleon::home::CONFIGURATION]).args(options);
    let output = command.env("HOME", replica.home.path()).output().unwrap();
    (output.status.code(), shown(&output))
}

/// `check --format json` with these options: its exit code and what it writes to standard output.
fn check_json(replica: &Replica, options: &[&str]) -> (Option<i32>, Value) {
    let mut command = Command::new(PROGRAM);
    command
        .args(["check", "--format", "json", "--config", chameleon_harness::chameleon::home::CONFIGURATION])
        .args(options);
    let output = command.env("HOME", replica.home.path()).output().unwrap();
    let object = serde_json::from_slice(&output.stdout);
    (output.status.code(), object.unwrap_or_else(|error| panic!("{error}: {}", shown(&output))))
}

/// The ids of what was found.
fn found(object: &Value) -> BTreeSet<&str> {
    object["findings"].as_array().unwrap().iter().map(|finding| finding["check"].as_str().unwrap()).collect()
}

#[test]
fn all_checks_are_listed_without_a_configuration() {
    let run = |options: &[&str]| {
        let output =
            Command::new(PROGRAM).args(["check", "--list"]).args(options).env("HOME", "/nowhere").output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run(&[]);
    for check in CHECKS {
        let line = text.lines().find(|line| line.starts_with(&format!("│ {} ", check.id))).expect(check.id);
        assert!(line.contains(check.about), "{line}");
        assert_eq!(line.contains("can be accepted"), check.acceptable, "{line}");
    }
    let object: Value = serde_json::from_str(&run(&["--format", "json"])).unwrap();
    let listed = object["checks"].as_array().unwrap();
    assert_eq!(listed.len(), CHECKS.len());
    let charset = listed.iter().find(|check| check["id"] == "mysql-charset").unwrap();
    assert_eq!(charset["acceptable"], true);
    assert_eq!((&charset["worst"], &charset["asks_mysql"]), (&json!("error"), &json!(true)));
}

#[test]
fn the_list_fits_a_terminal() {
    let replica = with_three_errors();
    for columns in [80, 110, 200] {
        let (code, shown) = Terminal::of_width(columns, &replica, &["check", "--list"], &[]).end();
        assert_eq!(code, Some(0), "{shown}");
        assert_fits(usize::from(columns), "check --list", &shown);
    }
}

#[test]
fn only_the_checks_that_are_named_are_run() {
    let replica = with_three_errors();
    let before = replica.record();
    let (code, object) = check_json(&replica, &["--only", "leftovers"]);
    assert_eq!(code, Some(3), "{object}");
    assert_eq!(found(&object), BTreeSet::from(["leftovers"]));
    assert_eq!(object["only"], json!(["leftovers"]));

    let (code, shown) = check(&replica, &["--only", "leftovers,replica-stopped"]);
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("2 errors. Only 2 of") && !shown.contains("schema-mappings"), "{shown}");

    // What refuses is not among them, and that is said.
    let (code, shown) = check(&replica, &["--only", "role"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(
        shown.contains(&format!("Only 1 of {} checks were run. None of them refuses", CHECKS.len())),
        "{shown}"
    );
    assert!(!shown.contains("The upgrade can be done"), "{shown}");
    assert_unchanged(&before, &replica.record());
}

/// The configuration leads to a port where no MySQL server is.
#[test]
fn mysql_is_asked_when_a_check_goes_by_it() {
    let source = Source::new("shop").table(Table::new("items")).batch(Batch::open("b.000001:4"));
    let nowhere = json!({"host": "127.0.0.1", "port": 1, "user": "u", "password": "p", "charset": "utf8",
        "connect_timeout": 5});
    let new = ConfiguredSource::mysql("replica", &[("my_shop", "shop")]).with("db_conn", nowhere);
    let replica = Replica::of(&Seed::of([source]), &[new]);
    let (code, shown) = check(&replica, &["--only", "leftovers,role"]);
    assert_eq!(code, Some(0), "{shown}");
    let (code, shown) = check(&replica, &["--only", "leftovers,mysql"]);
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("error    mysql  "), "{shown}");
    let (code, shown) = check(&replica, &["--only", "mysql", "--offline"]);
    assert_eq!(code, Some(0), "{shown}");
}

#[test]
fn every_check_can_be_run_alone() {
    let replica = with_three_errors();
    for one in CHECKS {
        let (code, object) = check_json(&replica, &["--only", one.id, "--offline"]);
        let of_it = found(&object).into_iter().all(|id| id == one.id);
        assert!(of_it && matches!(code, Some(0 | 3)), "{}: {object}", one.id);
    }
}

#[test]
fn what_is_no_check_is_wrong_use() {
    let replica = with_three_errors();
    for (options, says) in [
        (&["--only", "nonsense"][..], "\"nonsense\" is no check; check --list shows all"),
        (&["--only", ""], "is no check"),
        (&["--list", "--only", "role"], "cannot be used with"),
    ] {
        let (code, shown) = check(&replica, options);
        assert_eq!(code, Some(2), "{options:?}: {shown}");
        assert!(shown.contains(says), "{options:?}: {shown}");
    }
}
