//! The harness can see: run on pg_chameleon 2.0.21's own upgrade it finds what §original says of
//! it. One that has gone blind finds less, and fails here.
//!
//! The state that only the daemon shows (a table dropped between the points of two sources) is in scenarios/live.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::process::tools;
use chameleon_harness::record::properties::Property;
use chameleon_harness::replica::Origin;
use chameleon_harness::replica::attempt;
use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::scenario::{self, Pool, ScenarioFile, VerdictKind};
use chameleon_harness::seed::{Batch, Event, Kind, Seed, Source, Table};
use chameleon_harness::server;
use chameleon_harness::sweep::{self, Findings, Retries, RunReport, Spread, Sweep, Work, table};
use std::path::Path;

/// A row of the table of §original, the scenario that has its state, and what must be found of it.
struct Finding {
    row: &'static str,
    scenario: &'static str,
    seen: &'static [&'static str],
}

const SUCCESS: &str = "the upgrader's output (exit code 0)";

const FINDINGS: &[Finding] = &[
    Finding {
        row: "open batch not started: that source's tables are left out",
        scenario: "batch_open",
        seen: &[
            "tables of replica: 0 instead of 2",
            "nothing dropped: 2 tables of 1.7 are not in 2.0",
            SUCCESS,
        ],
    },
    Finding {
        row: "no source has a started batch: success with an empty catalogue",
        scenario: "batch_none_started",
        seen: &["nothing dropped: 2 tables of 1.7 are not in 2.0", SUCCESS],
    },
    Finding {
        row: "one source further ahead than another: the last event already applied is applied again",
        scenario: "started_sources_apart",
        seen: &[
            "the table stock.items: mysql-bin.000009:4711 instead of mysql-bin.000009:4712",
            "the table shop.orders: mysql-bin.000007:120 instead of mysql-bin.000007:121",
            SUCCESS,
        ],
    },
    Finding {
        row: "a table synced later than its source: its coordinate is overwritten",
        scenario: "own_coordinate_of_a_started_source",
        seen: &["the table shop.synced: mysql-bin.000007:120 instead of mysql-bin.000007:501", SUCCESS],
    },
    Finding {
        row: "two open batches: unique violation, rolled back, with success",
        scenario: "batch_two_started",
        seen: &["truthful: exit code 0 while the catalogue is 1.7", "Rollback successful"],
    },
    Finding {
        row: "two open batches, one of them started: wrong points",
        scenario: "batch_later_started",
        seen: &["batch_start of replica: mysql-bin.000007:1500 instead of mysql-bin.000007:900", SUCCESS],
    },
    Finding {
        row: "a catalogue source that the configuration does not name: accepted",
        scenario: "mapping_missing",
        seen: &["the end: exit code 0 instead of exit code 3", "the database has changed"],
    },
    Finding {
        row: "a leftover version1: the stale schema is put in place of the live catalogue",
        scenario: "leftover_is_a_stale_catalogue",
        seen: &[
            "SELECT t_source FROM sch_chameleon.t_sources: of last year instead of shop",
            "truthful: exit code 0 while the catalogue is 1.7",
            "Rollback successful",
        ],
    },
    Finding {
        row: "mapping mismatch: refused, but with exit code 0",
        scenario: "mapping_to_another_schema",
        seen: &["the end: exit code 0 instead of exit code 3"],
    },
];

#[test]
fn what_the_original_does_to_ordinary_states_is_found() {
    let test = "what_the_original_does_to_ordinary_states_is_found";
    let Some(original) = tools::or_skip(test, Upgrader::original()) else { return };
    let pool = Pool::new(server::Kind::default());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut blind = Vec::new();
    for Finding { row, scenario, seen } in FINDINGS {
        let file = ScenarioFile::read(&folder.join(format!("{scenario}.yaml"))).unwrap();
        let verdict = scenario::run(&file, &pool, &original, false).unwrap();
        let VerdictKind::Failed(found) = verdict.kind else {
            blind.push(format!("{row}: {scenario} ended with {:?}", verdict.kind));
            continue;
        };
        let missing = seen.iter().filter(|text| !found.contains(*text));
        blind.extend(missing.map(|text| format!("{row}: {scenario} did not see {text:?} but\n{found}")));
    }
    assert!(blind.is_empty(), "{}", blind.join("\n\n"));
}

/// The one state that goes well undisturbed: one source, its batch started, nothing synced later.
fn goes_well() -> Seed {
    let shop = Source::new("shop")
        .table(Table::new("orders").rows(2))
        .table(Table::new("articles").rows(1))
        .batch(Batch::listed("mysql-bin.000042:4").event(Event::bulk_of(
            "orders",
            3,
            &[Kind::Insert, Kind::Update, Kind::Delete],
        )))
        .batch(Batch::started("mysql-bin.000042:7310"));
    Seed::of([shop])
}

fn swept(original: Upgrader, fault: &str) -> Findings {
    sweep::run(
        &Sweep {
            server: server::Kind::default(),
            upgrader: original,
            arguments: ["upgrade", "--yes"].map(str::to_owned).to_vec(),
            work: Work::Upgrade,
            origin: Origin::Seed(goes_well()),
            configuration: vec![ConfiguredSource::mysql("replica", &[("my_shop", "shop")])].into(),
            kinds: vec![fault.parse().unwrap()],
            pairs: 0,
            random_seed: 1,
            only: vec![],
            jobs: 2,
            retries: Retries::OncePerState,
            spread: Spread::Full,
            limit: attempt::LIMIT,
        },
        &|_, _| {},
    )
    .unwrap()
}

fn violates(run: &RunReport, property: Property, text: &str) -> bool {
    run.violations.iter().any(|it| it.property == property && it.seen.contains(text))
}

#[test]
fn the_half_catalogue_of_a_killed_original_is_found() {
    let test = "the_half_catalogue_of_a_killed_original_is_found";
    let Some(original) = tools::or_skip(test, Upgrader::original()) else { return };
    let findings = swept(original, "kill_client");
    let shown = table(&findings, "chameleon-harness sweep --upgrader original");
    let happened = findings.runs.iter().filter(|run| run.not_happened.is_none()).count();
    assert!(happened > 10 && happened == findings.runs.len(), "{shown}");
    // Some of its messages come before anything is changed: a harness that calls all of them wrong sees nothing either.
    assert!(findings.runs.iter().any(|run| !run.done && run.violations.is_empty()), "{shown}");
    let half = |run: &&RunReport| {
        run.done && violates(run, Property::NothingDropped, "2 tables of 1.7 are not in 2.0")
    };
    assert!(findings.runs.iter().filter(half).count() > 2, "no 2.0 catalogue without tables:\n{shown}");
    let no_catalogue = |run: &RunReport| violates(run, Property::Atomic, "neither 1.7 nor 2.0.10");
    assert!(findings.runs.iter().any(no_catalogue), "no moment without a catalogue:\n{shown}");
}

#[test]
fn what_the_original_says_of_a_failing_statement_is_found() {
    let test = "what_the_original_says_of_a_failing_statement_is_found";
    let Some(original) = tools::or_skip(test, Upgrader::original()) else { return };
    let findings = swept(original, "statement_fails:disk_full");
    let shown = table(&findings, "chameleon-harness sweep --upgrader original");
    let lied = |run: &RunReport| violates(run, Property::Truthful, "exit code 0 while the catalogue is 1.7");
    assert!(findings.runs.iter().any(lied), "{shown}");
}
