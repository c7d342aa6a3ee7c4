//! Who judges the statements that lie ahead: the daemon that will run, where it can be asked; else what is known of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::origin::{Checked, NEW, Origin, accepting};
use crate::replica::{Replica, shown};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::process::tools;
use chameleon_harness::seed::{Batch, Seed, Source, Table};

/// `check` with these options, and this PATH.
fn check(replica: &Replica, options: &[&str], path: Option<&Path>) -> Checked {
    let arguments = [&accepting(&["check", "--format", "json"])[..], options].concat();
    let mut command = replica.command_with_mysql(&arguments);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let output = command.output().expect("the upgrader runs");
    let everything = shown(&output);
    let said = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {everything}"));
    Checked { code: output.status.code().unwrap_or_default(), said, everything }
}

/// Statements ahead of which the daemon takes one, and what must be said of the others whoever judges them.
const AHEAD: &str = "ALTER TABLE t ADD COLUMN a INT DEFAULT 5; ANALYZE TABLE t; CREATE INDEX i ON t (id);
                     ALTER TABLE t ADD COLUMN u NUMERIC(5); ALTER TABLE t MODIFY a BIGINT;";

fn is_well_judged(checked: &Checked, places: &[String]) {
    checked.ends(3);
    let findings = checked.of("window-statements");
    let found = |number: usize| findings[number]["found"].as_str().unwrap();
    assert_eq!(findings.len(), 2, "{:#}", checked.said);
    for text in [
        format!("at 3 statements: ANALYZE TABLE t in my_one at {} (it can't be parsed)", places[1]),
        format!("CREATE INDEX i ON t (id) in my_one at {} (it disables the table: ", places[2]),
        format!(
            "ALTER TABLE t ADD COLUMN u NUMERIC(5) in my_one at {} (it stops: it has no type for numeric of u)",
            places[3]
        ),
    ] {
        assert!(found(0).contains(&text), "{text} is not in {}", found(0));
    }
    assert!(found(1).contains("at 1 statement: ALTER TABLE t MODIFY a BIGINT in my_one"), "{}", found(1));
}

/// The ends of the statements ahead.
fn places(origin: &Origin, from: &str) -> Vec<String> {
    let (file, from) = from.split_once(':').unwrap();
    let from: u64 = from.parse().unwrap();
    let events = origin.events(file).into_iter();
    let statements = events.filter(|(begin, _, kind, _)| *begin >= from && kind == "Query");
    statements.map(|(_, end, ..)| format!("{file}:{end}")).collect()
}

#[test]
fn the_daemon_is_asked_where_it_is_at_hand() {
    let Some(origin) = Origin::start("the_daemon_is_asked_where_it_is_at_hand") else { return };
    let Some(environment) = tools::or_skip("the_daemon_is_asked_where_it_is_at_hand", tools::chameleon2())
    else {
        return;
    };
    let here = origin.here();
    origin.run_in("my_one", AHEAD);
    let (replica, places) = (origin.replica(&here, &here), places(&origin, &here));
    let bin = environment.join("bin");
    let program = bin.join("chameleon").display().to_string();
    for (options, path) in [
        (vec!["--daemon", program.as_str()], None),
        (vec![], Some(bin.as_path())),
        (vec!["--daemon", "chameleon"], Some(bin.as_path())),
    ] {
        let checked = check(&replica, &options, path);
        is_well_judged(&checked, &places);
        checked.says(
            "window-judge",
            &["info", "5 statements ahead judged by pg_chameleon 2.0.21 itself", &program],
        );
    }
    // Nothing lies ahead: nobody is asked.
    let now = origin.here();
    let changed = ["--accept", "table-structure=changed by the test"];
    check(&origin.replica(&now, &now), &[&["--daemon", &program][..], &changed].concat(), None)
        .ends(0)
        .silent(&["window-judge"]);
}

/// Of tables that the lists leave out, statements are parsed and nothing else.
#[test]
fn tables_that_are_left_out_do_not_matter() {
    let Some(origin) = Origin::start("tables_that_are_left_out_do_not_matter") else { return };
    let here = origin.here();
    origin.run_in(
        "my_one",
        "CREATE TABLE audit (id INT PRIMARY KEY, u NUMERIC(5)); CREATE INDEX i ON audit (id);",
    );
    let seed = Seed::of([Source::new("old_one")
        .source_schema(Some("my_one"))
        .dest_schema("db_0")
        .table(Table::new("t"))
        .batch(Batch::open(&here))]);
    let source = || ConfiguredSource::mysql(NEW, &[("my_one", "db_0")]).with("db_conn", origin.db_conn());
    check(&Replica::of(&seed, &[source()]), &[], None).ends(3).says("window-statements", &["2 statements"]);
    let source = source().with("skip_tables", serde_json::json!(["my_one.audit"]));
    check(&Replica::of(&seed, &[source]), &[], None).ends(0).silent(&["window-statements"]);
}

#[test]
fn the_program_that_will_run_is_named() {
    let Some(origin) = Origin::start("the_program_that_will_run_is_named") else { return };
    let here = origin.here();
    origin.run_in("my_one", AHEAD);
    let (replica, places) = (origin.replica(&here, &here), places(&origin, &here));
    let checked = check(&replica, &[], None);
    is_well_judged(&checked, &places);
    checked.says(
        "window-judge",
        &["info", "5 statements ahead judged by what is known of pg_chameleon 2.0.21", "--daemon"],
    );

    let folder = tempfile::tempdir().unwrap();
    let (python, chameleon) = (folder.path().join("python3"), folder.path().join("chameleon"));
    let named = chameleon.display().to_string();
    for (python_does, program, why) in [
        (None, None, "there is no such file"),
        (None, Some("#!/bin/sh\necho hello\n".to_owned()), "its first line names no Python"),
        (None, Some(format!("#!{}\n", python.display())), "can't be run"),
        (Some("echo hello"), Some(format!("#!{}\n", python.display())), "its answer makes no sense"),
        (Some("kill -9 $$"), Some(format!("#!{}\n", python.display())), "it ended before it had answered"),
    ] {
        if let Some(does) = python_does {
            fs::write(&python, format!("#!/bin/sh\n{does}\n")).unwrap();
            fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        }
        if let Some(program) = program {
            fs::write(&chameleon, program).unwrap();
        }
        let checked = check(&replica, &["--daemon", &named], None);
        is_well_judged(&checked, &places);
        checked.says(
            "window-judge",
            &["warning", &named, why, "what is known of pg_chameleon 2.0.21", "Name the program"],
        );
    }
    // What is merely on the PATH was not asked for.
    let checked = check(&replica, &[], Some(folder.path()));
    is_well_judged(&checked, &places);
    checked.says("window-judge", &["info", "it ended before it had answered"]);

    // The remedy.
    if let Some(environment) = tools::or_skip("the_program_that_will_run_is_named", tools::chameleon2()) {
        let program = environment.join("bin/chameleon").display().to_string();
        check(&replica, &["--daemon", &program], None).says("window-judge", &["info", "itself"]);
    }
}

/// As with Python 3.12 and later, which bring no `pkg_resources`: the program that pip installs ends at once.
#[test]
fn a_program_that_does_not_start_is_told() {
    let test = "a_program_that_does_not_start_is_told";
    let Some(origin) = Origin::start(test) else { return };
    let Some(environment) = tools::or_skip(test, tools::chameleon2()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (python, chameleon) = (folder.path().join("python3"), folder.path().join("chameleon"));
    let without = "import sys; sys.modules['pkg_resources'] = None\n";
    fs::write(folder.path().join("sitecustomize.py"), without).unwrap();
    let (lacking, real) = (folder.path().display(), environment.join("bin/python"));
    let script = format!("#!/bin/sh\nPYTHONPATH='{lacking}' exec '{}' \"$@\"\n", real.display());
    fs::write(&python, script).unwrap();
    let program = fs::read_to_string(environment.join("bin/chameleon")).unwrap();
    let (_, program) = program.split_once('\n').unwrap();
    fs::write(&chameleon, format!("#!{}\n{program}", python.display())).unwrap();
    fs::copy(environment.join("bin/chameleon.py"), folder.path().join("chameleon.py")).unwrap();
    for file in [&python, &chameleon] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = std::process::Command::new(&python).arg(&chameleon).arg("--version").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("pkg_resources"), "it starts: {output:?}");

    let (here, named) = (origin.here(), chameleon.display().to_string());
    let replica = origin.replica(&here, &here);
    let says = ["2.0.21, which does not start", "pkg_resources", "'setuptools<81'"];
    check(&replica, &["--daemon", &named], None)
        .ends(3)
        .says("daemon-program", &[&["error", &named], &says[..]].concat());
    check(&replica, &[], Some(folder.path()))
        .ends(0)
        .says("daemon-program", &[&["warning", "on the PATH"], &says[..]].concat());
    // The remedy: the same program, with what its Python lacked.
    fs::remove_file(folder.path().join("sitecustomize.py")).unwrap();
    check(&replica, &["--daemon", &named], None).ends(0).silent(&["daemon-program"]);
}
