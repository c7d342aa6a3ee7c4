//! Statements that fail: 1.7 is in place, what had been built is there to inspect, and the way on is told.

use crate::replica::{Replica, assert_unchanged, demo_source};
use crate::scene::{
    Outcome, Scene, commit, hold, messages_of_the_transaction, quiet, rows, title, until, waiting,
};
use chameleon_harness::fault::{Fault, Place};
use chameleon_harness::record::Record;
use chameleon_harness::seed::Seed;

fn disk_full(at: Place) -> Fault {
    Fault::statement_fails(at, "disk_full".parse().unwrap())
}

/// Whether a schema stands to be inspected after a failure in the step.
fn keeps_something(step: &str) -> bool {
    !["lock", "recheck", "rename"].contains(&step)
}

/// The whole of what the procedure promises for a step that fails.
fn fails_at(step: &str) {
    let scene = Scene::of(&quiet());
    let failed = scene.upgrade(vec![disk_full(Place::in_step(step, 2))]);
    failed.assert_code(4).assert_says(&[&format!("the step \"{}\" failed", title(step)), "[SQLSTATE 53100]"]);
    failed.assert_last_says(&["1.7 is in place"]);
    assert!(!failed.shown.contains("lock_timeout"), "the disk is no lock: {}", failed.shown);
    scene.assert_intact();
    assert_eq!(scene.has_schema("_sch_chameleon_version2"), keeps_something(step));
    if keeps_something(step) {
        failed.assert_last_says(&["chameleon-upgrade cleanup"]);
        refused_because_of_version2(&scene);
        // Either way goes on.
        let kept = ["--rename-to", "_sch_chameleon_version2_kept"];
        scene.clean_up(if step == "tables" { &kept } else { &["--drop"] });
    } else {
        scene.assert_unchanged();
        failed.assert_last_says(&["Nothing is left to clean up"]);
    }
    scene.upgrade(vec![]).assert_code(0);
    if step == "tables" {
        scene.replica.sql("DROP SCHEMA _sch_chameleon_version2_kept CASCADE");
    }
    scene.assert_upgraded_as(Outcome::undisturbed());
}

/// The next run refuses and changes nothing, and names the commands that drop or keep the schema.
fn refused_because_of_version2(scene: &Scene) {
    let before = scene.replica.record();
    let refused = scene.upgrade(vec![]);
    refused.assert_code(3).assert_says(&[
        "The schema _sch_chameleon_version2 is left over",
        "cleanup --config upgraded --schema version2 --drop",
        "--rename-to _sch_chameleon_version2_kept",
    ]);
    refused.assert_last_says(&["Nothing was changed"]);
    assert_unchanged(&before, &scene.replica.record());
}

macro_rules! a_statement_fails_in_step {
    ($($step:ident)*) => { $(
        mod $step {
            #[test]
            fn a_statement_fails_there() {
                super::fails_at(stringify!($step));
            }
        }
    )* };
}

a_statement_fails_in_step!(lock recheck rename install sources tables coordinates privileges verify);

#[test]
fn a_statement_fails_at_any_message_of_the_transaction() {
    let scene = Scene::of(&quiet());
    for number in messages_of_the_transaction().0 {
        let failed = scene.upgrade(vec![disk_full(Place::message(number))]);
        failed.assert_code(4).assert_says(&["53100"]).assert_last_says(&["1.7 is in place"]);
        scene.assert_intact();
        if scene.has_schema("_sch_chameleon_version2") {
            scene.clean_up(&["--drop"]);
        } else {
            failed.assert_last_says(&["Nothing is left to clean up"]);
        }
        scene.assert_unchanged();
    }
    scene.upgrade(vec![]).assert_code(0);
    scene.assert_upgraded_as(Outcome::undisturbed());
}

#[test]
fn a_savepoint_that_fails_leaves_the_step_before_it_to_inspect() {
    let scene = Scene::of(&quiet());
    let failed = scene.upgrade(vec![disk_full(Place::in_step("coordinates", 1))]);
    failed.assert_code(4).assert_says(&["write batch starts", "[SQLSTATE 53100]"]);
    assert!(!failed.shown.contains("failed too"), "{}", failed.shown);
    scene.assert_intact();
    // Back to the last savepoint, that of the tables.
    assert_eq!(scene.replica.value("SELECT count(*) FROM _sch_chameleon_version2.t_sources"), "1");
    assert_eq!(scene.replica.value("SELECT count(*) FROM _sch_chameleon_version2.t_replica_tables"), "0");
}

/// The new catalogue is built as its owner, and put aside by the role that upgrades.
#[test]
fn an_owner_that_may_not_create_schemas_does_not_keep_it_from_being_kept() {
    let scene = Scene::of(&quiet());
    let owner = format!("owner {}", scene.replica.database.name());
    scene.replica.sql(&format!(r#"CREATE ROLE "{owner}"; ALTER SCHEMA sch_chameleon OWNER TO "{owner}""#));
    let failed = scene.upgrade(vec![disk_full(Place::in_step("tables", 2))]);
    failed.assert_code(4).assert_last_says(&["1.7 is in place", "is kept as _sch_chameleon_version2"]);
    scene.clean_up(&["--drop"]);
    scene.upgrade(vec![]).assert_code(0);
    scene.replica.sql(&format!(r#"DROP OWNED BY "{owner}" CASCADE; DROP ROLE "{owner}""#));
}

#[test]
fn what_was_replayed_before_a_failure_stays_replayed() {
    let undisturbed = Scene::of(&waiting());
    undisturbed.upgrade(vec![]).assert_code(0);
    let expected = Outcome::of(&undisturbed.replica);
    let replayed = Scene::of(&waiting());
    replay_by_1_8_2(&replayed.replica);

    let scene = Scene::of(&waiting());
    let failed = scene.upgrade(vec![disk_full(Place::in_step("tables", 2))]);
    failed.assert_code(4).assert_last_says(&["1.7 is in place"]);
    scene.clean_up(&["--drop"]);
    assert_eq!(rows(&mut scene.replica.client()), rows(&mut replayed.replica.client()));
    scene.upgrade(vec![]).assert_code(0);
    scene.assert_upgraded_as(&expected);
}

/// As the 1.8.2 daemon does.
fn replay_by_1_8_2(replica: &Replica) {
    let mut client = replica.client();
    for source in 1..=2 {
        while client.query_one("SELECT sch_chameleon.fn_process_batch(1000, $1)", &[&source]).unwrap().get(0)
        {
        }
    }
}

#[test]
fn a_commit_that_fails_leaves_nothing() {
    let scene = Scene::of(&quiet());
    let failed = scene.upgrade(vec![disk_full(commit())]);
    failed.assert_code(4).assert_says(&["the step \"commit\" failed", "[SQLSTATE 53100]"]);
    failed.assert_last_says(&["1.7 is in place", "Nothing is left to clean up"]);
    scene.assert_unchanged();
    scene.upgrade(vec![]).assert_code(0);
    scene.assert_upgraded_as(Outcome::undisturbed());
}

/// Has `body` (plpgsql) run as a trigger on a table of the new catalogue, from its creation on.
fn sabotage(scene: &Scene, table: &str, timing: &str, body: &str) {
    scene.replica.sql(&format!(
        "CREATE SCHEMA IF NOT EXISTS sabotage;
         CREATE OR REPLACE FUNCTION sabotage.act() RETURNS trigger LANGUAGE plpgsql AS $body$
         BEGIN {body} END $body$;
         CREATE OR REPLACE FUNCTION sabotage.attach() RETURNS event_trigger LANGUAGE plpgsql AS $body$
         BEGIN
             IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands()
                        WHERE object_identity = 'sch_chameleon.{table}') THEN
                 EXECUTE 'CREATE {timing} ON sch_chameleon.{table} {how} EXECUTE FUNCTION sabotage.act()';
             END IF;
         END $body$;
         DROP EVENT TRIGGER IF EXISTS sabotage;
         CREATE EVENT TRIGGER sabotage ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
         EXECUTE FUNCTION sabotage.attach();",
        timing = timing.replace("{table}", table),
        how = if timing.starts_with("CONSTRAINT") {
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        } else {
            "FOR EACH ROW"
        },
    ));
}

fn end_of_the_sabotage(scene: &Scene) {
    scene.replica.sql("DROP EVENT TRIGGER sabotage; DROP SCHEMA sabotage CASCADE");
}

const DEFERRED: &str = "CONSTRAINT TRIGGER damage AFTER INSERT";
const BEFORE_INSERT: &str = "TRIGGER damage BEFORE INSERT";
const AFTER_INSERT: &str = "TRIGGER damage AFTER INSERT";
const BEFORE_UPDATE: &str = "TRIGGER damage BEFORE UPDATE";

#[test]
fn a_deferred_constraint_fails_the_commit() {
    let scene = Scene::of(&quiet());
    sabotage(&scene, "t_sources", DEFERRED, "RAISE EXCEPTION 'not so' USING ERRCODE = '23514';");
    let failed = scene.upgrade(vec![]);
    failed.assert_code(4).assert_says(&["the step \"commit\" failed", "not so", "[SQLSTATE 23514]"]);
    failed.assert_last_says(&["1.7 is in place", "Nothing is left to clean up"]);
    end_of_the_sabotage(&scene);
    scene.assert_unchanged();
}

#[test]
fn a_deferred_constraint_fails_the_undoing_too() {
    let scene = Scene::of(&quiet());
    sabotage(&scene, "t_sources", DEFERRED, "RAISE EXCEPTION 'not so' USING ERRCODE = '23514';");
    let failed = scene.upgrade(vec![disk_full(Place::in_step("tables", 2))]);
    failed.assert_code(4).assert_says(&[
        "the step \"migrate the tables\" failed",
        "[SQLSTATE 53100]",
        "keeping the unfinished catalogue for inspection failed too: not so",
        "[SQLSTATE 23514]",
    ]);
    failed.assert_last_says(&["1.7 is in place", "Nothing of the upgrade is left"]);
    end_of_the_sabotage(&scene);
    scene.assert_unchanged();
}

#[test]
fn the_name_for_inspection_is_taken_meanwhile() {
    let scene = Scene::of(&quiet());
    let at = || Place::in_step("coordinates", 2);
    let (held, holding) = hold(at());
    let mut running = scene.start(vec![held, disk_full(at())], &["--yes"]);
    holding.wait(&mut running);
    scene.replica.sql("CREATE SCHEMA _sch_chameleon_version2");
    holding.go_on();
    let failed = running.end();
    failed.assert_code(4).assert_says(&[
        "the step \"write batch starts and consistent points\" failed",
        "[SQLSTATE 53100]",
        "keeping the unfinished catalogue for inspection failed too",
        "[SQLSTATE 42P06]",
    ]);
    failed.assert_last_says(&["1.7 is in place"]);
    scene.replica.sql("DROP SCHEMA _sch_chameleon_version2");
    scene.assert_unchanged();
}

#[test]
fn the_name_of_the_old_catalogue_is_taken_meanwhile() {
    let scene = Scene::of(&quiet());
    let (held, holding) = hold(Place::in_step("rename", 2));
    let mut running = scene.start(vec![held], &["--yes"]);
    holding.wait(&mut running);
    scene.replica.sql("CREATE SCHEMA _sch_chameleon_version1");
    holding.go_on();
    running.end().assert_code(4).assert_says(&["[SQLSTATE 42P06]"]).assert_last_says(&["1.7 is in place"]);
    scene.replica.sql("DROP SCHEMA _sch_chameleon_version1");
    scene.assert_unchanged();
}

#[test]
fn a_dry_run_that_fails_leaves_nothing_to_inspect() {
    let scene = Scene::of(&waiting());
    for (at, step) in
        [(Place::in_step("tables", 2), "migrate the tables"), (Place::in_step("verify", 2), "verify")]
    {
        let failed = scene.start(vec![disk_full(at)], &["--dry-run"]).end();
        failed.assert_code(4).assert_says(&[&format!("the step \"{step}\" failed"), "[SQLSTATE 53100]"]);
        failed.assert_last_says(&["1.7 is in place", "Nothing is left to clean up"]);
        scene.assert_unchanged();
    }
}

#[test]
fn a_dry_run_whose_rollback_fails_changes_nothing() {
    let scene = Scene::of(&quiet());
    for fault in [disk_full(commit()), Fault::cut_before(commit()), Fault::cut_after(commit())] {
        let ended = scene.start(vec![fault], &["--dry-run"]).end();
        ended.assert_code(4).assert_last_says(&["1.7 is in place"]);
        scene.until_no_upgrader();
        scene.assert_unchanged();
    }
}

/// A kind of damage: the table with the trigger, when it fires, what it does, what the verification says.
type Damage = (&'static str, &'static str, &'static str, &'static [&'static str]);

const DAMAGES: &[Damage] = &[
    (
        "t_replica_tables",
        BEFORE_INSERT,
        "IF NEW.v_table_name = 'orders' THEN RETURN NULL; END IF; RETURN NEW;",
        &["found: the tables of the new catalogue: 5 instead of 6; tables that are missing: 1 instead of 0\n"],
    ),
    (
        "t_replica_tables",
        BEFORE_INSERT,
        "IF NEW.v_table_name = 'orders' THEN NEW.v_table_name := 'other'; END IF; RETURN NEW;",
        &["tables that are missing: 1 instead of 0"],
    ),
    (
        "t_replica_tables",
        AFTER_INSERT,
        "IF NEW.v_table_name = 'orders' THEN
             NEW.v_table_name := 'more'; NEW.i_id_table := 99; INSERT INTO sch_chameleon.t_replica_tables SELECT NEW.*;
         END IF; RETURN NULL;",
        &["the tables of the new catalogue: 7 instead of 6"],
    ),
    (
        "t_replica_tables",
        BEFORE_INSERT,
        "NEW.b_replica_enabled := NEW.v_table_name <> 'orders'; RETURN NEW;",
        &["found: tables that are not enabled: 1 instead of 0\n"],
    ),
    (
        "t_replica_tables",
        BEFORE_INSERT,
        "IF NEW.v_table_name = 'order_lines' THEN NEW.v_table_pkey := '{order_id}'; END IF; RETURN NEW;",
        &["tables with other key columns: 1 instead of 0"],
    ),
    (
        "t_replica_tables",
        BEFORE_INSERT,
        "NEW.i_binlog_position := NEW.i_binlog_position - (NEW.v_table_name = 'orders')::int; RETURN NEW;",
        &["tables with another point: 1 instead of 0"],
    ),
    (
        "t_replica_tables",
        BEFORE_INSERT,
        "IF NEW.v_table_name = 'orders' THEN NEW.t_binlog_name := NULL; END IF; RETURN NEW;",
        &["tables with another point: 1 instead of 0"],
    ),
    (
        "t_replica_tables",
        BEFORE_INSERT,
        "NEW.i_binlog_position := NEW.i_binlog_position + (NEW.v_table_name = 'articles')::int; RETURN NEW;",
        &["tables with another point: 1 instead of 0"],
    ),
    (
        "t_replica_tables",
        BEFORE_INSERT,
        "IF NEW.v_table_name = 'articles' THEN NEW.t_binlog_name := 'other-bin.000042'; END IF; RETURN NEW;",
        &["tables with another point: 1 instead of 0"],
    ),
    (
        "t_sources",
        BEFORE_INSERT,
        "NEW.t_source := 'other'; RETURN NEW;",
        &["the name of a source: \"other\" instead of \"replica\""],
    ),
    (
        "t_sources",
        BEFORE_INSERT,
        "NEW.jsb_schema_mappings := '{\"my_shop\": \"shop\"}'; RETURN NEW;",
        &["the mappings of replica"],
    ),
    ("t_sources", BEFORE_INSERT, "NEW.enm_status := 'error'; RETURN NEW;", &["the status of replica: \"error\" instead of \"stopped\""]),
    (
        "t_sources",
        AFTER_INSERT,
        "IF NEW.t_source = 'replica' THEN
             NEW.t_source := 'more'; NEW.i_id_source := 99; INSERT INTO sch_chameleon.t_sources SELECT NEW.*;
         END IF; RETURN NULL;",
        &["the number of sources: 2 instead of 1"],
    ),
    (
        "t_sources",
        BEFORE_UPDATE,
        "NEW.b_consistent := true; RETURN NEW;",
        &["the consistency of replica: true instead of false"],
    ),
    (
        "t_sources",
        BEFORE_UPDATE,
        "NEW.i_binlog_position := 1; RETURN NEW;",
        &["the consistent point of replica"],
    ),
    (
        "t_replica_batch",
        BEFORE_INSERT,
        "RETURN NULL;",
        &["the batch start of replica", "the number of batches of replica: 0 instead of 1"],
    ),
    (
        "t_replica_batch",
        BEFORE_INSERT,
        "NEW.i_binlog_position := NEW.i_binlog_position + 1; RETURN NEW;",
        &["the batch start of replica"],
    ),
    (
        "t_replica_batch",
        BEFORE_INSERT,
        "NEW.b_started := true; RETURN NEW;",
        &["the number of batches not started of replica: 0 instead of 1"],
    ),
    (
        "t_replica_batch",
        BEFORE_INSERT,
        "NEW.v_log_table := 't_log_replica'; RETURN NEW;",
        &["the number of batches with a log table of their own of replica: 0 instead of 1"],
    ),
    (
        "t_replica_batch",
        AFTER_INSERT,
        "DROP TABLE sch_chameleon.t_log_replica_replica_2; RETURN NULL;",
        &["the number of log tables of replica: 1 instead of 2"],
    ),
    (
        "t_replica_batch",
        AFTER_INSERT,
        "CREATE OR REPLACE VIEW sch_chameleon.v_version AS SELECT '2.0.9'::text AS t_version; RETURN NULL;",
        &["the version of the catalogue: \"2.0.9\" instead of \"2.0.10\""],
    ),
    ("t_last_received", BEFORE_INSERT, "RETURN NULL;", &["the number of rows on its lag of replica: 1 instead of 2"]),
    ("t_last_replayed", BEFORE_INSERT, "RETURN NULL;", &["the number of rows on its lag of replica: 1 instead of 2"]),
];

#[test]
fn the_verification_sees_all_damage() {
    let scene = Scene::of(&quiet());
    for (table, timing, body, says) in DAMAGES {
        sabotage(&scene, table, timing, body);
        let failed = scene.upgrade(vec![]);
        assert_eq!(failed.code, Some(4), "{body}\n{}", failed.shown);
        failed.assert_says(&["the step \"verify\" failed: the verification found"]).assert_says(says);
        failed.assert_last_says(&["1.7 is in place", "_sch_chameleon_version2"]);
        scene.assert_intact();
        scene.clean_up(&["--drop"]);
    }
    end_of_the_sabotage(&scene);
    scene.assert_unchanged();
    scene.upgrade(vec![]).assert_code(0);
    scene.assert_upgraded_as(Outcome::undisturbed());
}

#[test]
fn damage_to_the_old_catalogue_is_not_kept() {
    let scene = Scene::of(&quiet());
    let body =
        "DELETE FROM _sch_chameleon_version1.t_replica_tables WHERE v_table_name = 'orders'; RETURN NULL;";
    sabotage(&scene, "t_replica_tables", AFTER_INSERT, body);
    let failed = scene.upgrade(vec![]);
    failed.assert_code(4).assert_says(&["the step \"verify\" failed", "it lists 5 tables instead of 6"]);
    failed.assert_last_says(&["1.7 is in place", "Nothing is left to clean up"]);
    end_of_the_sabotage(&scene);
    scene.assert_unchanged();
}

#[test]
fn a_lock_that_is_not_obtained_in_time_changes_nothing() {
    let scene = Scene::with(&quiet(), vec![demo_source().with("lock_timeout", "100ms")]);
    let mut other = scene.replica.client();
    let holder: i32 = other.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("UPDATE sch_chameleon.t_sources SET t_source = t_source WHERE false").unwrap();
    let failed = scene.upgrade(vec![]);
    failed.assert_code(4).assert_says(&[
        "the step \"lock the 1.7 catalogue against writers\" failed",
        "[SQLSTATE 55P03]",
        &format!("server process {holder}"),
        "lock_timeout",
    ]);
    failed.assert_last_says(&["1.7 is in place", "Nothing is left to clean up"]);
    // The other session's transaction goes on.
    transaction.batch_execute("SELECT 1").unwrap();
    transaction.commit().unwrap();
    scene.assert_unchanged();
    scene.upgrade(vec![]).assert_code(0);
    scene.assert_upgraded_as(Outcome::undisturbed());
}

#[test]
fn a_catalogue_locked_even_against_readers_is_not_waited_for_forever() {
    let scene = Scene::with(&quiet(), vec![demo_source().with("lock_timeout", "100ms")]);
    let mut other = scene.replica.client();
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE sch_chameleon.t_replica_batch").unwrap();
    for command in ["upgrade", "check"] {
        let refused = scene.replica.command(&[command]).assert().code(3);
        let shown = String::from_utf8_lossy(&refused.get_output().stdout).into_owned();
        assert!(shown.contains("[SQLSTATE 55P03]") && shown.contains("lock_timeout"), "{shown}");
    }
    transaction.commit().unwrap();
    scene.assert_unchanged();
}

#[test]
fn a_second_upgrader_refuses_at_once() {
    let scene = Scene::of(&quiet());
    let (held, holding) = hold(Place::in_step("tables", 2));
    let mut first = scene.start(vec![held], &["--yes"]);
    holding.wait(&mut first);
    let pid = scene.replica.value(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'chameleon-upgrade'
                                   AND datname = current_database()",
    );
    let second = scene.upgrade(vec![]);
    second.assert_code(3).assert_last_says(&[
        &format!("another upgrade of this database is at work (server process {pid})"),
        "Nothing was changed",
    ]);
    holding.go_on();
    first.end().assert_code(0);
    scene.assert_upgraded_as(Outcome::undisturbed());
}

const CHANGED: &str = "The catalogue changed while the upgrade was running";

/// A writer that commits while the upgrader waits for the lock: the upgrade is refused, with the findings `says`.
fn written_meanwhile(seed: &Seed, sql: &str, says: &[&str]) {
    let scene = Scene::of(seed);
    let mut writer = scene.replica.client();
    let mut transaction = writer.transaction().unwrap();
    transaction.batch_execute(sql).unwrap();
    let mut running = scene.start(vec![], &["--yes"]);
    let waits = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                 WHERE NOT granted AND application_name = 'chameleon-upgrade' AND datname = current_database()";
    until(|| running.has_ended() || scene.replica.value(waits) == "1");
    transaction.commit().unwrap();
    let before = Record::of_database(&mut writer).unwrap();
    let refused = running.end();
    refused.assert_code(3).assert_says(says);
    refused.assert_last_says(&[
        "Refused: 1 error when the locked catalogue was read again",
        "Nothing was upgraded: 1.7 is in place",
    ]);
    assert_unchanged(&before, &scene.replica.record());
}

#[test]
fn a_batch_that_comes_in_before_the_lock_refuses() {
    let sql =
        "UPDATE sch_chameleon.t_replica_batch SET b_started = true, b_processed = true WHERE i_id_source = 1;
               INSERT INTO sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position)
               VALUES (1, 'mysql-bin.000042', 7777)";
    written_meanwhile(
        &quiet(),
        sql,
        &[CHANGED, "its batches or tables are no longer those that the plan was made for"],
    );
}

#[test]
fn a_table_that_comes_in_before_the_lock_refuses() {
    let sql = r#"INSERT INTO sch_chameleon.t_replica_tables (i_id_source, v_table_name, v_schema_name, v_table_pkey)
                 VALUES (1, 'late', 'shop', ARRAY['"id"'])"#;
    written_meanwhile(
        &quiet(),
        sql,
        &[CHANGED, "its batches or tables are no longer those that the plan was made for"],
    );
}

#[test]
fn events_that_come_in_before_the_lock_refuse() {
    let sql = "INSERT INTO sch_chameleon.t_log_replica_1_src_1
                   (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data)
               SELECT min(i_id_batch), 'customers', 'shop', 'insert', '{\"customer_id\": 77}'
               FROM sch_chameleon.t_replica_batch WHERE i_id_source = 1;
               UPDATE sch_chameleon.t_replica_batch SET b_replayed = false
               WHERE i_id_batch = (SELECT min(i_id_batch) FROM sch_chameleon.t_replica_batch WHERE i_id_source = 1);
               INSERT INTO sch_chameleon.t_batch_events
               SELECT i_id_batch, array_agg(i_id_event) FROM sch_chameleon.t_log_replica GROUP BY 1";
    written_meanwhile(&quiet(), sql, &[CHANGED, "events came in after the replay"]);
}

#[test]
fn a_replica_that_starts_before_the_lock_refuses_and_warnings_are_not_counted() {
    let seed = quiet().statement("DROP TABLE shop.orders");
    let sql = "UPDATE sch_chameleon.t_sources SET enm_status = 'running' WHERE i_id_source = 1";
    written_meanwhile(
        &seed,
        sql,
        &["The status of", "is running and no session of pg_chameleon is connected"],
    );
}

#[test]
fn timeouts_of_the_role_do_not_break_the_upgrade() {
    let scene = Scene::of(&waiting());
    let name = scene.replica.database.name().to_owned();
    scene.replica.sql(&format!(
        "ALTER DATABASE {name} SET statement_timeout = '200ms';
         ALTER DATABASE {name} SET lock_timeout = '1ms';
         ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '200ms';
         ALTER DATABASE {name} SET idle_session_timeout = '200ms';
         ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
    ));
    // Idle for longer than allowed: before the transaction, at the replay, and within the transaction.
    let places = [Place::message(20), Place::in_step("tables", 3)];
    let faults = places.map(|at| {
        Fault::hold(at, "idle", || {
            std::thread::sleep(std::time::Duration::from_millis(500));
            Ok(chameleon_harness::fault::Resume::Forward)
        })
    });
    scene.upgrade(faults.into()).assert_code(0);
}
