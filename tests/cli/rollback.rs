//! `rollback`: a successful upgrade is undone, as long as the 2.0 replica has applied nothing; and whatever goes wrong
//! with it, the catalogue is the one or the other.

use crate::replica::Replica;
use chameleon_harness::record::Record;
use predicates::prelude::*;
use predicates::str::contains;

const REFUSED: i32 = 3;

fn upgraded() -> Replica {
    let replica = Replica::demo();
    replica.command(&["upgrade", "--yes"]).assert().success();
    replica
}

/// Everything, but without telling which of the schemas is in place.
fn catalogue(replica: &Replica, schema: &str) -> Record {
    Record::of(&mut replica.client(), &[schema]).unwrap().renamed(schema, "catalogue")
}

fn refuses(replica: &Replica, says: &str) {
    let before = replica.record();
    replica
        .command(&["rollback", "--yes"])
        .assert()
        .code(REFUSED)
        .stdout(contains(says))
        .stderr(contains("Nothing was changed"));
    assert_eq!(before.diff(&replica.record()), "");
}

#[test]
fn the_old_catalogue_is_put_back_and_can_be_upgraded_again() {
    let replica = upgraded();
    let (old, new) = (catalogue(&replica, "_sch_chameleon_version1"), catalogue(&replica, "sch_chameleon"));
    replica
        .command(&["rollback", "--yes"])
        .assert()
        .success()
        .stdout(contains("Rolled back: sch_chameleon is the 1.7 catalogue again."))
        .stdout(contains("chameleon-upgrade cleanup --config upgraded --schema version2 --drop"));
    assert_eq!(old.diff(&catalogue(&replica, "sch_chameleon")), "");
    assert_eq!(new.diff(&catalogue(&replica, "_sch_chameleon_version2")), "");
    assert_eq!(replica.value("SELECT to_regnamespace('_sch_chameleon_version1') IS NULL"), "true");

    replica
        .command(&["rollback", "--yes"])
        .assert()
        .success()
        .stdout(contains("there is no upgrade to undo"));
    replica.command(&["upgrade", "--yes"]).assert().code(REFUSED).stdout(contains("_sch_chameleon_version2"));
    replica.sql("DROP SCHEMA _sch_chameleon_version2 CASCADE");
    replica.command(&["upgrade", "--yes"]).assert().success();
}

/// §hunt-6: what the new replica has read alone, and what was set by hand, has changed no destination table.
#[test]
fn what_the_new_replica_has_read_is_no_obstacle() {
    for done in [
        // Killed in its first batch.
        "UPDATE sch_chameleon.t_replica_batch SET b_started = true;
         UPDATE sch_chameleon.t_replica_tables SET t_binlog_name = NULL, i_binlog_position = NULL WHERE i_id_table = 1",
        // FLUSH LOGS, with nothing to apply.
        "UPDATE sch_chameleon.t_replica_batch SET b_started = true, b_processed = true;
         INSERT INTO sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position)
         VALUES (1, 'mysql-bin.000043', 4);
         UPDATE sch_chameleon.t_sources SET b_consistent = true, t_binlog_name = NULL, i_binlog_position = NULL;
         UPDATE sch_chameleon.t_replica_tables SET t_binlog_name = NULL, i_binlog_position = NULL",
        "UPDATE sch_chameleon.t_replica_tables SET b_replica_enabled = false WHERE i_id_table = 1",
        "DELETE FROM sch_chameleon.t_replica_tables WHERE i_id_table = 1",
    ] {
        let replica = upgraded();
        replica.sql(done);
        replica
            .command(&["rollback", "--yes"])
            .assert()
            .success()
            .stdout(contains("it goes on from where it was").and(contains("replica-went-on").not()));
        assert_eq!(replica.value("SELECT t_version FROM sch_chameleon.v_version"), "1.7", "{done}");
    }
}

/// §hunt-6 and §hunt-20: each sign of it is told, and 1.8.2 goes on where 2.0 stands.
#[test]
fn what_the_new_replica_has_done_is_told() {
    for (done, told) in [
        (
            "UPDATE sch_chameleon.t_replica_batch SET i_replayed = 7, i_ddl = 1",
            "since the upgrade: 8 events applied. 1.8.2 goes on from where 2.0 stands.",
        ),
        (
            "INSERT INTO sch_chameleon.t_error_log (i_id_batch, i_id_source, v_table_name, v_schema_name, t_table_pkey,
                                                    t_binlog_name, i_binlog_position)
             VALUES (1, 1, 'orders', 'shop', 'order_id', 'mysql-bin.000042', 9000)",
            "since the upgrade: 1 event in its error log.",
        ),
        // What was applied is deleted after batch_retention.
        (
            "DELETE FROM sch_chameleon.t_replica_batch;
             INSERT INTO sch_chameleon.t_replica_batch (i_id_batch, i_id_source, t_binlog_name, i_binlog_position)
             VALUES (9, 1, 'mysql-bin.000043', 4)",
            "since the upgrade: the first batches of 1 source gone by.",
        ),
        ("UPDATE sch_chameleon.t_replica_tables SET i_id_table = 1000 WHERE i_id_table = 1", "1 table copied or added."),
        // sync_tables keeps the id, and moves the consistent point.
        (
            "UPDATE sch_chameleon.t_replica_tables SET i_binlog_position = 9500 WHERE i_id_table = 1;
             UPDATE sch_chameleon.t_sources SET i_binlog_position = 9500, enm_status = 'synced'",
            "1 table copied or added.",
        ),
    ] {
        let replica = upgraded();
        replica.sql(done);
        replica
            .command(&["rollback", "--yes"])
            .assert()
            .success()
            .stdout(contains("replica-went-on").and(contains(told)).and(contains("it goes on where 2.0 stopped")));
        assert_eq!(replica.value("SELECT t_version FROM sch_chameleon.v_version"), "1.7", "{done}");
    }
}

#[test]
fn a_new_replica_at_work_is_to_be_stopped() {
    let replica = upgraded();
    replica.sql("UPDATE sch_chameleon.t_sources SET enm_status = 'running'");
    refuses(&replica, "replica-stopped");
    replica.command(&["rollback", "--yes", "--assume-stopped"]).assert().success();
}

/// As of 1.7: a pooler keeps the sessions of a daemon that has ended, and then there is nothing to stop.
#[test]
fn a_session_of_the_new_replica_is_told_with_what_ends_it() {
    let replica = upgraded();
    let mut daemon = replica.client();
    daemon
        .batch_execute("SET application_name = '[pg_chameleon] - Read process for source: replica'")
        .unwrap();
    refuses(&replica, "of the role ");
    refuses(&replica, "Stop the replica of every source (chameleon stop_replica)");
    let pid: i32 = daemon.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    refuses(&replica, &format!("SELECT pg_terminate_backend({pid});"));
    replica.sql(&format!("SELECT pg_terminate_backend({pid})"));
    let gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '[pg_chameleon]%' AND datname = current_database()";
    while replica.value(gone) != "0" {}
    replica.command(&["rollback", "--yes"]).assert().success();
}

#[test]
fn without_the_old_catalogue_there_is_nothing_to_go_back_to() {
    let replica = upgraded();
    replica.sql("ALTER SCHEMA _sch_chameleon_version1 RENAME TO kept");
    refuses(&replica, "catalogue-put-aside");
    replica.sql("CREATE SCHEMA _sch_chameleon_version1");
    refuses(&replica, "is no 1.7 catalogue");
    replica.sql("DROP SCHEMA _sch_chameleon_version1; ALTER SCHEMA kept RENAME TO _sch_chameleon_version1");
    replica.sql("CREATE SCHEMA _sch_chameleon_version2");
    refuses(&replica, "leftovers");
}

#[test]
fn what_was_put_aside_must_be_a_catalogue_that_says_its_version() {
    let replica = upgraded();
    replica.sql(
        "DROP VIEW _sch_chameleon_version1.v_version;
         CREATE VIEW _sch_chameleon_version1.v_version AS SELECT '1.7'::text AS another_name",
    );
    refuses(&replica, "The schema _sch_chameleon_version1 is no 1.7 catalogue");
    replica.sql("DROP VIEW _sch_chameleon_version1.v_version");
    refuses(&replica, "The schema _sch_chameleon_version1 is no 1.7 catalogue");
}

#[test]
fn nobody_says_yes() {
    let replica = upgraded();
    let before = replica.record();
    replica.command(&["rollback"]).assert().code(REFUSED).stderr(contains("nobody can be asked"));
    assert_eq!(before.diff(&replica.record()), "");
}
