//! `upgrade --sql FILE`: the statements of the transaction, as they were sent. §statements-file.

use crate::replica::{PROGRAM, Replica, assert_unchanged, demo_source, shown};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::record::{Record, properties};
use chameleon_harness::seed::{Batch, Seed, Source, Table};
use chameleon_harness::server::{self, Database, Server};
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Nothing waits, so that the upgrade is its transaction alone. Two tables have points of their own.
fn hostile() -> Replica {
    let source = |name: &str| {
        Source::new(name)
            .source_schema(Some(&format!("my {name}")))
            .dest_schema(name)
            .table(Table::new("a, \"b\" $1").key(&["it's", "-- \\"]).at("mysql-bin.000001:700"))
            .table(Table::new("/* 'x' ; :colon"))
            .batch(Batch::open("mysql-bin.000001:4"))
    };
    let seed = Seed::of([source("say \"hi\" \\ $1 '"), source(":DBNAME -- 🦎")]);
    let new = "it's \\ $1 :HOST \"🦎\"";
    let mappings = [("my say \"hi\" \\ $1 '", "say \"hi\" \\ $1 '"), ("my :DBNAME -- 🦎", ":DBNAME -- 🦎")];
    let replica = Replica::of(&seed, &[ConfiguredSource::mysql(new, &mappings)]);
    // What the statements of the step about privileges are made of.
    replica.sql(
        "DO $$ BEGIN CREATE ROLE \"Reader 'x' $1\"; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
         GRANT USAGE ON SCHEMA sch_chameleon TO \"Reader 'x' $1\";
         GRANT SELECT ON sch_chameleon.t_sources TO \"Reader 'x' $1\"",
    );
    replica
}

fn quiet_demo() -> Replica {
    let replica = Replica::demo();
    replica.sql("DELETE FROM sch_chameleon.t_batch_events; DELETE FROM sch_chameleon.t_log_replica;");
    replica
}

/// Runs a file as its head says.
fn psql(database: &Database, file: &Path) -> Output {
    let address = database.address();
    Command::new(server::shared().unwrap().binaries().unwrap().join("psql"))
        .args(["--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--file"])
        .arg(file)
        .args(["--host", &address.host, "--port", &address.port.to_string(), "--username", &address.user])
        .arg(database.name())
        .env("PGPASSWORD", address.password.expose_secret())
        // Another encoding than the file's: the file says what it is in.
        .env("PGCLIENTENCODING", "LATIN1")
        .output()
        .unwrap()
}

fn record(database: &Database) -> Record {
    properties::record(&mut database.connect().unwrap()).unwrap()
}

fn sql_file(replica: &Replica) -> PathBuf {
    replica.home.path().join("upgrade.sql")
}

#[test]
fn psql_does_with_the_file_what_the_upgrade_has_done() {
    for (name, replica) in [("hostile", hostile()), ("demo", quiet_demo())] {
        let copy = replica.database.copy().unwrap();
        let file = sql_file(&replica);
        let done = replica.upgrade(&["--sql", file.to_str().unwrap()]).code(0);
        let text = fs::read_to_string(&file).unwrap();
        let output = psql(&copy, &file);
        assert!(output.status.success(), "{name}: {}\n{}\n{text}", shown(&output), shown(done.get_output()));
        let (upgraded, run) = (record(&replica.database), record(&copy));
        assert!(upgraded == run, "{name}: {}", upgraded.diff(&run));
        assert!(!text.contains("is missing here") && !text.contains("not complete"), "{name}: {text}");
    }
}

/// The file of a dry run is that of the upgrade, but for its end.
#[test]
fn a_dry_run_writes_what_the_upgrade_sends() {
    let replica = hostile();
    let before = replica.record();
    let file = sql_file(&replica);
    replica.command(&["upgrade", "--dry-run", "--sql", file.to_str().unwrap()]).assert().code(0);
    let dry = fs::read_to_string(&file).unwrap();
    let copy = replica.database.copy().unwrap();
    let output = psql(&copy, &file);
    assert!(output.status.success(), "{}", shown(&output));
    assert_unchanged(&before, &Record::of_database(&mut copy.connect().unwrap()).unwrap());
    replica.upgrade(&["--sql", file.to_str().unwrap()]).code(0);
    let real = fs::read_to_string(&file).unwrap();
    let statements = |text: &str, end: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("-- ") && !line.is_empty());
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        assert_eq!(lines.pop().as_deref(), Some(end), "{text}");
        lines
    };
    assert_eq!(statements(&dry, "ROLLBACK;"), statements(&real, "COMMIT;"));
    let steps: Vec<_> = real.lines().filter_map(|line| line.strip_prefix("-- Step ")).collect();
    let steps: Vec<_> = steps.iter().filter_map(|line| line.split(':').next()).collect();
    let expected = [
        "lock",
        "recheck",
        "rename",
        "install",
        "sources",
        "tables",
        "coordinates",
        "privileges",
        "verify",
        "commit",
    ];
    assert_eq!(steps, expected);
    for step in &expected[..9] {
        assert!(real.contains(&format!("\nSAVEPOINT {step};\n")), "{step}");
    }
    for told in [
        format!("-- database:      {}, on PostgreSQL ", replica.database.name()),
        "It is not the upgrade.".to_owned(),
        "-- kind:          a dry run: at its end all is rolled back".to_owned(),
        "-- How it ended, with exit code 0:\n-- Dry run:".to_owned(),
    ] {
        assert!(dry.contains(&told), "{told}\n{dry}");
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Those of the sources are in the configuration alone, that of PostgreSQL in no statement.
#[test]
fn no_password_is_in_it() {
    let server = json!({"host": "127.0.0.1", "port": 3306, "user": "u", "password": "hush-mysql", "charset": "utf8", "connect_timeout": 10});
    let mut replica = Replica::of(&Seed::demo(), &[demo_source()]);
    replica.sql(
        "DO $$ BEGIN CREATE ROLE sql_writer SUPERUSER LOGIN PASSWORD 'hush-postgres';
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
    );
    replica.configure_as("sql_writer", "hush-postgres", &[demo_source().with("db_conn", server)]);
    let configuration = fs::read_to_string(replica.home.configuration()).unwrap();
    assert!(
        configuration.contains("hush-mysql") && configuration.contains("hush-postgres"),
        "{configuration}"
    );
    let file = sql_file(&replica);
    replica.upgrade(&["--sql", file.to_str().unwrap()]).code(0);
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("hush"), "{text}");
    assert!(text.contains("-- role:          sql_writer\n"), "{text}");
    assert!(text.contains("395 events waited, and were replayed before, not by this"), "{text}");
}

#[test]
fn a_failure_is_in_it_with_what_undoes_it() {
    let replica = quiet_demo();
    // Fails where the tables are brought over.
    replica.sql(
        "CREATE FUNCTION public.fails() RETURNS event_trigger LANGUAGE plpgsql AS
         $$ BEGIN IF to_regclass('sch_chameleon.t_error_log') IS NOT NULL THEN RAISE 'no ''more''
of this'; END IF; END $$;
         CREATE EVENT TRIGGER fails ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.fails()",
    );
    let file = sql_file(&replica);
    replica.upgrade(&["--sql", file.to_str().unwrap()]).code(4);
    let text = fs::read_to_string(&file).unwrap();
    let at = text.find("-- Step install failed: ").expect(&text);
    assert!(text[at..].contains("ROLLBACK"), "{text}");
    assert!(
        text[at..].contains("-- How it ended, with exit code 4:\n-- Failed and rolled back: 1.7 is in place")
    );
    let unsaid = text[at..].lines().filter(|line| !line.starts_with("-- ") && !line.is_empty());
    unsaid.for_each(|line| {
        assert!(line.contains("ROLLBACK") || line.contains("ALTER SCHEMA") || line == "COMMIT;", "{line}")
    });
}

#[test]
fn it_takes_the_place_of_another_such_file_alone() {
    let replica = quiet_demo();
    let refused = |path: &Path, words: &str| {
        let output =
            replica.command(&["upgrade", "--dry-run", "--sql", path.to_str().unwrap()]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
        assert!(
            shown(&output).contains(words) && shown(&output).contains("Nothing was done."),
            "{}",
            shown(&output)
        );
    };
    let configuration = fs::read(replica.home.configuration()).unwrap();
    refused(&replica.home.configuration(), "is there and holds no file of statements");
    assert_eq!(configuration, fs::read(replica.home.configuration()).unwrap());
    refused(Path::new("/nowhere/upgrade.sql"), "can't be written");
    let file = sql_file(&replica);
    let twice = ["upgrade", "--dry-run", "--sql", file.to_str().unwrap(), "--report", file.to_str().unwrap()];
    let output = replica.command(&twice).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(!file.exists());

    // Refused before the transaction: no file, and that is said.
    let mut other = Replica::demo();
    other.configure(&[ConfiguredSource::mysql("replica", &[("my_shop", "elsewhere")])]);
    let output = other.command(&["upgrade", "--dry-run", "--sql", file.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
    assert!(shown(&output).contains("no file of statements was written"), "{}", shown(&output));
    assert!(!file.exists());

    // A pipe gets all of it.
    let output = Command::new("sh")
        .args(["-c", "\"$0\" upgrade --dry-run --offline --config upgraded --sql /dev/fd/3 3>&1 >/dev/null 2>&1 | tail -n 3", PROGRAM])
        .env("HOME", replica.home.path())
        .output()
        .unwrap();
    assert!(shown(&output).contains("-- How it ended, with exit code 0:"), "{}", shown(&output));
}

/// A name may take all the 255 bytes that there are for one, and its letters more than one each.
#[test]
fn it_may_have_the_longest_name_that_there_is() {
    let replica = quiet_demo();
    for name in [format!("{}.sql", "u".repeat(251)), format!("{}.sqlx", "é".repeat(125))] {
        for option in ["--sql", "--report"] {
            let file = replica.home.path().join(&name);
            let output =
                replica.command(&["upgrade", "--dry-run", option, file.to_str().unwrap()]).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{option}: {}", shown(&output));
            assert!(fs::read_to_string(&file).unwrap().contains("dry"), "{option}");
            fs::remove_file(file).unwrap();
        }
    }
}
