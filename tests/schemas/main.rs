//! docs/schemas says what is written as JSON: the schemas are those of the types, each command writes what they say and
//! nothing else, and what an earlier version has written can be read by them. §json.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end there")]

#[path = "../replica/mod.rs"]
mod replica;
mod validator;

use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::commands;
use chameleon_harness::rehearsal::report::{self, RehearsalReport};
use chameleon_harness::replica::report::Report;
use chameleon_upgrade::report::schemas;
use replica::{Replica, demo_source, shown};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use validator::violations;

/// The configuration of a rehearsal.
const PRODUCTION: &str = "\
pg_conn: {host: production.invalid, port: 5432, user: usr_replica, password: none, database: db_replica, charset: utf8}
sources:
  replica: {type: mysql, db_conn: {host: mysql.invalid, port: 3306, user: usr_replica, password: none, charset: utf8,
            connect_timeout: 10}, schema_mappings: {my_shop: shop, my_stock: stock}}
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn all() -> Vec<(&'static str, Value)> {
    let mut all = schemas::all();
    all.push((REHEARSAL, RehearsalReport::schema()));
    all
}

/// `UPDATE=1` writes them anew.
#[test]
fn the_schemas_are_those_of_the_types() {
    let folder = root().join("docs/schemas");
    for (name, schema) in all() {
        let (file, text) = (folder.join(name), format!("{schema:#}\n"));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &text).unwrap();
        }
        assert!(
            fs::read_to_string(&file).unwrap_or_default() == text,
            "{} is not what the types say: run `UPDATE=1 cargo test --test schemas`",
            file.display()
        );
    }
    let mut there: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    there.retain(|name| name != "README.md");
    assert_eq!(there.len(), all().len(), "{there:?}");
}

/// The one form that has had another version.
const REHEARSAL: &str = "rehearsal.json";

fn assert_valid(name: &str, document: &Value, what: &str) {
    let (_, schema) = all().into_iter().find(|(its, _)| *its == name).unwrap();
    let version = if name == REHEARSAL { report::VERSION } else { 1 };
    assert_eq!(document["version"], version, "{what}");
    let violations = violations(&schema, document);
    assert!(violations.is_empty(), "{what}: {}\n{document:#}", violations.join("\n"));
}

fn parse(text: &[u8], what: &str) -> Value {
    serde_json::from_slice(text)
        .unwrap_or_else(|error| panic!("{what}: {error}\n{}", String::from_utf8_lossy(text)))
}

fn assert_lines_valid(text: &str, what: &str) {
    text.lines().for_each(|line| assert_valid("events.json", &parse(line.as_bytes(), what), what));
}

/// What a command writes to standard output.
fn written(replica: &Replica, arguments: &[&str]) -> Value {
    let lists = arguments.contains(&"--list");
    let mut command = if lists { replica.command_with_mysql(arguments) } else { replica.command(arguments) };
    let output = command.output().unwrap();
    let document = parse(&output.stdout, &format!("{arguments:?}: {}", shown(&output)));
    match (arguments, document["catalogue"].as_str()) {
        (["verify", ..], _) => keep("verify.json", &output.stdout),
        (["watch", ..], _) => keep("watch.json", &output.stdout),
        ([_, "--format", "json"], None) => keep("check.json", &output.stdout),
        ([_, "--format", "json"], Some(version)) => keep(&format!("status-{version}.json"), &output.stdout),
        ([_, "--format", "json", "--config", ..], _) => keep("overview.json", &output.stdout),
        ([_, "--list", ..], _) => keep("checks.json", &output.stdout),
        _ => {}
    }
    document
}

#[test]
fn every_command_writes_what_its_schema_says() {
    let mut replica = Replica::demo();
    let folder = tempfile::tempdir().unwrap();
    let (report, events) = (folder.path().join("report"), folder.path().join("events"));
    let (report_name, events_name) = (report.to_str().unwrap(), events.to_str().unwrap());
    let files = ["--report", report_name, "--events", events_name];
    let check_files = |what: &str| {
        assert_valid("report.json", &parse(&fs::read(&report).unwrap(), what), what);
        assert_lines_valid(&fs::read_to_string(&events).unwrap(), what);
    };
    assert_valid("status.json", &written(&replica, &["status", "--format", "json"]), "status of 1.7");
    assert_valid("checks.json", &written(&replica, &["check", "--list", "--format", "json"]), "check --list");
    assert_valid("check.json", &written(&replica, &["check", "--format", "json"]), "check");
    let several = ["check", "--format", "json", "--config", "/nowhere.yml"];
    let overview = written(&replica, &several);
    assert_valid("overview.json", &overview, "check of several");
    assert_eq!(overview["exit_code"], 2, "{overview:#}");
    // MySQL can't be reached: nothing was compared. That tables are compared is for the live scenarios.
    let verified = written(&replica, &["verify", "--format", "json"]);
    assert_valid("verify.json", &verified, "verify");
    assert_eq!(
        (&verified["exit_code"], &verified["tables"][0]["verdict"]),
        (&6.into(), &"not_compared".into())
    );
    let only = ["check", "--format", "json", "--only", "role,window"];
    assert_valid("check.json", &written(&replica, &only), "check --only");
    replica.command(&[&["upgrade", "--dry-run"], &files[..]].concat()).assert().code(0);
    check_files("a dry run");
    replica.configure(&[ConfiguredSource::mysql("replica", &[("my_shop", "elsewhere")])]);
    assert_valid("check.json", &written(&replica, &["check", "--format", "json"]), "a refusal");
    replica.command(&[&["upgrade", "--yes"], &files[..]].concat()).assert().code(3);
    check_files("a refusal");
    replica.configure(&[demo_source()]);
    replica.upgrade(&files).code(0);
    check_files("an upgrade");
    keep("report.json", &fs::read(&report).unwrap());
    keep("events.jsonl", &fs::read(&events).unwrap());
    assert_valid("status.json", &written(&replica, &["status", "--format", "json"]), "status of 2.0");
    // MySQL can't be reached, and no daemon was started.
    let watched = written(&replica, &["watch", "--format", "json"]);
    assert_valid("watch.json", &watched, "watch");
    assert_eq!((&watched["well"], &watched["sources"][0]["health"]), (&false.into(), &"down".into()));
    assert_valid("check.json", &written(&replica, &["check", "--format", "json"]), "check of 2.0");
    replica.upgrade(&files).code(0);
    check_files("an upgrade of what is upgraded");
    for arguments in [&["cleanup"][..], &["rollback", "--yes"], &["cleanup", "--drop", "--yes"]] {
        replica.command(&[arguments, &["--events", events_name]].concat()).assert().code(0);
        assert_lines_valid(&fs::read_to_string(&events).unwrap(), &arguments.join(" "));
    }
}

#[test]
fn a_rehearsal_writes_what_its_schema_says() {
    let replica = Replica::demo();
    let folder = tempfile::tempdir().unwrap();
    let (dump, report) = (folder.path().join("production.sql"), folder.path().join("rehearsal.json"));
    fs::write(&dump, replica.dump()).unwrap();
    let page = folder.path().join("rehearsal.html");
    let configuration = folder.path().join("production.yml");
    fs::write(&configuration, PRODUCTION).unwrap();
    let more =
        ["--only", "kill_client@40", "--report", report.to_str().unwrap(), "--html", page.to_str().unwrap()];
    let arguments = replica::rehearse(&dump, &configuration, &more);
    commands::rehearse::run(&arguments).unwrap();
    assert!(fs::read_to_string(&page).unwrap().starts_with("<!doctype html>"));
    let text = fs::read(&report).unwrap();
    assert_valid(REHEARSAL, &parse(&text, "a rehearsal"), "a rehearsal");
    keep(REHEARSAL, &text);
}

/// The validator is no use if it takes anything.
#[test]
fn what_is_not_in_the_schema_is_seen() {
    let (_, schema) = all().into_iter().find(|(name, _)| *name == "check.json").unwrap();
    let good: Value = parse(&fs::read(kept().join("check.json")).unwrap(), "check.json");
    assert_eq!(violations(&schema, &good), Vec::<String>::new());
    let spoilt: [fn(&mut Value); 6] = [
        |it| _ = it.as_object_mut().unwrap().remove("findings"),
        |it| it["new"] = 1.into(),
        |it| it["findings"][0]["severity"] = "fatal".into(),
        |it| it["exit_code"] = "3".into(),
        |it| it["plan"]["sources"][0]["batch_start"] = 7.into(),
        |it| it["exit_code"] = (-1).into(),
    ];
    for spoil in spoilt {
        let mut bad = good.clone();
        spoil(&mut bad);
        assert_eq!(violations(&schema, &bad).len(), 1, "{bad:#}");
    }
}

/// With `UPDATE=1` a form that nothing is kept of is kept.
fn keep(name: &str, text: &[u8]) {
    let file = kept().join(name);
    if std::env::var_os("UPDATE").is_some() && !file.exists() {
        fs::write(file, text).unwrap();
    }
}

fn kept() -> PathBuf {
    root().join("tests/schemas/kept")
}

/// Files as they were written once, `status-2.0.json` and its like by the name of their schema: they are never written anew. When a form gets another version, its files stay, and
/// what reads them goes on reading both.
#[test]
fn what_was_written_once_stays_readable() {
    let mut files: Vec<_> = fs::read_dir(kept()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut kinds = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let kind = name.split('.').next().unwrap().split('-').next().unwrap().to_owned();
        let text = fs::read(&file).unwrap();
        if name == "events.jsonl" {
            assert_lines_valid(&String::from_utf8(text).unwrap(), &name);
        } else {
            assert_valid(&format!("{kind}.json"), &parse(&text, &name), &name);
        }
        kinds.push(kind);
    }
    kinds.dedup();
    assert_eq!(
        kinds,
        ["check", "checks", "events", "overview", "rehearsal", "report", "status", "verify", "watch"]
    );
    let report = Report::read(&kept().join("report.json")).unwrap().unwrap();
    assert_eq!((report.findings.len(), report.steps.len()), (3, 10));
    assert!(report.replay_seconds() > 0.0);
}
