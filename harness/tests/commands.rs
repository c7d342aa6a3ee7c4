//! What `chameleon-harness` says, and the exit code it ends with, where it can't do what it was asked.
#![allow(clippy::unwrap_used, reason = "a test may end there")]

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use chameleon_harness::server::{self, LocalOptions, Server};
use predicates::prelude::*;
use predicates::str::contains;
use secrecy::ExposeSecret;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const WRONG_USE: i32 = 2;
const NO_HARNESS: i32 = 3;
const REFUSING_UPGRADER: &str = "/bin/false";

fn harness() -> Command {
    let mut command = Command::cargo_bin("chameleon-harness").unwrap();
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command
}

fn scenario(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yaml");
    fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap().to_owned();
    (folder, path)
}

const DEMO: &str = "about: x\ndemo: true\nruns: [{expect: {exit: 0}}]\n";

#[test]
fn a_wrong_scenario_file_is_told_with_its_place() {
    let (_folder, file) = scenario("about: x\ndemo: true\nruns:\n  - expect:\n      exti: 0\n");
    for verb in [vec!["run", &file], vec!["list", &file], vec!["sweep", "--scenario", &file]] {
        let says = format!("error: {file}:5:7: runs[0].expect: unknown field `exti`, expected one of `exit`");
        harness()
            .args(verb)
            .assert()
            .code(WRONG_USE)
            .stderr(contains(says))
            .stderr(contains("scenarios/README.md"));
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    harness()
        .args(["run", "nowhere.yaml"])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("nowhere.yaml can't be read"));
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().to_str().unwrap();
    harness().args(["list", path]).assert().code(WRONG_USE).stderr(contains("no scenarios (*.yaml) in"));
    // `replay` is its former name.
    for verb in ["rehearse", "replay"] {
        harness()
            .args([verb, "--dump", "nowhere.dump", "--config", "scenarios/README.md"])
            .assert()
            .code(WRONG_USE)
            .stderr(contains("this is not YAML"));
    }
    let within_braces = empty.path().join("mine.yml");
    let text = "{pg_conn: {host: h, port: 5432, user: u, password: p, database: d},
                 sources: {a: {type: mysql, db_conn: {host: h, port: 3306, user: u, password: p, charset: utf8,
                                                      connect_timeout: 1}, schema_mappings: {x: y}}}}";
    fs::write(&within_braces, text).unwrap();
    harness()
        .args(["rehearse", "--dump", "nowhere.dump", "--config", within_braces.to_str().unwrap()])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("the dump nowhere.dump can't be read"));
    harness()
        .args(["rehearse", "--dump", "nowhere.dump", "--config", "./nowhere.yml"])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("./nowhere.yml"));
}

#[test]
fn a_production_that_does_not_answer_is_told_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("upgraded.yml");
    let unreachable = "\
pg_conn: {host: 127.0.0.1, port: 1, user: me, password: secret, database: db}
sources:
  a: {type: mysql, db_conn: {host: h, port: 3306, user: u, password: p, charset: utf8, connect_timeout: 1},
      schema_mappings: {x: y}}
";
    fs::write(&file, unreachable).unwrap();
    harness()
        .args(["rehearse", "--config", file.to_str().unwrap(), "--upgrader", REFUSING_UPGRADER])
        .assert()
        .code(NO_HARNESS)
        .stderr(contains("production can't be read").and(contains("secret").not()));
}

#[test]
fn unknown_faults_are_told_with_those_that_there_are() {
    for (argument, says) in [
        ("--faults=burn_down", "there is no fault \"burn_down\"; there are: statement_fails:disk_full"),
        ("--only=cut_after", "write FAULT@MESSAGE, such as cut_after@17"),
        ("--server=mysql", "use `local`, `local:MAJOR`"),
    ] {
        harness().args(["sweep", argument]).assert().code(WRONG_USE).stderr(contains(says));
    }
    let (_folder, file) = scenario(
        "about: x\ndemo: true\nruns:\n- faults: [{kind: burn_down, at: {message: 1}}]\n  expect: {}\n",
    );
    harness()
        .args(["run", &file])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("mine.yaml:4:19").or(contains("mine.yaml:4:")));
}

#[test]
fn without_postgresql_the_remedy_is_told() {
    let (folder, file) = scenario(DEMO);
    for verb in [vec!["run", file.as_str()], vec!["sweep"]] {
        harness()
            .args(verb)
            .args(["--upgrader", REFUSING_UPGRADER])
            .env("CHAMELEON_POSTGRES_BIN", folder.path())
            .assert()
            .code(NO_HARNESS)
            .stderr(contains(
                "error: PostgreSQL (initdb and postgres) is missing: it isn't in CHAMELEON_POSTGRES_BIN=",
            ));
    }
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER, "--server", "local:9"])
        .assert()
        .code(NO_HARNESS)
        .stderr(contains("PostgreSQL 9 (initdb and postgres) is missing").and(contains("make tools")));
}

#[test]
fn a_server_that_does_not_answer_is_named_without_its_password() {
    let (_folder, file) = scenario(DEMO);
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER])
        .args(["--server", "postgres://me:secret@127.0.0.1:1/x"])
        .assert()
        .code(NO_HARNESS)
        .stderr(contains("can't connect to me@127.0.0.1:1").and(contains("secret").not()));
}

#[test]
fn an_upgrader_that_is_not_there_is_named() {
    let (_folder, file) = scenario(DEMO);
    harness()
        .args(["run", &file, "--upgrader", "no-such-upgrader --fast"])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("there is no upgrader: \"no-such-upgrader\" is no program"));
}

#[test]
fn a_failing_upgrader_fails_the_scenario() {
    let (folder, file) = scenario(DEMO);
    let report = folder.path().join("junit.xml");
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER, "--junit", report.to_str().unwrap()])
        .assert()
        .code(1)
        .stdout(contains("FAILED").and(contains("the end: exit code 1 instead of exit code 0")))
        .stdout(contains("1 scenarios: 0 ok, 1 failed"));
    assert!(fs::read_to_string(report).unwrap().contains("<failure>run 1:"));
}

/// An upgrader that notes its home and kills the harness.
#[test]
fn nothing_is_left_of_a_harness_that_was_killed() {
    let (folder, file) = scenario(DEMO);
    let noted = folder.path().join("noted");
    let upgrader = folder.path().join("upgrader");
    let script = format!("#!/bin/sh\necho \"$HOME\" >'{}'\nkill -9 $PPID\n", noted.display());
    fs::write(&upgrader, script).unwrap();
    fs::set_permissions(&upgrader, fs::Permissions::from_mode(0o700)).unwrap();
    harness().args(["run", &file, "--upgrader", upgrader.to_str().unwrap()]).assert().interrupted();
    let home = fs::read_to_string(noted).unwrap();
    let home = Path::new(home.trim());
    assert!(home.to_str().unwrap().contains("chameleon-home-"), "{home:?}");
    let deadline = Instant::now() + Duration::from_secs(30);
    while home.exists() {
        assert!(Instant::now() < deadline, "{home:?} is still there");
        thread::sleep(Duration::from_millis(10));
    }
}

fn script(folder: &Path, text: &str) -> String {
    let path = folder.join("upgrader");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !happened() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Neither gone nor waiting for its parent.
fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .is_ok_and(|stat| !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
}

/// §hunt-h6: a harness that was ended left its upgraders running. §hunt-h5: and its roles on a server of somebody
/// else's, with the databases.
#[test]
fn nothing_goes_on_when_the_harness_is_ended() {
    let owner = server::local(&LocalOptions::default()).unwrap();
    let address = owner.address();
    let password = address.password.expose_secret();
    let url = format!("postgres://postgres:{password}@{}:{}/postgres", address.host, address.port);
    let left = || -> (i64, i64) {
        let mut client = address.connect("postgres").unwrap();
        let count = "SELECT (SELECT count(*) FROM pg_database WHERE datname LIKE 'chameleon%'),
                            (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'role_chameleon%')";
        let row = client.query_one(count, &[]).unwrap();
        (row.get(0), row.get(1))
    };
    for (signal, code) in [("TERM", Some(143)), ("HUP", Some(129)), ("INT", Some(130)), ("KILL", None)] {
        let (folder, file) = scenario(DEMO);
        let noted = folder.path().join("noted");
        let text =
            format!("sleep 1000 &\necho $! $$ >'{0}.new'\nmv '{0}.new' '{0}'\nsleep 1000", noted.display());
        let upgrader = script(folder.path(), &text);
        // Whoever runs the tests in the background has some of the signals ignored.
        let mut harness = std::process::Command::new("env")
            .arg("--default-signal")
            .arg(cargo_bin("chameleon-harness"))
            .args(["run", &file, "--server", &url, "--upgrader", &upgrader])
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the upgrader runs", || noted.exists());
        let pids = fs::read_to_string(&noted).unwrap();
        assert!(pids.split_whitespace().count() == 2 && pids.split_whitespace().all(is_alive), "{pids}");
        let (databases, roles) = left();
        assert!(databases > 0 && roles > 0);
        let sent =
            std::process::Command::new("kill").args(["-s", signal, &harness.id().to_string()]).status();
        assert!(sent.unwrap().success());
        assert_eq!(harness.wait().unwrap().code(), code, "{signal}");
        wait_until("the upgrader and what it has started are gone", || {
            !pids.split_whitespace().any(is_alive)
        });
        if signal == "KILL" {
            // The next one finds it.
            harness_run_on(&url, &file);
        }
        assert_eq!(left(), (0, 0), "{signal}");
    }
}

fn harness_run_on(url: &str, file: &str) {
    wait_until("the sessions of the dead are gone", || {
        harness().args(["run", file, "--server", url, "--upgrader", REFUSING_UPGRADER]).assert().code(1);
        let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
        let count = "SELECT count(*) FROM pg_database WHERE datname LIKE 'chameleon%'";
        client.query_one(count, &[]).unwrap().get::<_, i64>(0) == 0
    });
}

/// §hunt-h7: a panic with a backtrace, exit 101.
#[test]
fn a_device_that_is_full_is_an_error_like_any_other() {
    let (_folder, file) = scenario(DEMO);
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for verb in [vec!["list"], vec!["run", &file, "--upgrader", REFUSING_UPGRADER]] {
        let output = std::process::Command::new(cargo_bin("chameleon-harness"))
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .args(&verb)
            .stdout(full())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(NO_HARNESS), "{verb:?}: {said}");
        assert!(said.contains("standard output can't be written: No space left"), "{said}");
    }
    let all_full = std::process::Command::new(cargo_bin("chameleon-harness"))
        .args(["list", "nowhere.yaml"])
        .stdout(full())
        .stderr(full())
        .status()
        .unwrap();
    assert_eq!(all_full.code(), Some(WRONG_USE));
}

/// §hunt-h9: the bare error of the system, without the folder.
#[test]
fn a_folder_for_temporary_files_that_is_not_there_is_named() {
    let (_folder, file) = scenario(DEMO);
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER])
        .env("TMPDIR", "/nowhere/at/all")
        .assert()
        .code(NO_HARNESS)
        .stderr(contains("no files can be made in /nowhere/at/all").and(contains("set TMPDIR")));
}

/// §hunt-h8, §hunt-h10, §hunt-h11: passed over in silence, or told as something else than wrong use.
#[test]
fn what_can_not_be_meant_is_wrong_use() {
    let (folder, file) = scenario(DEMO);
    let unwritable = "/nowhere/report";
    for (arguments, says) in [
        (vec!["sweep", "--only", "cut_before@3", "--faults", "cut_before"], "cannot be used with"),
        (vec!["sweep", "--only", "cut_before@3", "--pairs", "3"], "cannot be used with"),
        (vec!["sweep", "--server", "postgres://me@127.0.0.1:99999/x"], "URL can't be read"),
        (vec!["run", &file, "--server", "postgres://me@127.0.0.1:1/x?sslmode=require"], "asks for TLS"),
        (vec!["run", &file, "--junit", unwritable, "--upgrader", REFUSING_UPGRADER], unwritable),
    ] {
        harness().args(arguments).assert().code(WRONG_USE).stderr(contains(says));
    }
    let configuration = folder.path().join("mine.yml");
    fs::write(&configuration, "pg_conn: {host: h}\nsources: [\n").unwrap();
    harness()
        .args(["rehearse", "--dump", &file, "--config", configuration.to_str().unwrap()])
        .args(["--upgrader", REFUSING_UPGRADER])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("mine.yml"));
}

/// §hunt-h11: what was found came out as wrong use when it could not be written in the end.
#[test]
fn a_report_that_can_not_be_written_does_not_hide_what_was_found() {
    let (_folder, file) = scenario(DEMO);
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER, "--junit", "/dev/full"])
        .assert()
        .code(1)
        .stderr(contains("/dev/full can't be written"));
}

/// §hunt-h12: `unknown field sources`.
#[test]
fn live_scenarios_are_told_from_wrong_ones() {
    harness()
        .args(["sweep", "--scenario", "scenarios/live/one_source.yaml"])
        .assert()
        .code(WRONG_USE)
        .stderr(contains("is a live scenario"));
    let (_folder, file) = scenario("about: x\nsources: {}\nupgraded: {}\nsteps:\n- no_such_step: []\n");
    for verb in ["list", "run"] {
        harness()
            .args([verb, &file])
            .assert()
            .code(WRONG_USE)
            .stderr(contains("unknown variant `no_such_step`, expected one of `mysql`"));
    }
}

#[test]
fn scenarios_of_all_folders_are_listed() {
    harness().arg("list").assert().success().stdout(
        contains("\nbatch_orphan ")
            .and(contains("\nlive/one_source "))
            .and(contains("\noriginal/01_one_source ")),
    );
}

#[test]
fn scenarios_with_real_programs_are_skipped_without_them() {
    for file in ["scenarios/live/one_source.yaml", "scenarios/original/01_one_source.yaml"] {
        harness()
            .args(["run", file])
            .env("CHAMELEON_TOOLS", "/nowhere/at/all")
            .assert()
            .success()
            .stdout(contains("skipped").and(contains("is missing")));
    }
}

/// §hunt-h13: of 200 MB 600 were shown.
#[test]
fn an_upgrader_that_does_not_stop_writing_is_cut_short() {
    let (folder, file) = scenario(DEMO);
    let upgrader = script(
        folder.path(),
        "echo the beginning\nhead -c 30000000 /dev/zero | tr '\\0' x\necho the end\nexit 1",
    );
    let output = harness().args(["run", &file, "--upgrader", &upgrader]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        shown.contains("the beginning") && shown.contains("the end") && shown.contains("bytes are left out")
    );
    assert!(shown.len() < 100_000, "{}", shown.len());
}

/// §comparing: equal violations are shown once.
#[test]
fn equal_failures_are_shown_once_with_their_number() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "three", "two"] {
        fs::write(folder.path().join(format!("{name}.yaml")), DEMO).unwrap();
    }
    let output = harness()
        .args(["run", folder.path().to_str().unwrap(), "--upgrader", REFUSING_UPGRADER, "--jobs", "1"])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert_eq!(shown.matches("    the end: exit code 1 instead of exit code 0").count(), 1, "{shown}");
    assert_eq!(shown.matches("(as one)").count(), 2, "{shown}");
    assert!(shown.contains("3 scenarios, such as one: the end: exit code"), "{shown}");
}

/// §comparing: what differs between two undisturbed runs is no fault of the upgrader.
#[test]
fn what_the_harness_can_not_compare_is_told_as_that() {
    let text = "
about: x
demo: true
runs:
- statements:
  - CREATE TABLE shop.audit (at double precision)
  - GRANT ALL ON shop.audit TO PUBLIC
  - CREATE FUNCTION shop.audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO shop.audit VALUES (random()); RETURN NEW; END'
  - CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.audit()
  expect: {exit: 1}
";
    let (_folder, file) = scenario(text);
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER])
        .assert()
        .code(NO_HARNESS)
        .stdout(
            contains("BLIND").and(contains("row of shop.audit")).and(contains("no fault of the upgrader")),
        )
        .stdout(contains("FAILED").not());
}

#[test]
fn a_scenario_that_can_not_be_run_as_it_is_written_is_wrong_use() {
    let (_folder, file) =
        scenario("about: x\ndemo: true\nruns: [{statements: [SELEKT 1], expect: {exit: 1}}]\n");
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER])
        .assert()
        .code(WRONG_USE)
        .stdout(contains("SELEKT 1: db error: ERROR: syntax error"))
        .stderr(contains("these scenarios can't be run as they are written: mine"));
}

#[test]
fn what_is_kept_can_be_found_and_shows_no_password() {
    let (_folder, file) = scenario("about: x\ndemo: true\nruns: [{expect: {exit: 1, invariants: []}}]\n");
    harness()
        .args(["run", &file, "--upgrader", REFUSING_UPGRADER, "--keep"])
        .write_stdin("\n")
        .assert()
        .code(0)
        .stdout(predicate::str::is_match(r"mine: PGPASSFILE=/\S+\.pgpass psql -h 127\.0\.0\.1 -p \d+ -U postgres chameleon_harness_\w+").unwrap());
}

#[test]
fn every_scenario_of_the_project_is_listed() {
    let is_scenario = |entry: &Result<fs::DirEntry, _>| {
        entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|it| it == "yaml"))
    };
    let counts = ["../scenarios", "../scenarios/live", "../scenarios/original"].map(|folder| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        fs::read_dir(folder).unwrap().filter(is_scenario).count()
    });
    assert!(counts[0] >= 30);
    let count: usize = counts.iter().sum();
    harness().arg("list").assert().code(0).stdout(contains(format!("{count} scenarios")));
}
