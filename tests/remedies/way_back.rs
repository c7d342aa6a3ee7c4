//! What stands in the way back.

use crate::replica::Replica;
use chameleon_upgrade::report::layout::statements;
use predicates::str::contains;

fn upgraded() -> Replica {
    let replica = Replica::demo();
    replica.upgrade(&[]).code(0);
    replica
}

/// The first remedy that is shown.
fn remedy(replica: &Replica) -> String {
    let refused = replica.command(&["rollback", "--yes"]).assert().code(3);
    let shown = crate::replica::shown(refused.get_output());
    let line = shown.lines().find_map(|line| line.trim_start().strip_prefix("→ "));
    line.unwrap_or_else(|| panic!("no remedy in:\n{shown}")).to_owned()
}

#[test]
fn a_catalogue_that_was_renamed_gets_its_name_back() {
    let replica = upgraded();
    replica.sql("ALTER SCHEMA _sch_chameleon_version1 RENAME TO \"kept, I think\"");
    let told = remedy(&replica);
    replica.sql(statements(&told)[0]);
    replica.command(&["rollback", "--yes"]).assert().success();
    // Without one there is the backup.
    let gone = upgraded();
    gone.sql("DROP SCHEMA _sch_chameleon_version1 CASCADE");
    assert!(remedy(&gone).starts_with("Restore it from the backup"), "{}", remedy(&gone));
}

#[test]
fn a_leftover_is_dropped() {
    let replica = upgraded();
    replica.sql("CREATE SCHEMA _sch_chameleon_version2");
    let told = remedy(&replica);
    assert!(told.contains("--schema version2 --drop"), "{told}");
    replica.command(&["cleanup", "--schema", "version2", "--drop", "--yes"]).assert().success();
    replica.command(&["rollback", "--yes"]).assert().success();
}

#[test]
fn a_replica_that_was_killed_is_taken_as_stopped() {
    let replica = upgraded();
    replica.sql("UPDATE sch_chameleon.t_sources SET enm_status = 'running'");
    assert!(remedy(&replica).ends_with("then run again with --assume-stopped."));
    replica.command(&["rollback", "--yes", "--assume-stopped"]).assert().success();
}

#[test]
fn who_goes_back_by_force_copies_first() {
    let replica = upgraded();
    replica.sql("UPDATE sch_chameleon.t_replica_batch SET i_replayed = 3, t_binlog_name = 'other.000001'");
    assert!(remedy(&replica).ends_with("run again with --force."));
    replica
        .command(&["rollback", "--yes", "--force"])
        .assert()
        .success()
        .stdout(contains("Don't start the 1.8.2 replica yet"));
}

/// As 2.0 does when MySQL has begun a new file.
#[test]
fn a_position_past_2_gib_is_left_behind() {
    let replica = upgraded();
    replica.sql("UPDATE sch_chameleon.t_replica_batch SET i_replayed = 3, i_binlog_position = 3000000000");
    assert!(remedy(&replica).starts_with("Let MySQL begin a new file"), "{}", remedy(&replica));
    replica.sql(
        "UPDATE sch_chameleon.t_replica_batch SET b_started = true, b_processed = true;
         INSERT INTO sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position)
         VALUES (1, 'mysql-bin.000043', 4)",
    );
    replica.command(&["rollback", "--yes"]).assert().success().stdout(contains("mysql-bin.000043:4"));
}
