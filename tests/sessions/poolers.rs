//! Through a pooler: a session's locks and settings don't hold in a pool of transactions, which is found and refused before
//! anything is set or locked; a pool of sessions is as good as the server, and the next client gets a clean session.
//! §hunt-27; §report-10, §report-45.

use crate::replica::{Replica, demo_source, shown};
use chameleon_harness::chameleon::home::{CONFIGURATION, Home, configuration};
use chameleon_harness::process::tools;
use chameleon_harness::seed::Seed;
use chameleon_harness::server::{self, PgBouncer, PoolMode, Server};
use postgres::Client;
use std::process::{Command, Output};

/// The demo's replica, with pgbouncer in front of it.
struct Pooled {
    replica: Replica,
    pooler: PgBouncer,
    home: Home,
}

impl Pooled {
    /// None where pgbouncer can't be had.
    fn of(test: &str, seed: &Seed, mode: PoolMode, more: &str) -> Option<Self> {
        let program = tools::or_skip(test, tools::pgbouncer())?;
        let replica = Replica::of(seed, &[demo_source()]);
        let server = server::shared().unwrap();
        // What one client has set stays for the next.
        let more = format!("server_reset_query =\n{more}");
        let pooler = PgBouncer::start(&program, server.address(), mode, &more).unwrap();
        let source = demo_source().with("lock_timeout", "300ms");
        let home = Home::new(&configuration(pooler.address(), replica.database.name(), &[source])).unwrap();
        Some(Self { replica, pooler, home })
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(crate::replica::PROGRAM)
            .args(arguments)
            .args(["--config", CONFIGURATION])
            .env("HOME", self.home.path())
            .output()
            .unwrap()
    }

    fn client(&self) -> Client {
        self.pooler.address().connect(self.replica.database.name()).unwrap()
    }

    /// In how many server sessions the pool is, each of which has been used.
    fn warm(&self, sessions: usize) {
        let mut clients: Vec<_> = (0..sessions).map(|_| self.client()).collect();
        let open: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                let mut transaction = client.transaction().unwrap();
                transaction.batch_execute("SELECT 1").unwrap();
                transaction
            })
            .collect();
        drop(open);
    }

    /// Nothing is left in any session of the pool.
    fn assert_clean(&self, sessions: usize) {
        let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
                     (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(self.replica.value(locks), "0");
        let mut clients: Vec<_> = (0..sessions).map(|_| self.client()).collect();
        let mut open: Vec<_> = clients.iter_mut().map(|client| client.transaction().unwrap()).collect();
        for transaction in &mut open {
            // pgbouncer itself gives each client its name.
            let set = "SELECT coalesce(string_agg(name || '=' || setting, ' '), '') FROM pg_settings
                       WHERE source = 'session' AND setting IS DISTINCT FROM reset_val AND name NOT LIKE 'transaction%'
                         AND name <> 'application_name'";
            assert_eq!(transaction.query_one(set, &[]).unwrap().get::<_, String>(0), "");
            let kept = "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema())
                             + (SELECT count(*) FROM pg_proc WHERE pronamespace = pg_my_temp_schema())
                             + (SELECT count(*) FROM pg_prepared_statements WHERE from_sql)";
            assert_eq!(transaction.query_one(kept, &[]).unwrap().get::<_, i64>(0), 0);
            assert_eq!(
                transaction.query_one("SELECT current_user", &[]).unwrap().get::<_, String>(0),
                "postgres"
            );
        }
    }
}

const COMMANDS: [&[&str]; 3] =
    [&["check", "--offline"], &["upgrade", "--yes", "--offline"], &["upgrade", "--dry-run", "--offline"]];

#[test]
fn a_pool_of_transactions_is_refused_and_left_clean() {
    for (more, warm) in [
        ("", 1),
        ("", 6),
        ("default_pool_size = 1", 1),
        ("default_pool_size = 2", 2),
        ("server_round_robin = 1", 1),
        ("server_round_robin = 1", 6),
    ] {
        let name = "a_pool_of_transactions_is_refused_and_left_clean";
        let Some(pooled) = Pooled::of(name, &Seed::demo(), PoolMode::Transaction, more) else { return };
        let before = pooled.replica.record();
        for arguments in COMMANDS {
            pooled.warm(warm);
            let output = pooled.run(arguments);
            let shown = shown(&output);
            assert_eq!(output.status.code(), Some(3), "{more} {warm} {arguments:?}:\n{shown}");
            assert!(shown.contains("pooler") && shown.contains("pool_mode = session"), "{shown}");
            assert!(before == pooled.replica.record());
            pooled.assert_clean(if more.contains("pool_size = 1") { 1 } else { 2 });
        }
        // It is read all the same, and nothing of that stays either.
        let output = pooled.run(&["status"]);
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        pooled.assert_clean(1);
        // What verify sets must hold for all that it reads.
        let output = pooled.run(&["verify"]);
        assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
        assert!(shown(&output).contains("pool_mode = session"), "{}", shown(&output));
        pooled.replica.upgrade(&[]).code(0);
        let output = pooled.run(&["watch", "--for", "1s", "--every", "1s"]);
        assert_eq!(output.status.code(), Some(6), "{}", shown(&output));
        assert!(shown(&output).contains("The replica of "), "{}", shown(&output));
        pooled.assert_clean(1);
        let output = pooled.run(&["rollback", "--yes"]);
        assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
        assert!(shown(&output).contains("pooler"), "{}", shown(&output));
        pooled.assert_clean(1);
        // Nothing keeps one that goes to the server itself from its work: §hunt-27.
        pooled.replica.command(&["rollback", "--yes"]).assert().code(0);
    }
}

#[test]
fn a_pool_of_statements_is_refused() {
    let name = "a_pool_of_statements_is_refused";
    let Some(pooled) = Pooled::of(name, &Seed::demo(), PoolMode::Statement, "") else { return };
    let before = pooled.replica.record();
    for arguments in COMMANDS {
        let output = pooled.run(arguments);
        let shown = shown(&output);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}:\n{shown}");
        assert!(shown.contains("takes no transactions"), "{shown}");
        assert!(before == pooled.replica.record());
    }
}

#[test]
fn a_pool_of_sessions_is_as_good_as_the_server_and_left_clean() {
    let name = "a_pool_of_sessions_is_as_good_as_the_server_and_left_clean";
    for more in ["", "server_round_robin = 1", "default_pool_size = 1"] {
        let Some(pooled) = Pooled::of(name, &Seed::demo(), PoolMode::Session, more) else { return };
        let done = |arguments: &[&str], code| {
            let output = pooled.run(arguments);
            assert_eq!(output.status.code(), Some(code), "{more} {arguments:?}:\n{}", shown(&output));
            pooled.assert_clean(1);
        };
        done(&["check", "--offline"], 0);
        // A refusal, and a failure that leaves the session alive.
        pooled.replica.sql("CREATE SCHEMA _sch_chameleon_version1");
        done(&["upgrade", "--yes", "--offline"], 3);
        pooled.replica.sql("DROP SCHEMA _sch_chameleon_version1");
        let mut other = pooled.replica.client();
        let mut transaction = other.transaction().unwrap();
        transaction.batch_execute("LOCK TABLE sch_chameleon.t_sources IN SHARE MODE").unwrap();
        done(&["upgrade", "--dry-run", "--offline"], 4);
        transaction.rollback().unwrap();
        done(&["upgrade", "--yes", "--offline"], 0);
        done(&["status"], 0);
        done(&["watch"], 6);
        done(&["verify"], 6);
        done(&["rollback", "--yes"], 0);
    }
}

/// Neither a server nor a pool of sessions is ever taken for one of transactions, whatever else goes on there.
#[test]
fn nothing_else_is_taken_for_a_pool_of_transactions() {
    let name = "nothing_else_is_taken_for_a_pool_of_transactions";
    let Some(pooled) = Pooled::of(name, &Seed::demo(), PoolMode::Session, "") else { return };
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    pooled.client().batch_execute("SELECT 1").unwrap();
                }
            });
        }
        for _ in 0..15 {
            let output = pooled.run(&["check", "--offline"]);
            assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
            pooled.replica.command(&["check"]).assert().code(0);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// §report-45: the application name of a dead 1.8.2, kept by a pooler.
#[test]
fn the_session_of_a_dead_replica_is_named_and_how_to_end_it() {
    let name = "the_session_of_a_dead_replica_is_named_and_how_to_end_it";
    let Some(pooled) = Pooled::of(name, &Seed::demo(), PoolMode::Session, "") else { return };
    let mut dead = pooled.client();
    dead.batch_execute("SET application_name = '[PGCH] - source: shop'").unwrap();
    drop(dead);
    let output = pooled.replica.command(&["upgrade", "--yes", "--assume-stopped"]).output().unwrap();
    let shown = shown(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(3), "{shown}");
    let start = shown.find("SELECT pg_terminate_backend").unwrap_or_else(|| panic!("{shown}"));
    let remedy = shown[start..].split_once(';').unwrap().0;
    pooled.replica.sql(remedy);
    pooled.replica.upgrade(&[]).code(0);
}
