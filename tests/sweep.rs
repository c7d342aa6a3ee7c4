//! A lost answer at every message of the upgrade of a small catalogue, and a fault at every message of a replay in sets;
//! with `CHAMELEON_SWEEP=all`, every kind of fault at each. `make sweep` does the large catalogues.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end there")]

use chameleon_harness::seed::{Batch, Event, Kind, Seed, Source, Table};
use chameleon_harness::server;
use chameleon_harness::stage::Origin;
use chameleon_harness::sweep::case::{Case, NamedKind};
use chameleon_harness::sweep::{self, Retries, Spread, Sweep, table};
use chameleon_harness::upgrader::{ConfiguredSource, Upgrader};
use std::collections::BTreeMap;

/// A table synced on its own, a batch that waits, an open batch that isn't started.
fn small() -> Seed {
    let shop = Source::new("shop")
        .table(Table::new("orders").rows(2))
        .table(Table::new("articles").rows(1).at("mysql-bin.000042:9120"))
        .batch(Batch::listed("mysql-bin.000042:4").event(Event::bulk_of(
            "orders",
            3,
            &[Kind::Insert, Kind::Update, Kind::Delete],
        )))
        .batch(Batch::open("mysql-bin.000042:7310"));
    Seed::of([shop])
}

fn kinds() -> Vec<NamedKind> {
    if std::env::var_os("CHAMELEON_SWEEP").is_some_and(|wish| wish == "all") {
        NamedKind::all().collect()
    } else {
        vec!["cut_after".parse().unwrap()]
    }
}

fn sweep_of(seed: Seed, kinds: Vec<NamedKind>) -> Sweep {
    Sweep {
        server: server::Kind::default(),
        upgrader: Upgrader::new(env!("CARGO_BIN_EXE_chameleon-upgrade")),
        arguments: ["upgrade", "--yes"].map(str::to_owned).to_vec(),
        origin: Origin::Seed(seed),
        configuration: vec![ConfiguredSource::mysql("replica", &[("my_shop", "shop")])].into(),
        kinds,
        pairs: 0,
        random_seed: 1,
        only: vec![],
        jobs: 2,
        retries: Retries::OncePerState,
        spread: Spread::SqlStatesInTurn,
    }
}

#[test]
fn faults_at_every_message_leave_a_whole_catalogue() {
    let sweep = sweep_of(small(), kinds());
    let findings = sweep::run(&sweep, &|_, _| {}).unwrap();
    let shown = table(&findings, "chameleon-harness sweep");
    println!("{shown}");
    assert_eq!(findings.violations().count(), 0, "{shown}");
    assert!(findings.messages.len() > 100, "{} messages", findings.messages.len());

    let mut happened: BTreeMap<&str, usize> = BTreeMap::new();
    for run in &findings.runs {
        *happened.entry(&run.group).or_default() += usize::from(run.not_happened.is_none());
    }
    assert_eq!(happened.len(), kinds().len(), "{shown}");
    assert!(happened.values().all(|&count| count > 0), "{shown}");
    assert!(findings.runs.iter().any(|run| run.retried && !run.upgraded), "{shown}");
}

/// Three batches of so many events that they are replayed in sets, one of them with DDL in its middle.
fn large_backlog() -> Seed {
    let mix = [Kind::Insert, Kind::Update, Kind::Delete];
    let batch = |at: &str, table: &str| Batch::listed(at).event(Event::bulk_of(table, 240, &mix));
    let with_ddl = batch("mysql-bin.000042:4", "orders")
        .event(Event::ddl("orders", "ALTER TABLE shop.orders ADD note text"))
        .event(Event::bulk_of("orders", 240, &mix));
    let shop = Source::new("shop")
        .table(Table::new("orders").rows(300))
        .table(Table::new("articles").rows(300))
        .batch(with_ddl)
        .batch(batch("mysql-bin.000042:1000", "articles"))
        .batch(batch("mysql-bin.000042:2000", "orders").event(Event::bulk_of("articles", 240, &mix)))
        .batch(Batch::open("mysql-bin.000042:7310"));
    Seed::of([shop])
}

#[test]
fn faults_at_every_message_of_a_replay_in_sets_leave_a_whole_catalogue() {
    let kinds: Vec<NamedKind> = NamedKind::all()
        .filter(|kind| {
            !matches!(kind.to_string().as_str(), "freeze_server" | "second_upgrader" | "revoke_privilege")
        })
        .collect();
    let mut sweep = sweep_of(large_backlog(), kinds.clone());
    sweep.only = vec!["cut_before@1".parse().unwrap()];
    let undisturbed = sweep::run(&sweep, &|_, _| {}).unwrap();
    let number_of = |text: &str| {
        let is_it = |sql: &String| sql.contains(text);
        let found = undisturbed.messages.iter().find(|message| message.sql.as_ref().is_some_and(is_it));
        found.unwrap_or_else(|| panic!("no message with {text}")).number
    };
    let begins = number_of("CASE name WHEN 'jit'");
    let ends = number_of("BEGIN ISOLATION LEVEL READ COMMITTED");
    assert!(ends - begins > 20, "{begins} to {ends}");
    sweep.only = if std::env::var_os("CHAMELEON_SWEEP").is_some_and(|wish| wish == "all") {
        kinds.iter().flat_map(|kind| (begins..ends).map(|at| Case::one(kind.clone(), at))).collect()
    } else {
        kinds.iter().cycle().zip(begins..ends).map(|(kind, at)| Case::one(kind.clone(), at)).collect()
    };
    let findings = sweep::run(&sweep, &|_, _| {}).unwrap();
    let shown = table(&findings, "chameleon-harness sweep");
    println!("{shown}");
    assert_eq!(findings.violations().count(), 0, "{shown}");
    let happened = findings.runs.iter().filter(|run| run.not_happened.is_none()).count();
    assert!(
        happened * 3 > findings.runs.len() * 2,
        "{happened} of {} happened\n{shown}",
        findings.runs.len()
    );
    let mut groups: Vec<_> =
        findings.runs.iter().filter(|run| run.not_happened.is_none()).map(|run| &run.group).collect();
    groups.sort();
    groups.dedup();
    assert_eq!(groups.len(), kinds.len(), "{groups:?}");
    assert!(findings.runs.iter().any(|run| run.retried && !run.upgraded), "{shown}");
}
