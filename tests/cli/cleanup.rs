//! `cleanup`: what an upgrade or a rollback has left is shown, dropped or renamed; the catalogue itself is never touched.

use crate::on_terminal::{Terminal, assert_fits};
use crate::replica::{PROGRAM, Replica, assert_unchanged, demo_source, shown};
use assert_cmd::Command;
use chameleon_harness::chameleon::home::CONFIGURATION;
use chameleon_harness::record::Record;

fn upgraded() -> Replica {
    let replica = Replica::demo();
    replica.command(&["upgrade", "--yes"]).assert().success();
    replica
}

/// `cleanup` with these options, its exit code and what it shows.
fn cleanup(replica: &Replica, options: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    command.args(["cleanup", "--config", CONFIGURATION]).args(options).env("HOME", replica.home.path());
    let output = command.output().unwrap();
    (output.status.code(), shown(&output))
}

/// It ends with this code, says this, and changes nothing.
fn leaves_all(replica: &Replica, options: &[&str], code: i32, says: &[&str]) {
    let before = replica.record();
    let (ended, shown) = cleanup(replica, options);
    assert_eq!(ended, Some(code), "{options:?}: {shown}");
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    says.iter().for_each(|text| assert!(words.contains(text), "{options:?}: {text:?} is not in:\n{shown}"));
    assert_unchanged(&before, &replica.record());
}

fn catalogue(replica: &Replica) -> Record {
    Record::of(&mut replica.client(), &["sch_chameleon"]).unwrap()
}

fn is_there(replica: &Replica, schema: &str) -> bool {
    replica.value(&format!("SELECT to_regnamespace('{schema}') IS NOT NULL")) == "true"
}

#[test]
fn what_is_left_is_shown_and_nothing_changed() {
    leaves_all(&Replica::demo(), &[], 0, &["Nothing to clean up: there is neither"]);
    let replica = upgraded();
    let says = [
        "_sch_chameleon_version1",
        "It is the 1.7 catalogue that an upgrade has put aside, owned by postgres.",
        "2 sources: shop, stock;",
        "tables replicated.",
        "Nothing was changed. To drop what is shown: --drop",
    ];
    leaves_all(&replica, &[], 0, &says);
    leaves_all(&replica, &["--schema", "version2"], 0, &["there is no _sch_chameleon_version2"]);
    for columns in [80, 110, 200] {
        let terminal = Terminal::of_width(columns, &replica, &["cleanup", "--config", CONFIGURATION], &[]);
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(0), "{shown}");
        assert_fits(usize::from(columns), "cleanup", &shown);
    }
}

#[test]
fn what_is_dropped_is_gone_and_with_it_the_way_back() {
    let replica = upgraded();
    let before = catalogue(&replica);
    leaves_all(&replica, &["--drop"], 3, &["nobody can be asked (no terminal)"]);
    let (code, shown) = cleanup(&replica, &["--drop", "--yes"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Dropped: _sch_chameleon_version1. sch_chameleon is as it was."), "{shown}");
    assert!(!is_there(&replica, "_sch_chameleon_version1"));
    assert_unchanged(&before, &catalogue(&replica));
    replica.command(&["rollback", "--yes"]).assert().code(3);
    leaves_all(&replica, &["--drop", "--yes"], 0, &["Nothing to clean up"]);
}

#[test]
fn the_question_tells_that_there_is_no_way_back() {
    let replica = upgraded();
    let options = ["cleanup", "--drop", "--config", CONFIGURATION];
    for (answer, code) in [("no\n", 3), ("\u{3}", 3), ("YES\n", 0)] {
        let mut terminal = Terminal::of_width(100, &replica, &options, &[]);
        terminal.until("Answer YES to go on:");
        assert!(terminal.shown.contains("there is no way back"), "{}", terminal.shown);
        terminal.type_in(answer);
        let (ended, shown) = terminal.end();
        assert_eq!(ended, Some(code), "{answer:?}: {shown}");
        assert_eq!(is_there(&replica, "_sch_chameleon_version1"), code != 0, "{answer:?}");
    }
}

#[test]
fn what_is_renamed_is_kept_and_no_longer_in_the_way() {
    let replica = upgraded();
    replica.command(&["rollback", "--yes"]).assert().success();
    replica.command(&["upgrade", "--yes"]).assert().code(3);
    let kept = Record::of(&mut replica.client(), &["_sch_chameleon_version2"]).unwrap();
    let (code, shown) = cleanup(&replica, &["--rename-to", "kept_of_monday", "--yes"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Renamed: _sch_chameleon_version2 is kept_of_monday now."), "{shown}");
    let renamed = Record::of(&mut replica.client(), &["kept_of_monday"]).unwrap();
    let renamed = renamed.renamed("kept_of_monday", "_sch_chameleon_version2");
    assert_eq!(kept.diff(&renamed), "");
    replica.command(&["upgrade", "--yes"]).assert().success();
}

#[test]
fn of_two_one_is_renamed_and_both_are_dropped() {
    let replica = upgraded();
    replica.sql("CREATE SCHEMA _sch_chameleon_version2");
    leaves_all(&replica, &["--rename-to", "kept", "--yes"], 2, &["There are two schemas, and one new name"]);
    let (code, shown) = cleanup(&replica, &["--schema", "version2", "--rename-to", "kept", "--yes"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("It is no complete catalogue"), "{shown}");
    replica.sql("CREATE SCHEMA _sch_chameleon_version2");
    let (code, shown) = cleanup(&replica, &["--drop", "--yes"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(["1", "2"].iter().all(|number| !is_there(&replica, &format!("_sch_chameleon_version{number}"))));
    assert!(is_there(&replica, "kept"));
}

#[test]
fn what_others_depend_on_is_dropped_with_them_by_name_only() {
    let replica = upgraded();
    replica.sql(
        "CREATE VIEW public.mine AS SELECT t_source FROM _sch_chameleon_version1.t_sources;
         CREATE VIEW public.\"it's\" AS SELECT t_source FROM _sch_chameleon_version1.t_sources",
    );
    let says = [
        "dependents",
        "view public.mine depends on _sch_chameleon_version1",
        "--with 'view public.mine'",
        "2 errors",
    ];
    leaves_all(&replica, &["--drop", "--yes"], 3, &says);
    leaves_all(&replica, &["--drop", "--yes", "--with", "view public.mine"], 3, &["1 error"]);
    let named = ["--drop", "--yes", "--with", "view public.mine", "--with", "view public.\"it's\""];
    let (code, shown) = cleanup(&replica, &named);
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(replica.value("SELECT count(*) FROM pg_views WHERE schemaname = 'public'"), "0");
}

/// What looks like a catalogue and can't be read as one is the likeliest thing to be cleaned up.
#[test]
fn what_is_no_catalogue_in_spite_of_its_tables_is_dropped_too() {
    let replica = Replica::demo();
    for broken in [
        "ALTER TABLE t_replica_batch RENAME COLUMN ts_created TO ts_made",
        "ALTER TABLE t_replica_batch ALTER COLUMN ts_created DROP DEFAULT, ALTER COLUMN ts_created TYPE text",
        "ALTER TABLE t_sources RENAME COLUMN t_source TO t_name",
        "DROP TABLE t_replica_tables",
        "DROP VIEW v_version",
        "CREATE OR REPLACE VIEW v_version AS SELECT NULL::text AS t_version",
    ] {
        replica.sql(&format!(
            "CREATE SCHEMA _sch_chameleon_version1; SET search_path = _sch_chameleon_version1;
             CREATE TABLE t_sources (t_source text); CREATE TABLE t_replica_tables (v_table_name text);
             CREATE TABLE t_replica_batch (ts_created timestamp DEFAULT now());
             CREATE VIEW v_version AS SELECT '1.7'::text AS t_version; {broken}"
        ));
        leaves_all(&replica, &[], 0, &["It is no complete catalogue"]);
        let (code, shown) = cleanup(&replica, &["--drop", "--yes"]);
        assert_eq!(code, Some(0), "{broken}: {shown}");
    }
}

/// The question may be thought over for long, and nobody is asked about what comes meanwhile.
#[test]
fn what_came_to_depend_on_it_at_the_question_is_not_dropped() {
    let replica = upgraded();
    let options = ["cleanup", "--drop", "--config", CONFIGURATION];
    let mut terminal = Terminal::of_width(100, &replica, &options, &[]);
    terminal.until("Answer YES to go on:");
    replica.sql("CREATE VIEW public.late AS SELECT t_source FROM _sch_chameleon_version1.t_sources");
    let before = replica.record();
    terminal.type_in("YES\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("--with 'view public.late'") && shown.contains("Nothing was changed"), "{shown}");
    assert_unchanged(&before, &replica.record());
}

#[test]
fn a_role_that_does_not_own_it_changes_nothing() {
    let mut replica = upgraded();
    let role = format!("role_{:016x}", rand::random::<u64>());
    replica.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'"));
    replica.configure_as(&role, "secret", &[demo_source()]);
    for options in [&["--drop", "--yes"][..], &["--rename-to", "kept", "--yes"]] {
        leaves_all(
            &replica,
            options,
            3,
            &["is owned by postgres", "Set pg_conn.user to postgres", "1 error"],
        );
    }
    replica.sql(&format!("DROP ROLE {role}"));
}

#[test]
fn names_that_will_not_do_are_wrong_use() {
    let replica = upgraded();
    let long = "x".repeat(64);
    for (name, why) in [
        ("sch_chameleon", "an upgrade needs that name"),
        ("_sch_chameleon_version2", "an upgrade needs that name"),
        ("pg_kept", "PostgreSQL's own"),
        ("", "1 to 63 bytes"),
        (&long, "1 to 63 bytes"),
    ] {
        leaves_all(&replica, &["--rename-to", name, "--yes"], 2, &[why, "Nothing was done"]);
    }
    leaves_all(&replica, &["--rename-to", "public", "--yes"], 3, &["already exists", "Nothing was changed"]);
    leaves_all(&replica, &["--rename-to", "a", "--drop"], 2, &["cannot be used with"]);
}

#[test]
fn it_waits_for_no_upgrade_and_gives_up_at_a_lock() {
    let replica = upgraded();
    let mut other = replica.client();
    other.batch_execute("BEGIN; LOCK TABLE _sch_chameleon_version1.t_sources IN SHARE MODE").unwrap();
    let source = demo_source().with("lock_timeout", "100ms");
    let mut impatient = replica;
    impatient.configure(&[source]);
    let says = ["lock timeout", "failed and was undone"];
    let (code, shown) = cleanup(&impatient, &["--drop", "--yes"]);
    assert_eq!(code, Some(3), "{shown}");
    assert!(says.iter().all(|text| shown.contains(text)), "{shown}");
    other.batch_execute("ROLLBACK; SELECT pg_advisory_lock(x'6368616d656c656f'::bigint)").unwrap();
    let (code, shown) = cleanup(&impatient, &["--drop", "--yes"]);
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("another upgrade of this database is at work"), "{shown}");
    assert!(is_there(&impatient, "_sch_chameleon_version1"));
}
