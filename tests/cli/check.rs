//! `check --list` and `check --only`: §checks.

use crate::on_terminal::{Terminal, assert_fits};
use crate::replica::{PROGRAM, Replica, assert_unchanged, demo_source, shown};
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

/// §check-several: each is looked at, whatever becomes of the others, and the one of which the least is known decides.
#[test]
fn several_configurations_are_looked_at_and_the_worst_decides() {
    let (good, mut bad) = (Replica::demo(), Replica::demo());
    bad.configure(&[ConfiguredSource::mysql("replica", &[("my_shop", "elsewhere")])]);
    let upgraded = Replica::demo();
    upgraded.upgrade(&[]).code(0);
    let path = |replica: &Replica| replica.home.configuration().to_str().unwrap().to_owned();
    let check = |configurations: &[String], more: &[&str]| {
        let named = configurations.iter().flat_map(|it| ["--config", it]);
        let output =
            Command::new(PROGRAM).args(["check", "--offline"]).args(named).args(more).output().unwrap();
        (output.status.code(), shown(&output))
    };
    let (good, bad, done, none) = (path(&good), path(&bad), path(&upgraded), "/nowhere/a.yml".to_owned());
    for (configurations, code, said) in [
        (
            vec![good.clone(), done.clone()],
            0,
            "2 configurations. 2: nothing refuses the upgrade. Nothing was changed.",
        ),
        (vec![bad.clone(), good.clone()], 3, "1: nothing refuses the upgrade; 1: it would be refused"),
        (
            vec![bad.clone(), none, good.clone()],
            2,
            "1: it would be refused; 1: the configuration can't be read",
        ),
    ] {
        let (ended, shown) = check(&configurations, &[]);
        assert_eq!(ended, Some(code), "{shown}");
        assert!(shown.contains(said), "{said}\n{shown}");
        let overview = shown.split("Overview").nth(1).expect(&shown);
        let lines = |text: &str| overview.lines().filter(|line| line.contains(text)).count();
        assert_eq!(lines("/upgraded.yml"), configurations.len() - usize::from(code == 2), "{overview}");
        assert_eq!(lines("not looked at"), usize::from(code == 2), "{overview}");
    }
    // Twice the same is one.
    let (ended, shown) = check(&[good.clone(), good], &[]);
    assert_eq!(ended, Some(0), "{shown}");
    assert!(!shown.contains("Overview"), "{shown}");
}

/// What refuses comes first, what was accepted last; programs get the order of the checks.
#[test]
fn findings_are_read_in_the_order_of_their_weight() {
    let mut replica = Replica::demo();
    // Neither is the first check: an accepted error, a warning, infos, and an error.
    replica.configure(&[
        demo_source().with("limit_tables", json!(["my_shop.orders"])),
        ConfiguredSource::mysql("more", &[("a", "b")]),
    ]);
    replica.sql("ALTER TABLE stock.warehouses DROP CONSTRAINT warehouses_pkey CASCADE");
    let accept = ["check", "--accept", "tables-left-out=so it shall be"];
    let text = shown(&replica.command(&accept).output().unwrap());
    let words: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|word| ["error", "warning", "info", "accept."].contains(word))
        .collect();
    let mut once = words.clone();
    once.dedup();
    assert_eq!(once, ["error", "warning", "info", "accept."], "{text}");
    let json = replica.command(&[&accept[..], &["--format", "json"]].concat()).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let severities: Vec<_> =
        json["findings"].as_array().unwrap().iter().map(|it| it["severity"].as_str().unwrap()).collect();
    assert_eq!(severities.len(), words.len());
    assert!(
        !severities.is_sorted_by_key(|word| ["error", "warning", "info", "accepted"]
            .iter()
            .position(|it| it == word)),
        "{severities:?}"
    );
}
