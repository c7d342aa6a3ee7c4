//! Every remedy of every finding is carried out, as it is printed: statements are taken out of the message and executed.
//! Afterwards the finding is gone, and the upgrade succeeds. §remedies.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

mod catalogue;
mod configuration;
mod every_finding;
mod mysql;
#[path = "../mysql/origin.rs"]
#[allow(dead_code, reason = "shared with the tests of the binary log")]
mod origin;
mod postgresql;
#[path = "../replica/mod.rs"]
mod replica;
mod way_back;

use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::seed::{Batch, Seed, Source, Table};
use chameleon_upgrade::report::layout::statements;
use replica::Replica;
use serde_json::Value;

/// The server of the tests that need one.
const SERVER: chameleon_harness::server::mysql::MySqlKind =
    chameleon_harness::server::mysql::MySqlKind::MariaDb;

/// A source that can be upgraded.
fn shop() -> Source {
    Source::new("shop").table(Table::new("items").rows(2)).batch(Batch::open("mysql-bin.000007:200"))
}

/// Another one.
fn stock() -> Source {
    Source::new("stock").table(Table::new("pieces").rows(2)).batch(Batch::open("mysql-bin.000007:50"))
}

fn both() -> Vec<ConfiguredSource> {
    vec![ConfiguredSource::mysql("replica", &[("my_shop", "shop"), ("my_stock", "stock")])]
}

fn with(statement: &str) -> Replica {
    Replica::of(&Seed::of([shop(), stock()]).statement(statement), &both())
}

/// What `check` finds.
fn findings(replica: &Replica) -> Vec<Value> {
    let output = replica.command(&["check", "--format", "json"]).output().unwrap();
    let shown = replica::shown(&output);
    let said: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {shown}"));
    said["findings"].as_array().unwrap().clone()
}

fn of(replica: &Replica, check: &str) -> Vec<Value> {
    findings(replica).into_iter().filter(|finding| finding["check"] == check).collect()
}

/// The remedy of the only finding of a check.
fn remedy(replica: &Replica, check: &str, severity: &str) -> String {
    let found = of(replica, check);
    let [finding] = &found[..] else { panic!("not one finding of {check}: {:#?}", findings(replica)) };
    assert_eq!(finding["severity"], severity, "{finding}");
    finding["remedy"].as_str().unwrap().to_owned()
}

fn is_gone(replica: &Replica, check: &str) {
    assert_eq!(of(replica, check), Vec::<Value>::new());
}

/// Runs all statements of a remedy in one session, as who copies them does.
fn run_all(replica: &Replica, remedy: &str) {
    let all = statements(remedy);
    assert!(!all.is_empty(), "no statement in: {remedy}");
    let mut session = replica.client();
    all.iter().for_each(|statement| session.batch_execute(statement).expect(statement));
}

/// Does what the statements of the only finding of a check say; then it is gone, and the upgrade succeeds.
fn carry_out(replica: &Replica, check: &str, severity: &str) {
    run_all(replica, &remedy(replica, check, severity));
    is_gone(replica, check);
    replica.upgrade(&[]).code(0);
}
