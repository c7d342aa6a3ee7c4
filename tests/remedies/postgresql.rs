//! What stands in the way on the server: roles, sessions, settings.

use crate::replica::Replica;
use crate::{both, carry_out, findings, is_gone, of, remedy, run_all, shop, stock, with};
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::seed::{Seed, Status};
use chameleon_upgrade::report::layout::statements;

/// A role of its own for the replica's database, with these rights.
fn role(replica: &mut Replica, kind: &str, rights: &str, sources: &[ConfiguredSource]) -> String {
    let role = format!("{kind}_{}", replica.database.name());
    replica
        .sql(&format!("CREATE ROLE \"{role}\" LOGIN PASSWORD 'pa55'; {}", rights.replace("{role}", &role)));
    replica.configure_as(&role, "pa55", sources);
    role
}

fn forget(replica: &Replica, roles: &[&str]) {
    for role in roles {
        replica.sql(&format!(
            r#"REASSIGN OWNED BY "{role}" TO postgres; DROP OWNED BY "{role}"; DROP ROLE "{role}""#
        ));
    }
}

#[test]
fn a_role_gets_what_it_lacks() {
    let mut replica = Replica::of(&Seed::of([shop(), stock()]), &both());
    let stranger = role(&mut replica, "stranger", "", &both());
    for finding in of(&replica, "role") {
        run_all(&replica, finding["remedy"].as_str().unwrap());
    }
    is_gone(&replica, "role");
    replica.upgrade(&[]).code(0);
    forget(&replica, &[&stranger]);

    let mut replica = Replica::of(&Seed::of([shop(), stock()]), &both());
    let owner = role(
        &mut replica,
        "owner",
        "ALTER SCHEMA sch_chameleon OWNER TO \"{role}\"; GRANT ALL ON SCHEMA shop, stock TO \"{role}\";",
        &both(),
    );
    replica.sql(&format!("GRANT CREATE ON DATABASE {} TO \"{owner}\"", replica.database.name()));
    carry_out(&replica, "role", "error");
    forget(&replica, &[&owner]);
}

#[test]
fn a_database_is_opened_to_writers() {
    let replica = Replica::of(&Seed::of([shop(), stock()]), &both());
    replica
        .sql(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", replica.database.name()));
    carry_out(&replica, "postgresql", "error");
}

/// §report-45: a session whose process has ended.
#[test]
fn a_session_that_nobody_uses_any_more_is_ended() {
    let replica = Replica::of(&Seed::of([shop(), stock()]), &both());
    let mut config = replica.database.config();
    let session = config.application_name("[PGCH] - source: shop").connect(postgres::NoTls).unwrap();
    carry_out(&replica, "replica-stopped", "error");
    drop(session);
}

#[test]
fn a_replica_that_was_killed_is_taken_as_stopped() {
    let replica = Replica::of(&Seed::of([shop().status(Status::Running), stock()]), &both());
    let told = remedy(&replica, "replica-stopped", "error");
    assert!(told.ends_with("then run again with --assume-stopped."), "{told}");
    replica.upgrade(&["--assume-stopped"]).code(0);
}

/// A lock that lasts longer than lock_timeout: the statement of the remedy names who holds it.
#[test]
fn a_lock_on_the_catalogue_is_waited_for() {
    let sources = vec![both().remove(0).with("lock_timeout", "200ms")];
    let replica = Replica::of(&Seed::of([shop(), stock()]), &sources);
    let mut holder = replica.client();
    holder.batch_execute("BEGIN; LOCK TABLE sch_chameleon.t_sources").unwrap();
    let told = remedy(&replica, "catalogue", "error");
    let named = replica.client().query(statements(&told)[0], &[]).unwrap();
    let holders: Vec<i32> = named.iter().map(|row| row.get(0)).collect();
    let pid: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    assert!(holders.contains(&pid), "{holders:?}, and not {pid}");
    holder.batch_execute("ROLLBACK").unwrap();
    is_gone(&replica, "catalogue");
    replica.upgrade(&[]).code(0);
}

/// An event that can't be replayed: what the server complains of is mended, and the same command succeeds. §report-51:
/// a statement that 1.8.2 has recorded for the wrong table.
#[test]
fn an_event_that_cannot_be_replayed_is_mended() {
    use chameleon_harness::seed::{Batch, Event, Source, Table};
    let listed = Batch::listed("mysql-bin.000007:20")
        .event(Event::ddl("pieces", "SET search_path=\"stock\";ALTER TABLE \"gone\" ADD COLUMN note text"));
    let stock = Source::new("stock")
        .table(Table::new("pieces"))
        .batch(listed)
        .batch(Batch::open("mysql-bin.000007:50"));
    let replica = Replica::of(&Seed::of([shop(), stock]), &both());
    let refused = replica.upgrade(&[]).code(3);
    let shown = crate::replica::shown(refused.get_output());
    assert!(
        shown.contains("relation \"gone\" does not exist")
            && shown.contains("Mend what the server complains of"),
        "{shown}"
    );
    replica.sql("CREATE TABLE stock.gone (id int)");
    replica.upgrade(&[]).code(0);
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let replica = with("SELECT 1");
    let found: Vec<_> = findings(&replica).into_iter().filter(|it| it["check"] != "offline").collect();
    assert_eq!(found, Vec::<serde_json::Value>::new());
}
