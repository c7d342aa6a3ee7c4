//! A lost answer at every message of the upgrade of a small catalogue, and every other kind of fault at every third; one at
//! every message of a replay in sets. `make sweep` does the large catalogues, every SQLSTATE at every message, and pairs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end there")]

mod replica;

use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::fault::FaultKind;
use chameleon_harness::replica::Origin;
use chameleon_harness::replica::attempt::{self, Attempt};
use chameleon_harness::replica::template::ReplicaTemplate;
use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::seed::{Batch, Event, Kind, Seed, Source, Table};
use chameleon_harness::server::{self, SharedServer};
use chameleon_harness::sweep::case::Case;
use chameleon_harness::sweep::{self, Retries, Spread, Sweep, SweepError, Work, table, table_of_verb};
use std::collections::BTreeMap;
use std::collections::BTreeSet;

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

/// Pairs are drawn: a fault within the transaction, and another while it is being undone.
const PAIRS: u32 = 24;

fn sweep_of(seed: Seed) -> Sweep {
    Sweep {
        server: server::Kind::default(),
        upgrader: Upgrader::new(env!("CARGO_BIN_EXE_chameleon-upgrade")),
        arguments: ["upgrade", "--yes"].map(str::to_owned).to_vec(),
        origin: Origin::Seed(seed),
        work: Work::Upgrade,
        configuration: vec![ConfiguredSource::mysql("replica", &[("my_shop", "shop")])].into(),
        kinds: FaultKind::all().collect(),
        pairs: 0,
        random_seed: 1,
        only: vec![],
        jobs: 2,
        retries: Retries::OncePerState,
        spread: Spread::SqlStatesInTurn,
        limit: attempt::LIMIT,
    }
}

#[test]
fn faults_at_every_message_leave_a_whole_catalogue() {
    let sweep = Sweep { pairs: PAIRS, spread: Spread::InTurn, ..sweep_of(small()) };
    let findings = sweep::run(&sweep, &|_, _| {}).unwrap();
    let shown = table(&findings, "chameleon-harness sweep");
    println!("{shown}");
    assert_eq!(findings.violations().count(), 0, "{shown}");
    assert!(findings.messages.len() > 100, "{} messages", findings.messages.len());

    let groups: BTreeSet<&str> = findings.runs.iter().map(|run| run.group.as_str()).collect();
    assert_eq!(groups.len(), FaultKind::all().count() + 1, "{shown}");
    let (pairs, single): (Vec<_>, Vec<_>) = findings.runs.iter().partition(|run| run.group == "pairs");
    // The goodbye at the end is no statement, and so can't fail; and who has sent it may be gone before it can be killed.
    let goodbye = format!("@{}", findings.messages.last().map_or(0, |message| message.number));
    let too_late = |run: &sweep::RunReport| {
        run.case.ends_with(&goodbye)
            && (run.case.starts_with("statement_fails") || run.case.starts_with("kill_client"))
    };
    let unexplained = single.iter().filter(|run| run.not_happened.is_some() && !too_late(run));
    assert_eq!(unexplained.count(), 0, "{shown}");
    // The undoing of the first fault may end before the message of the second.
    let both = pairs.iter().filter(|run| run.not_happened.is_none()).count();
    assert!(both > PAIRS as usize / 2, "{both} of {PAIRS} pairs happened:\n{shown}");
    assert!(findings.runs.iter().any(|run| run.retried && !run.done), "{shown}");
}

/// How many of the last messages have every kind of fault: those around the commit.
const AROUND_THE_COMMIT: u64 = 4;

/// §way-back and §commands: the undoing of an upgrade, and the clean-up behind it, leave all as it was or are done. The kinds take
/// turns; `make sweep` has each at each message.
#[test]
fn faults_at_every_message_of_the_other_verbs_leave_all_or_nothing() {
    for (verb, work) in [
        (["rollback", "--yes"].as_slice(), Work::after_an_upgrade()),
        (&["rollback", "--yes"], Work::once_the_replica_has_gone_on()),
        (&["cleanup", "--drop", "--yes"], Work::after_an_upgrade()),
    ] {
        let mut sweep = sweep_of(small());
        sweep.arguments = verb.iter().map(|&it| it.to_owned()).collect();
        sweep.work = work;
        sweep.only = vec!["cut_before@1".parse().unwrap()];
        let last = sweep::run(&sweep, &|_, _| {}).unwrap().messages.len() as u64;
        assert!(last > 15, "{last} messages");
        let kinds: Vec<_> = FaultKind::all().collect();
        let in_turn = kinds.iter().cycle().zip(1..=last).map(|(kind, at)| Case::one(kind.clone(), at));
        let around = kinds
            .iter()
            .flat_map(|kind| (last - AROUND_THE_COMMIT..last).map(move |at| Case::one(kind.clone(), at)));
        sweep.only = in_turn.chain(around).collect();
        let findings = sweep::run(&sweep, &|_, _| {}).unwrap();
        let shown = table_of_verb(&findings, "chameleon-harness sweep");
        println!("{verb:?}\n{shown}");
        assert_eq!(findings.violations().count(), 0, "{shown}");
        let groups: BTreeSet<&str> = findings.runs.iter().map(|run| run.group.as_str()).collect();
        assert_eq!(groups.len(), FaultKind::all().count(), "{shown}");
        for done in [true, false] {
            assert!(
                findings.runs.iter().any(|run| run.done == done && run.not_happened.is_none()),
                "{shown}"
            );
        }
    }
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
    let kinds: Vec<FaultKind> = FaultKind::all()
        .filter(|kind| {
            !matches!(kind.to_string().as_str(), "freeze_server" | "second_upgrader" | "revoke_privilege")
        })
        .collect();
    let mut sweep = sweep_of(large_backlog());
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
    // The kinds take turns.
    sweep.only =
        kinds.iter().cycle().zip(begins..ends).map(|(kind, at)| Case::one(kind.clone(), at)).collect();
    let findings = sweep::run(&sweep, &|_, _| {}).unwrap();
    let shown = table(&findings, "chameleon-harness sweep");
    println!("{shown}");
    assert_eq!(findings.violations().count(), 0, "{shown}");
    assert!(findings.runs.iter().all(|run| run.not_happened.is_none()), "{shown}");
    let groups: BTreeSet<&str> = findings.runs.iter().map(|run| run.group.as_str()).collect();
    assert_eq!(groups.len(), kinds.len(), "{groups:?}");
    assert!(findings.runs.iter().any(|run| run.retried && !run.done), "{shown}");
}

/// §comparing: a trigger that writes another value each time is not the upgrader's fault.
#[test]
fn what_differs_without_any_fault_is_the_harness_s_blindness() {
    let production = replica::Replica::of(&small(), &[]);
    production.sql(
        "CREATE TABLE shop.audit (at timestamptz DEFAULT clock_timestamp(), what text);
         CREATE FUNCTION shop.audit() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN INSERT INTO shop.audit (what) VALUES (TG_OP); RETURN NULL; END';
         CREATE TRIGGER audit AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.audit()",
    );
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump.sql");
    std::fs::write(&dump, production.dump() + "\n").unwrap();
    let mut sweep = sweep_of(small());
    sweep.origin = Origin::Dump(dump.clone().into());
    sweep.only = vec!["cut_before@1".parse().unwrap()];
    let Err(error) = sweep::run(&sweep, &|_, _| {}) else { panic!("the time is the same twice") };
    assert!(matches!(error, SweepError::Blind(_)), "{error}");
    let error = error.to_string();
    assert!(error.contains("row of shop.audit") && error.contains("no fault of the upgrader"), "{error}");
    // Without the trigger the same sweep finds nothing.
    production.sql("DROP TRIGGER audit ON shop.orders");
    std::fs::write(&dump, production.dump() + "\n").unwrap();
    assert_eq!(sweep::run(&sweep, &|_, _| {}).unwrap().violations().count(), 0);
    // §hunt-h10: told as a violation.
    sweep.only = vec!["cut_before@99999".parse().unwrap()];
    let Err(error) = sweep::run(&sweep, &|_, _| {}) else { panic!("there is no such message") };
    assert!(error.to_string().starts_with("there is no message 99999 for cut_before@99999"), "{error}");
}

/// One that found no configuration proved nothing, at none of its messages.
#[test]
fn a_second_upgrader_gets_as_far_as_the_first_one_s_lock() {
    let sweep = sweep_of(small());
    let server = SharedServer::new(sweep.server.clone().in_memory().start().unwrap());
    let template = ReplicaTemplate::new(server, &sweep.origin).unwrap();
    let mut replica = template.replica(&sweep.configuration).unwrap();
    let fault = "{kind: hold, action: second_upgrader, at: {step: install, message: 2}}";
    let attempt = Attempt {
        upgrader: &sweep.upgrader,
        arguments: &sweep.arguments,
        configuration: &sweep.configuration,
        faults: &[yaml_serde::from_str(fault).unwrap()],
        environment: &BTreeMap::new(),
        limit: attempt::LIMIT,
    };
    let outcome = attempt::run(&mut replica, template.server(), &attempt).unwrap();
    outcome.transcript.all_happened().unwrap();
    assert_eq!((outcome.code(), outcome.second), (Some(0), Some(3)), "{}", outcome.output);
}
