//! `upgrade` on a 2.0 catalogue before 2.0.10, of each version that there was, as the releases of pg_chameleon make it.
//! §maintenance.

use crate::faults::Upgraded;
use crate::on_terminal::{Terminal, assert_fits};
use crate::replica::{PROGRAM, Replica, assert_unchanged, demo_source, shown, where_programs_are};
use chameleon_harness::chameleon::home::CONFIGURATION;
use chameleon_harness::process::tools;
use chameleon_harness::record::Record;
use chameleon_harness::seed::original::{EARLIER, create_earlier, take_further};
use chameleon_upgrade::catalogue::v2;
use postgres::Client;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// What the system catalogues say of the schema, a line an object.
const STRUCTURE: [(&str, &str); 8] = [
    ("relations", include_str!("../catalogue_v2/structure/relations.sql")),
    ("columns", include_str!("../catalogue_v2/structure/columns.sql")),
    ("sequences", include_str!("../catalogue_v2/structure/sequences.sql")),
    ("constraints", include_str!("../catalogue_v2/structure/constraints.sql")),
    ("indexes", include_str!("../catalogue_v2/structure/indexes.sql")),
    ("types", include_str!("../catalogue_v2/structure/types.sql")),
    ("routines", include_str!("../catalogue_v2/structure/routines.sql")),
    ("aggregates", include_str!("../catalogue_v2/structure/aggregates.sql")),
];

/// What every 2.0 catalogue has room for.
const ROWS: &str = include_str!("maintenance.sql");

/// What some have: where the column or table is there, the statement is run.
const LATER_ROWS: [(&str, &str, &str); 9] = [
    ("t_sources", "b_paused", "UPDATE t_sources SET b_paused = true WHERE i_id_source = 2"),
    (
        "t_sources",
        "ts_last_maintenance",
        "UPDATE t_sources SET ts_last_maintenance = '2023-03-04 05:06:07.8'",
    ),
    ("t_sources", "b_maintenance", "UPDATE t_sources SET b_maintenance = true WHERE i_id_source = 1"),
    ("t_last_received", "b_paused", "UPDATE t_last_received SET b_paused = true WHERE i_id_source = 1"),
    (
        "t_replica_batch",
        "t_gtid_set",
        "UPDATE t_replica_batch SET t_gtid_set = 'a-b:1-7' WHERE i_id_batch = 3",
    ),
    (
        "t_replica_batch",
        "v_log_table",
        "UPDATE t_replica_batch SET v_log_table = 't_log_replica_shop_1' WHERE i_id_source = 1",
    ),
    (
        "t_indexes",
        "t_index_drop",
        "INSERT INTO t_indexes (v_schema_name, v_table_name, v_index_name, t_index_drop, t_index_create)
                                   VALUES ('shop', 'items', 'idx', 'DROP', 'CREATE')",
    ),
    (
        "t_ukeys",
        "t_ukey_drop",
        "INSERT INTO t_ukeys (v_schema_name, v_table_name, v_index_name, t_ukey_drop, t_ukey_create)
                                VALUES ('shop', 'items', 'u', 'DROP', 'CREATE')",
    ),
    (
        "t_fkeys",
        "t_fkey_drop",
        "INSERT INTO t_fkeys (v_schema_name, v_table_name, v_constraint_name, t_fkey_drop)
                                VALUES ('shop', 'items', 'f', 'DROP')",
    ),
];

/// A catalogue of this version with rows in every table, in a database without one.
fn create(client: &mut Client, version: &str) {
    create_earlier(client, version).unwrap();
    plant(client);
}

fn plant(client: &mut Client) {
    client.batch_execute("SET search_path = sch_chameleon").unwrap();
    client.batch_execute(ROWS).unwrap();
    for (table, column, statement) in LATER_ROWS {
        let there = "SELECT EXISTS (SELECT FROM information_schema.columns
                                    WHERE table_schema = 'sch_chameleon' AND table_name = $1 AND column_name = $2)";
        if client.query_one(there, &[&table, &column]).unwrap().get(0) {
            client.batch_execute(statement).unwrap();
        }
    }
    client.batch_execute("RESET search_path").unwrap();
}

/// A replica with such a catalogue; none where the releases are missing.
fn replica(test: &str, version: &str) -> Option<Replica> {
    tools::or_skip(test, tools::earlier())?;
    let replica = Replica::empty(&[demo_source()]);
    create(&mut replica.client(), version);
    Some(replica)
}

/// Every row of every table of a schema, and every sequence, as JSON.
fn contents(client: &mut Client, schema: &str) -> BTreeMap<String, Vec<Value>> {
    let relations = "SELECT c.relname::text, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = $1 AND c.relkind IN ('r', 'S')";
    let mut contents = BTreeMap::new();
    for row in client.query(relations, &[&schema]).unwrap() {
        let (name, kind): (String, String) = (row.get(0), row.get(1));
        let columns = if kind == "S" { "row_to_json(row(t.last_value, t.is_called))" } else { "to_json(t)" };
        let only = if kind == "S" { "" } else { "ONLY" };
        let query =
            format!("SELECT {columns} FROM {only} {schema}.\"{name}\" AS t ORDER BY ({columns})::text");
        let rows = client.query(&query, &[]).unwrap();
        contents.insert(name, rows.iter().map(|row| row.get(0)).collect());
    }
    contents
}

/// All that was there before is there, with the same values in the same columns.
fn assert_kept(version: &str, before: &BTreeMap<String, Vec<Value>>, after: &BTreeMap<String, Vec<Value>>) {
    for (name, rows) in before {
        let now = after.get(name).unwrap_or_else(|| panic!("{version}: {name} is gone"));
        assert_eq!(rows.len(), now.len(), "{version}: {name}");
        for row in rows {
            let is_kept = now.iter().any(|now| match (row.as_object(), now.as_object()) {
                (Some(row), Some(now)) => row.iter().all(|(column, value)| now.get(column) == Some(value)),
                _ => row == now,
            });
            assert!(is_kept, "{version}: {name}: {row} is not in {now:?}");
        }
    }
}

/// The structure of what is in the schema, one list of lines for each aspect.
fn structure(client: &mut Client) -> Vec<(&'static str, Vec<String>)> {
    let lines = |client: &mut Client, query: &str| {
        let mut lines: Vec<String> = client.query(query, &[]).unwrap().iter().map(|row| row.get(0)).collect();
        lines.sort();
        lines
    };
    STRUCTURE.iter().map(|(aspect, query)| (*aspect, lines(client, query))).collect()
}

/// A new 2.0.10 catalogue with the same sources. What it is beside the real one: tests/catalogue_v2.
fn fresh() -> Vec<(&'static str, Vec<String>)> {
    let replica = Replica::empty(&[demo_source()]);
    let mut client = replica.client();
    client.batch_execute("CREATE SCHEMA sch_chameleon").unwrap();
    for (_, sql) in v2::INSTALL {
        client.batch_execute(sql).unwrap();
    }
    plant(&mut client);
    structure(&mut client)
}

fn upgrade(replica: &Replica, options: &[&str]) -> (Option<i32>, String) {
    let mut command = replica.command(&["upgrade", "--yes"]);
    let output = command.args(options).envs(where_programs_are()).output().unwrap();
    (output.status.code(), shown(&output))
}

fn words(shown: &str) -> String {
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// It ends with this code, says this, and changes nothing.
fn leaves_all(replica: &Replica, options: &[&str], code: i32, says: &[&str]) {
    let before = replica.record();
    let (ended, shown) = upgrade(replica, options);
    assert_eq!(ended, Some(code), "{options:?}: {shown}");
    says.iter().for_each(|text| assert!(words(&shown).contains(text), "{text:?} is not in:\n{shown}"));
    assert_unchanged(&before, &replica.record());
}

/// Upgrades, and holds all of it against what was there and against a new 2.0.10.
fn becomes_the_newest(replica: &Replica, version: &str, fresh: &[(&str, Vec<String>)]) {
    let mut client = replica.client();
    let before = contents(&mut client, "sch_chameleon");
    let record = Record::of(&mut client, &["sch_chameleon"]).unwrap();
    leaves_all(
        replica,
        &["--dry-run"],
        0,
        &["Dry run: the transaction", &format!("{version} is in place; nothing was changed")],
    );
    let (code, shown) = upgrade(replica, &[]);
    assert_eq!(code, Some(0), "{version}: {shown}");
    let says = format!("The {version} one is kept as _sch_chameleon_version2.");
    assert!(words(&shown).contains(&says), "{version}: {shown}");
    assert_eq!(replica.value("SELECT t_version FROM sch_chameleon.v_version"), "2.0.10", "{version}");
    assert_kept(version, &before, &contents(&mut client, "sch_chameleon"));
    for ((aspect, now), (_, new)) in structure(&mut client).iter().zip(fresh) {
        assert_eq!(now, new, "{version}: {aspect}");
    }
    let kept = Record::of(&mut client, &["_sch_chameleon_version2"]).unwrap();
    assert_eq!(record.diff(&kept.renamed("_sch_chameleon_version2", "sch_chameleon")), "", "{version}");
    replica.command(&["status"]).assert().success();
    leaves_all(replica, &[], 0, &["The catalogue is 2.0.10 already: there is nothing to do."]);
}

#[test]
fn every_earlier_version_becomes_2_0_10_with_all_its_rows() {
    let fresh = fresh();
    for version in EARLIER {
        let Some(replica) = replica("every_earlier_version", version) else { return };
        assert_eq!(replica.value("SELECT t_version FROM sch_chameleon.v_version"), version);
        becomes_the_newest(&replica, version, &fresh);
    }
}

/// What pg_chameleon's own scripts have made of a catalogue has its columns in another order, and is as good.
#[test]
fn one_that_pg_chameleon_has_taken_further_becomes_2_0_10_too() {
    let Some(_) = tools::or_skip("one_that_pg_chameleon_has_taken_further", tools::chameleon2()) else {
        return;
    };
    let fresh = fresh();
    let steps = [
        "200_to_201",
        "201_to_202",
        "202_to_203",
        "203_to_204",
        "204_to_205",
        "205_to_206",
        "206_to_207",
        "207_to_208",
        "208_to_209",
    ];
    for count in 1..=steps.len() {
        let Some(replica) = replica("one_that_pg_chameleon_has_taken_further", "2.0.0") else { return };
        for step in &steps[..count] {
            take_further(&mut replica.client(), step).unwrap();
        }
        // Its command does this after the scripts.
        let version = EARLIER[count];
        replica.sql(&format!(
            "CREATE OR REPLACE VIEW sch_chameleon.v_version AS SELECT '{version}'::text AS t_version"
        ));
        becomes_the_newest(&replica, version, &fresh);
    }
}

#[test]
fn a_running_replica_is_stopped_first() {
    let Some(replica) = replica("a_running_replica", "2.0.9") else { return };
    let mut daemon = replica.client();
    daemon
        .batch_execute("SET application_name = '[pg_chameleon] - Replay process for source: shop'")
        .unwrap();
    leaves_all(
        &replica,
        &[],
        3,
        &["replica-stopped", "is at work on this database", "pg_terminate_backend", "Nothing was changed"],
    );
    leaves_all(&replica, &["--assume-stopped"], 3, &["replica-stopped"]);
    drop(daemon);
    let gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '[pg_chameleon]%' AND datname = current_database()";
    while replica.value(gone) != "0" {}
    replica.sql("UPDATE sch_chameleon.t_sources SET enm_status = 'running' WHERE t_source = 'shop'");
    leaves_all(
        &replica,
        &[],
        3,
        &["The status of shop says that its replica is at work", "--assume-stopped"],
    );
    let (code, shown) = upgrade(&replica, &["--assume-stopped"]);
    assert_eq!(code, Some(0), "{shown}");
}

/// One that starts between the first look and the lock is found by the second.
#[test]
fn a_replica_that_starts_at_the_question_is_found() {
    let Some(replica) = replica("a_replica_that_starts", "2.0.9") else { return };
    let arguments = ["upgrade", "--offline", "--config", CONFIGURATION];
    let mut terminal = Terminal::of_width(80, &replica, &arguments, &[]);
    terminal.until(" on:");
    let mut daemon = replica.client();
    daemon.batch_execute("SET application_name = '[pg_chameleon] - Read process for source: shop'").unwrap();
    let before = replica.record();
    terminal.type_in("YES\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(3), "{shown}");
    assert!(words(&shown).contains("Nothing was changed: 2.0.9 is in place"), "{shown}");
    assert_fits(80, "maintenance", &shown);
    assert_unchanged(&before, &replica.record());
}

#[test]
fn what_no_2_0_version_has_is_refused_by_name() {
    for (change, says) in [
        ("ALTER TABLE t_sources ADD COLUMN mine text", "the column mine of t_sources is no 2.0 catalogue's"),
        (
            "ALTER TABLE t_replica_tables DROP COLUMN b_replica_enabled",
            "the column b_replica_enabled of t_replica_tables is missing",
        ),
        (
            "ALTER TABLE t_error_log ALTER COLUMN i_binlog_position TYPE text",
            "i_binlog_position of t_error_log is of the type text",
        ),
        ("DROP TABLE t_batch_events", "the table t_batch_events is missing"),
        ("ALTER TYPE en_src_status ADD VALUE 'mine'", "the type en_src_status is none of a 2.0 catalogue's"),
        (
            "INSERT INTO t_discarded_rows (i_id_batch, v_table_name, v_schema_name) VALUES (1, repeat('x', 65), 's')",
            "t_discarded_rows.v_table_name holds names of more than 64 letters",
        ),
        (
            "CREATE TABLE t_log_replica_gone_1 (PRIMARY KEY (i_id_event)) INHERITS (t_log_replica);
             INSERT INTO t_log_replica_gone_1 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event)
             VALUES (1, 't', 's', 'insert')",
            "The log table t_log_replica_gone_1 has rows, and no source names it",
        ),
        ("CREATE SCHEMA _sch_chameleon_version2", "The schema _sch_chameleon_version2 is left over"),
    ] {
        let Some(replica) = replica("what_no_2_0_version_has", "2.0.8") else { return };
        replica.sql(&format!("SET search_path = sch_chameleon; {change}"));
        leaves_all(&replica, &[], 3, &[says, "Nothing was changed"]);
        let output = replica.command(&["check"]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
        assert!(words(&shown(&output)).contains(says), "{}", shown(&output));
    }
    for version in ["2.0.11", "2.1.0", "2.0.", "1.6"] {
        let Some(replica) = replica("what_no_2_0_version_has", "2.0.9") else { return };
        replica.sql(&format!(
            "CREATE OR REPLACE VIEW sch_chameleon.v_version AS SELECT '{version}'::text AS t_version"
        ));
        leaves_all(&replica, &[], 3, &["catalogue-version", version]);
    }
}

#[test]
fn what_is_asked_and_told_before() {
    let Some(replica) = replica("what_is_asked_and_told", "2.0.7") else { return };
    let output = replica.command(&["check"]).output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    replica.sql(
        "CREATE TABLE sch_chameleon.mine (a int); CREATE VIEW public.mine AS SELECT t_source FROM sch_chameleon.t_sources",
    );
    let before = replica.record();
    let output = replica.command(&["upgrade"]).output().unwrap();
    let text = words(&shown(&output));
    assert_eq!(output.status.code(), Some(3), "{text}");
    for says in [
        "Tables in sch_chameleon are none of pg_chameleon's: mine.",
        "view public.mine depends on",
        "nobody can be asked (no terminal)",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    assert_unchanged(&before, &replica.record());
    let folder = tempfile::tempdir().unwrap();
    let [backup, report, sql] =
        ["backup", "report", "sql"].map(|name| folder.path().join(name).display().to_string());
    let (code, shown) = upgrade(&replica, &["--backup", &backup, "--report", &report, "--sql", &sql]);
    assert_eq!(code, Some(0), "{shown}");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let steps: Vec<_> = report["steps"].as_array().unwrap().iter().map(|step| step["step"].clone()).collect();
    assert_eq!(
        steps,
        ["lock_earlier", "recheck", "put_aside", "install", "rows", "privileges", "verify", "commit"]
    );
    assert_eq!(report["status"].as_array().unwrap().len(), 2);
    assert!(report["backup"]["rows"].as_u64() > Some(10));
    assert!(std::fs::read_to_string(sql).unwrap().contains("INSERT INTO sch_chameleon.\"t_sources\""));
    let cleaned = Command::new(PROGRAM)
        .args(["cleanup", "--config", CONFIGURATION])
        .env("HOME", replica.home.path())
        .output()
        .unwrap();
    let text = crate::replica::shown(&cleaned);
    assert!(text.contains("It is a catalogue of version 2.0.7"), "{text}");
}

#[test]
fn a_lock_that_is_held_is_told_and_nothing_is_left() {
    let Some(mut replica) = replica("a_lock_that_is_held", "2.0.6") else { return };
    replica.configure(&[demo_source().with("lock_timeout", "100ms")]);
    let mut other = replica.client();
    other.batch_execute("BEGIN; LOCK TABLE sch_chameleon.t_batch_events IN SHARE MODE").unwrap();
    let says = ["lock timeout", "Failed and rolled back: 2.0.6 is in place as it was"];
    leaves_all(&replica, &[], 4, &says);
}

#[test]
fn its_owner_does_it_and_what_was_granted_is_granted() {
    let Some(mut replica) = replica("its_owner_does_it", "2.0.5") else { return };
    let [owner, reader] = ["owner", "reader"].map(|name| format!("{name}_{:016x}", rand::random::<u64>()));
    let database = replica.value("SELECT quote_ident(current_database())");
    replica.sql(&format!(
        "CREATE ROLE {owner} LOGIN PASSWORD 'secret'; CREATE ROLE {reader};
         GRANT USAGE ON SCHEMA sch_chameleon TO {reader}; GRANT SELECT ON sch_chameleon.t_sources TO {reader};
         GRANT SELECT ON sch_chameleon.t_log_replica_shop_1 TO {reader}"
    ));
    let address = replica.database.address().user.clone();
    replica.configure_as(&owner, "secret", &[demo_source()]);
    leaves_all(&replica, &[], 3, &["role"]);
    replica.sql(&format!(
        "GRANT CREATE ON DATABASE {database} TO {owner}; ALTER SCHEMA sch_chameleon OWNER TO {owner}"
    ));
    leaves_all(&replica, &[], 3, &["role"]);
    let own = "SELECT string_agg(format('ALTER TABLE sch_chameleon.%I OWNER TO %I', relname, '{owner}'), ';')
               FROM pg_class WHERE relnamespace = 'sch_chameleon'::regnamespace AND relkind IN ('r', 'v')";
    let own = replica.value(&own.replace("{owner}", &owner));
    replica.sql(&own);
    let (code, shown) = upgrade(&replica, &[]);
    assert_eq!(code, Some(0), "{address}: {shown}");
    for (privilege, expected) in [
        (format!("has_schema_privilege('{reader}', 'sch_chameleon', 'USAGE')"), "true"),
        (format!("has_table_privilege('{reader}', 'sch_chameleon.t_sources', 'SELECT')"), "true"),
        (format!("has_table_privilege('{reader}', 'sch_chameleon.t_log_replica_shop_1', 'SELECT')"), "true"),
        (format!("has_table_privilege('{reader}', 'sch_chameleon.t_replica_batch', 'SELECT')"), "false"),
    ] {
        assert_eq!(replica.value(&format!("SELECT {privilege}")), expected, "{privilege}");
    }
    let owners = "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class
                  WHERE relnamespace = 'sch_chameleon'::regnamespace";
    assert_eq!(replica.value(owners), owner);
    replica.sql(&format!(
        "DROP OWNED BY {owner} CASCADE; DROP OWNED BY {reader}; DROP ROLE {owner}; DROP ROLE {reader}"
    ));
}

/// Each kind of fault at each message: the catalogue is what it was or 2.0.10, as the exit code says, and run again it is
/// 2.0.10.
#[test]
fn faults_at_every_message_leave_one_of_the_two() {
    if tools::or_skip("faults_at_every_message_leave_one_of_the_two", tools::earlier()).is_none() {
        return;
    }
    let earlier = Upgraded::of(|client| {
        let owner =
            "SELECT quote_ident(pg_get_userbyid(nspowner)) FROM pg_namespace WHERE nspname = 'sch_chameleon'";
        let owner: String = client.query_one(owner, &[]).unwrap().get(0);
        client.batch_execute(&format!("DROP SCHEMA sch_chameleon CASCADE; SET ROLE {owner}")).unwrap();
        create(client, "2.0.3");
    });
    let before = Record::of(&mut earlier.client(), &["sch_chameleon"]).unwrap();
    let rows = contents(&mut earlier.client(), "sch_chameleon");
    earlier.in_turn_at_every_message(&["upgrade", "--yes"], |case, outcome, client| {
        let version: String =
            client.query_one("SELECT t_version FROM sch_chameleon.v_version", &[]).unwrap().get(0);
        match (outcome.code(), version.as_str()) {
            (Some(0), "2.0.10") | (Some(3 | 4), "2.0.3") => {}
            (None, _) if outcome.killed() => {}
            other => panic!("{case}: {other:?}: {}", outcome.output),
        }
        if version == "2.0.10" {
            assert_kept("2.0.3", &rows, &contents(client, "sch_chameleon"));
        } else {
            assert_unchanged(&before, &Record::of(client, &["sch_chameleon"]).unwrap());
            let left = "SELECT to_regnamespace('_sch_chameleon_version2') IS NULL";
            assert!(client.query_one(left, &[]).unwrap().get::<_, bool>(0), "{case}: nothing is left");
        }
        version == "2.0.10"
    });
}
