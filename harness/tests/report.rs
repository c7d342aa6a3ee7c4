//! `chameleon-harness report`: every form is made again from what a rehearsal has written.
#![allow(clippy::unwrap_used, reason = "a test may end there")]

use assert_cmd::Command;
use chameleon_harness::rehearsal::forms;
use chameleon_upgrade::report::layout;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/example.json")
}

fn report() -> Command {
    let mut command = Command::cargo_bin("chameleon-harness").unwrap();
    command.arg("report");
    command
}

/// The example, changed, as a file.
fn changed(folder: &TempDir, name: &str, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut value: Value = serde_json::from_str(&fs::read_to_string(example()).unwrap()).unwrap();
    change(&mut value);
    let file = folder.path().join(name);
    fs::write(&file, value.to_string()).unwrap();
    file
}

fn refused(value: &mut Value) {
    value["verdict"] = json!("no_go");
    value["findings"][1]["severity"] = json!("error");
    value["findings"][3] =
        json!({"step": "upgrade", "check": "own-objects", "severity": "error", "found": "a view is there"});
    value["forecast"]["total"]["likely"] = json!(400.0);
    value["steps"][3]["outcome"] = json!("failed");
    value["steps"][4]["outcome"] = json!("left_out");
    value["sweep"]["runs"][5]["violations"] = json!([{"property": "atomic", "seen": "t_sources is gone"}]);
}

#[test]
fn the_text_says_what_came_of_it() {
    report()
        .arg(example())
        .assert()
        .success()
        .stdout(contains("  - MySQL keeps its binary logs for 20 hours"))
        .stdout(contains("Findings: 0 errors, 4 warnings\n  warning  discarded-rows (check of production)\n"))
        .stdout(contains("What to do: Keep them for longer until the replica runs: SET PERSIST"))
        .stdout(contains("The replica will stand still for 1 min 24 s most likely, 43 s to 4 min 43 s"))
        .stdout(contains("     chameleon-upgrade verify --config upgraded\n"))
        .stdout(predicates::str::ends_with(
            "Go, with warnings: The day will go well. Something is to be known, or done, before it or after it.\n",
        ));
}

/// But what is to be copied, which stands on a line of its own.
#[test]
fn the_text_fits_into_80_columns() {
    let report = forms::file::read(&example()).unwrap();
    let text = forms::text(&report, Some(80));
    let wide: Vec<_> = text.lines().filter(|line| layout::width(line) > 80).collect();
    assert_eq!(
        wide,
        [
            "    chameleon-upgrade verify --config upgraded --tables stock.lots,stock.inventory_movements",
            "    chameleon sync_tables --config upgraded --source main --tables stock.lots,stock.inventory_movements",
        ]
    );
    let compared = forms::comparison(&report, &report, Some(80))
        + &forms::fleet(&[("a replica".to_owned(), report)], Some(80));
    assert!(compared.lines().all(|line| layout::width(line) <= 80), "{compared}");
}

#[test]
fn a_rehearsal_that_went_badly_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let bad = changed(&folder, "bad.json", refused);
    let junit = folder.path().join("junit.xml");
    report().arg(&bad).assert().code(1).stdout(contains("No go: The day will not go well, as things are.\n"));
    report().arg(&bad).arg("--junit").arg(&junit).assert().code(1).stdout("");
    let text = fs::read_to_string(junit).unwrap();
    assert!(
        text.contains(
            r#"<testsuite name="rehearsal" tests="22" failures="5" errors="0" skipped="1" time="1043.200""#
        ),
        "{text}"
    );
    for wanted in [
        r#"<testcase classname="rehearsal.verdict" name="the day will go well" time="0.000"><failure>"#,
        r#"name="upgrade" time="23.100"><failure>Upgraded to"#,
        r#"name="daemon of pg_chameleon 2" time="302.000"><skipped message="The daemon of main"#,
        r#"name="discarded-rows (check of production)" time="0.000"><failure>error: 1.8.2 has"#,
        r#"classname="rehearsal.faults" name="cut_before" time="0.000"><failure>cut_before@6: atomic: t_sources is gone"#,
        r#"name="cut_after" time="0.000"><system-out>32 runs, 32 happened</system-out>"#,
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[test]
fn several_reports_are_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let bad = changed(&folder, "bad.json", refused);
    let all = "2 rehearsals: the day will go well for all of them.";
    report().args([example(), example()]).assert().success().stdout(contains(all));
    report()
        .arg(example())
        .arg(&bad)
        .assert()
        .code(1)
        .stdout(contains(
            "│ example ┆ Go, with warnings ┆ 1 min 24 s   ┆ 0      ┆ 4        ┆ 2026-11-26 21:02 UTC │",
        ))
        .stdout(contains("│ bad     ┆ No go             ┆ 6 min 40 s   ┆ 2      ┆ 2        ┆"))
        .stdout(contains("2 rehearsals: the day will go well for 1 of them."));
    report()
        .args([example(), bad])
        .args(["--html", "x.html"])
        .assert()
        .code(2)
        .stderr(contains("is made from one report: name one"));
}

#[test]
fn two_rehearsals_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let bad = changed(&folder, "bad.json", refused);
    report()
        .arg(&bad)
        .arg("--compare")
        .arg(example())
        .assert()
        .code(1)
        .stdout(contains("worse; the verdict was Go, with warnings, and is No go."))
        .stdout(contains("New: 1 finding\n  error  own-objects (upgrade): a view is there"))
        .stdout(contains("Gone: 1 finding\n  warning  dependents (check of production): The view"))
        .stdout(contains("Changed: 1 finding\n  warning, now error  discarded-rows"))
        .stdout(contains("│ stands still, likely   "))
        .stdout(contains("┆ 1 min 24 s        ┆ 6 min 40 s ┆ worse"))
        .stdout(contains("│ violations").and(contains("┆ 0                 ┆ 1          ┆ worse")));
    report()
        .arg(example())
        .arg("--compare")
        .arg(&bad)
        .assert()
        .success()
        .stdout(contains("better; the verdict was No go, and is Go, with warnings."));
    report()
        .arg(example())
        .arg("--compare")
        .arg(example())
        .assert()
        .stdout(contains("The findings are the same."));
}

#[test]
fn what_is_no_report_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let other = changed(&folder, "other.json", |value| value["version"] = json!(7));
    let says = "is a report of version 7, and this program reads version 2: use the chameleon-harness that has written it (0.1.0)";
    report().arg(other).assert().code(2).stderr(contains(says));
    for text in ["{\"version\": 1, \"findings\": []}", "{}", "[]", "no JSON", ""] {
        let file = folder.path().join("none.json");
        fs::write(&file, text).unwrap();
        report().arg(file).assert().code(2).stderr(contains("none.json is no report of a rehearsal"));
    }
    report().arg("nowhere.json").assert().code(2).stderr(contains("nowhere.json can't be read"));
    let unwritable = "/nowhere/page.html";
    report()
        .arg(example())
        .args(["--html", unwritable])
        .assert()
        .code(2)
        .stderr(contains("/nowhere/page.html can't be written"));
}

#[test]
fn under_other_names_none_of_the_names_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let secret = changed(&folder, "secret.json", |value| {
        value["upgrade"]["output"] = json!(
            "Access denied for user 'repl_eu'@'10.3.2.1' (using password=hunter2) in shop.orders of bareserver as barereader"
        );
        value["production"]["hosts"] = json!(["bareserver"]);
        value["production"]["users"] = json!(["barereader"]);
        value["production"]["given_dump"] = json!("/home/alice/acme.dump");
        value["repeat"] = json!("chameleon-harness rehearse --config upgraded --dump /home/alice/acme.dump");
    });
    let [json, html] = ["other.json", "page.html"].map(|name| folder.path().join(name));
    report()
        .arg(&secret)
        .arg("--anonymise")
        .arg("--json")
        .arg(&json)
        .arg("--html")
        .arg(&html)
        .assert()
        .success();
    let first = fs::read_to_string(&json).unwrap();
    let value: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(value["plan"]["sources"][0]["name"], json!("source_1"));
    let of_shop = &value["tables"][3]["names"][0];
    assert!(of_shop.as_str().unwrap().starts_with("table_"), "{of_shop}");
    let schema = value["tables"][3]["schema"].as_str().unwrap();
    let written = value["upgrade"]["output"].as_str().unwrap();
    assert!(
        written.starts_with("Access denied for user 'user_") && written.contains("password=***"),
        "{written}"
    );
    assert!(written.contains(&format!("in {schema}.table_")), "{written}");
    let page = fs::read_to_string(&html).unwrap();
    let (page, _packed) = page.split_once("<script type=\"application").unwrap();
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    for name in [
        "shop",
        "stock",
        "crm",
        "my_shop",
        "orders",
        "inventory_movements",
        "upgraded",
        "alice",
        "acme",
        "repl_eu",
        "hunter2",
        "db1",
        "bareserver",
        "barereader",
    ] {
        for (form, text) in [("JSON", &*first), ("page", page)] {
            let there = text.split(|letter: char| !is_word(letter)).any(|word| word == name);
            assert!(!there, "{name} is in the {form}");
        }
    }
    assert!(!first.contains("10.3.2.1") && !first.contains("db1.example.internal"));
    // A second time gives the same.
    report().arg(&json).arg("--json").arg(folder.path().join("again.json")).assert().success();
    assert_eq!(fs::read_to_string(folder.path().join("again.json")).unwrap(), first);
}
