//! The rules of the plan: each by an example that fails without it, and all of them against
//! definitions that were written independently, over random catalogues.

use super::*;
use crate::batches::{BatchState, in_order};
use crate::catalogue::v1::snapshot::{OldBatch, OwnCoordinates, StoredCoordinate, TableSummary};
use chrono::DateTime;
use proptest::prelude::*;

fn stored(file: &str, position: i64) -> StoredCoordinate {
    StoredCoordinate { file: Some(file.into()), position: Some(position) }
}

fn at(file: &str, position: i64) -> BinlogCoordinate {
    BinlogCoordinate::parse(file, position).expect("a coordinate")
}

fn second(seconds: i64) -> NaiveDateTime {
    DateTime::from_timestamp(seconds, 0).expect("a time").naive_utc()
}

/// An applied batch; the examples below change what they are about.
fn applied(id: i64, position: i64) -> OldBatch {
    OldBatch {
        id,
        coordinate: stored("mysql-bin.000001", position),
        started: true,
        processed: true,
        replayed: true,
        created: second(id),
        listed: false,
        waiting: 0,
        has_rows: false,
        tables_named: vec![],
    }
}

fn open(id: i64, position: i64) -> OldBatch {
    OldBatch { started: false, processed: false, replayed: false, ..applied(id, position) }
}

fn source(name: &str, batches: Vec<OldBatch>) -> OldSource {
    OldSource {
        id: OldSourceId(1),
        name: name.into(),
        source_schema: Some(format!("my_{name}")),
        dest_schema: format!("db_{name}"),
        status: "stopped".into(),
        last_received: None,
        last_replay: None,
        batches,
        tables: TableSummary { count: 3, own_coordinates: vec![] },
    }
}

fn with_own(mut source: OldSource, file: &str, position: i64) -> OldSource {
    source.tables.own_coordinates.push(OwnCoordinates {
        furthest: stored(file, position),
        smallest_position: Some(position),
        halves: 0,
    });
    source
}

/// One target that maps all the given sources.
fn merged(sources: &[OldSource]) -> Vec<Target> {
    vec![Target { name: "new".into(), mappings: sources.iter().filter_map(pair).collect() }]
}

fn plan_merged(sources: Vec<OldSource>) -> Result<PlannedSource, Vec<Refusal>> {
    let targets = merged(&sources);
    plan(&Snapshot { sources }, &targets).map(|mut plan| plan.sources.remove(0))
}

fn states(batches: Vec<OldBatch>) -> Vec<(i64, BatchState)> {
    in_order(&source("s", batches)).into_iter().map(|(batch, state)| (batch.id, state)).collect()
}

/// A plan of one source, and the source that it is of.
fn plan_of(source: &OldSource) -> Plan {
    plan(&Snapshot { sources: vec![source.clone()] }, &merged(std::slice::from_ref(source))).expect("a plan")
}

fn advanced_to(mut plan: Plan, position: i64) -> Plan {
    let start = at("mysql-bin.000001", position);
    let starts = vec![(plan.sources[0].parts[0].id, start.clone())];
    plan.sources[0].advance(&starts, &start);
    plan
}

#[test]
fn a_plan_of_the_same_points_is_the_same_however_far_it_was_advanced_and_whatever_the_lag() {
    let before = source("a", vec![applied(1, 10), open(2, 50)]);
    let replayed_since = OldSource { last_replay: Some(second(9)), ..before.clone() };
    let shown = advanced_to(plan_of(&before), 70);
    let again = plan_of(&replayed_since);
    assert!(again.same_points(&shown) && shown.same_points(&again));
    let taken_over = again.advanced_as(&shown).expect("the same points");
    assert_eq!(taken_over.sources[0].batch_start, Some(at("mysql-bin.000001", 70)));
    assert_eq!(taken_over.sources[0].parts[0].advanced, Some(at("mysql-bin.000001", 70)));
    assert_eq!(taken_over.sources[0].last_replay, Some(second(9)));
    assert_eq!(taken_over.tables(), 3);
}

#[test]
fn a_plan_of_other_points_or_tables_is_another_one() {
    let before = source("a", vec![applied(1, 10), open(2, 50)]);
    let shown = advanced_to(plan_of(&before), 70);
    let another_start = source("a", vec![applied(1, 10), open(2, 60)]);
    let another_point = with_own(before.clone(), "mysql-bin.000001", 90);
    let one_more = OldSource { tables: TableSummary { count: 4, own_coordinates: vec![] }, ..before.clone() };
    for changed in [another_start, another_point, one_more] {
        let now = plan_of(&changed);
        assert!(!now.same_points(&shown), "{now:?}");
        assert_eq!(now.advanced_as(&shown), None);
    }
}

#[test]
fn an_open_batch_counts_started_or_not() {
    let started = OldBatch { started: true, ..open(2, 50) };
    for batch in [open(2, 50), started] {
        let planned = plan_merged(vec![source("a", vec![applied(1, 10), batch])]).expect("a plan");
        assert_eq!(planned.batch_start, Some(at("mysql-bin.000001", 50)));
    }
}

#[test]
fn of_two_live_batches_the_smaller_coordinate_is_the_start() {
    let planned = plan_merged(vec![source("a", vec![open(1, 70), open(2, 50)])]).expect("a plan");
    assert_eq!(planned.batch_start, Some(at("mysql-bin.000001", 50)));
}

#[test]
fn a_processed_batch_is_applied_unless_its_rows_were_never_listed() {
    let listed = OldBatch { replayed: false, listed: true, has_rows: true, ..applied(1, 10) };
    let empty = OldBatch { replayed: false, ..applied(2, 20) };
    let unlisted = OldBatch { replayed: false, has_rows: true, ..applied(3, 30) };
    assert_eq!(
        states(vec![listed, empty, unlisted]),
        [(1, BatchState::Applied), (2, BatchState::Applied), (3, BatchState::Live)]
    );
}

#[test]
fn an_unprocessed_batch_is_open_even_when_it_is_listed_or_marked_replayed() {
    let odd = OldBatch { processed: false, listed: true, ..applied(1, 10) };
    assert_eq!(states(vec![odd]), [(1, BatchState::Live)]);
}

#[test]
fn an_open_batch_before_the_last_applied_one_is_an_orphan_and_is_left_out() {
    let batches = vec![open(1, 5), applied(2, 10), open(3, 20)];
    assert_eq!(
        states(batches.clone()),
        [(1, BatchState::Orphan), (2, BatchState::Applied), (3, BatchState::Live)]
    );
    let planned = plan_merged(vec![source("a", batches)]).expect("a plan");
    assert_eq!(planned.batch_start, Some(at("mysql-bin.000001", 20)));
}

#[test]
fn the_time_of_creation_orders_batches_and_the_id_decides_ties() {
    let early_but_high = OldBatch { created: second(0), ..open(9, 5) };
    let tied = OldBatch { created: second(2), ..open(3, 7) };
    assert_eq!(
        states(vec![early_but_high, applied(2, 10), tied]),
        [(9, BatchState::Orphan), (2, BatchState::Applied), (3, BatchState::Live)]
    );
}

#[test]
fn a_source_with_tables_and_no_live_batch_is_refused() {
    let refusal = plan_merged(vec![source("a", vec![applied(1, 10)])]).expect_err("a refusal");
    assert_eq!(refusal, [Refusal::NoLiveBatch { source: "a".into(), tables: 3 }]);
}

#[test]
fn a_source_without_tables_and_live_batch_brings_nothing() {
    let mut empty = source("a", vec![]);
    empty.tables.count = 0;
    let planned = plan_merged(vec![empty]).expect("a plan");
    assert_eq!((planned.batch_start, planned.consistent_point), (None, None));
}

#[test]
fn a_never_initialised_source_does_not_hold_back_the_others() {
    let mut empty = source("a", vec![]);
    empty.tables.count = 0;
    empty.last_received = Some(second(1));
    let mut other = source("b", vec![open(1, 40)]);
    other.last_received = Some(second(5));
    let planned = plan_merged(vec![empty, other]).expect("a plan");
    assert_eq!(planned.batch_start, Some(at("mysql-bin.000001", 40)));
    assert_eq!(planned.last_received, Some(second(5)));
}

#[test]
fn merged_sources_start_at_the_smallest_start_and_are_consistent_at_the_largest() {
    let a = source("a", vec![open(1, 40)]);
    let mut b = source("b", vec![open(1, 90)]);
    b.last_replay = Some(second(7));
    let planned = plan_merged(vec![a, b]).expect("a plan");
    assert_eq!(planned.batch_start, Some(at("mysql-bin.000001", 40)));
    assert_eq!(planned.consistent_point, Some(at("mysql-bin.000001", 90)));
    assert_eq!(planned.tables(), 6);
    assert_eq!(planned.last_replay, Some(second(7)));
}

#[test]
fn a_table_synced_later_moves_the_consistent_point() {
    let a = with_own(source("a", vec![open(1, 40)]), "mysql-bin.000002", 4);
    let planned = plan_merged(vec![a]).expect("a plan");
    assert_eq!(planned.consistent_point, Some(at("mysql-bin.000002", 4)));
    assert_eq!(planned.batch_start, Some(at("mysql-bin.000001", 40)));
}

#[test]
fn the_point_of_a_table_is_the_larger_of_start_and_own_coordinate() {
    let start = at("mysql-bin.999999", 500);
    assert_eq!(point_of_table(&start, None), start);
    assert_eq!(point_of_table(&start, Some(&at("mysql-bin.999999", 499))), start);
    let later = at("mysql-bin.1000000", 4);
    assert_eq!(point_of_table(&start, Some(&later)), later);
    assert_eq!(later.just_after(), at("mysql-bin.1000000", 5));
}

#[test]
fn different_base_names_in_one_new_source_are_refused_and_in_two_are_not() {
    let mut b = source("b", vec![open(1, 90)]);
    b.batches[0].coordinate = stored("other-bin.000001", 90);
    let sources = vec![source("a", vec![open(1, 40)]), b];
    let refusals = plan_merged(sources.clone()).expect_err("a refusal");
    let bases = [("mysql-bin".to_owned(), vec!["a".to_owned()]), ("other-bin".into(), vec!["b".into()])];
    assert_eq!(
        refusals,
        [Refusal::DifferentBaseNames { target: "new".into(), bases: bases.into_iter().collect() }]
    );
    let apart: Vec<Target> = sources
        .iter()
        .map(|source| Target { name: source.name.clone(), mappings: pair(source).into_iter().collect() })
        .collect();
    assert!(plan(&Snapshot { sources }, &apart).is_ok());
}

#[test]
fn a_base_name_that_only_a_table_or_a_later_batch_uses_is_seen() {
    let table = with_own(source("a", vec![open(1, 40)]), "other-bin.000001", 4);
    let mut batch = source("a", vec![open(1, 40), open(2, 50)]);
    batch.batches[1].coordinate = stored("other-bin.000002", 50);
    for source in [table, batch] {
        let refusals = plan_merged(vec![source]).expect_err("a refusal");
        assert!(matches!(refusals[..], [Refusal::DifferentBaseNames { .. }]), "{refusals:?}");
    }
}

#[test]
fn a_dot_in_the_base_name_is_refused() {
    let mut a = source("a", vec![open(1, 40)]);
    a.batches[0].coordinate = stored("db.example.000001", 40);
    let refusals = plan_merged(vec![a]).expect_err("a refusal");
    assert_eq!(refusals, [Refusal::DotInBaseName { target: "new".into(), base: "db.example".into() }]);
}

#[test]
fn coordinates_that_cannot_be_read_are_refused() {
    let mut a = source("a", vec![open(7, 40)]);
    a.batches[0].coordinate = StoredCoordinate::default();
    let refusals = plan_merged(vec![a]).expect_err("a refusal");
    assert!(matches!(&refusals[..], [Refusal::BatchCoordinate { batch: 7, .. }]), "{refusals:?}");

    let unreadable = with_own(source("a", vec![open(1, 40)]), "no number", 4);
    let mut half = with_own(source("a", vec![open(1, 40)]), "mysql-bin.000001", 4);
    half.tables.own_coordinates[0].halves = 1;
    let mut negative = with_own(source("a", vec![open(1, 40)]), "mysql-bin.000001", 4);
    negative.tables.own_coordinates[0].smallest_position = Some(-1);
    for source in [unreadable, half, negative] {
        let refusals = plan_merged(vec![source]).expect_err("a refusal");
        assert!(matches!(&refusals[..], [Refusal::TableCoordinate { .. }]), "{refusals:?}");
    }
}

#[test]
fn an_empty_source_schema_is_refused_once_without_a_mapping_discrepancy_beside_it() {
    for empty in [None, Some(String::new())] {
        let mut a = source("a", vec![open(1, 40)]);
        let targets = merged(std::slice::from_ref(&a));
        a.source_schema = empty;
        let refusals = plan(&Snapshot { sources: vec![a] }, &targets).expect_err("a refusal");
        assert_eq!(refusals, [Refusal::SourceSchemaEmpty { source: "a".into() }]);
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut a = with_own(source("a", vec![applied(1, 40)]), "no number", 4);
    a.dest_schema = "elsewhere".into();
    let targets = merged(&[source("b", vec![])]);
    let refusals = plan(&Snapshot { sources: vec![a] }, &targets).expect_err("refusals");
    assert_eq!(refusals.len(), 4, "{refusals:?}");
}

/// Random catalogues of up to four sources with up to six batches each, and how they are grouped.
mod random {
    use super::*;

    pub fn batch(id: i64) -> impl Strategy<Value = OldBatch> {
        let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
        (flags, 0..4i64, 1u64..4, 0..6i64).prop_map(
            move |((started, processed, replayed, listed, has_rows), created, file, position)| OldBatch {
                id,
                coordinate: stored(&format!("mysql-bin.{}", file * 5 + 5), position),
                started,
                processed,
                replayed,
                created: second(created),
                listed,
                waiting: 0,
                has_rows,
                tables_named: vec![],
            },
        )
    }

    pub fn old_source(number: usize) -> impl Strategy<Value = OldSource> {
        let batches = (0..6usize).prop_flat_map(|count| (0..count as i64).map(batch).collect::<Vec<_>>());
        let own = prop::collection::vec((1u64..4, 0..6i64), 0..3);
        (batches, 0..3u64, own, prop::option::of(0..5i64)).prop_map(move |(batches, count, own, received)| {
            let mut source = source(&format!("s{number}"), batches);
            source.id = OldSourceId(number as i64);
            source.last_received = received.map(second);
            source.tables.count = count;
            for (file, position) in own.into_iter().take(count as usize) {
                source = with_own(source, &format!("mysql-bin.{}", file * 5 + 5), position);
            }
            source
        })
    }

    pub fn catalogue() -> impl Strategy<Value = (Vec<OldSource>, Vec<usize>)> {
        (1..5usize).prop_flat_map(|count| {
            ((0..count).map(old_source).collect::<Vec<_>>(), prop::collection::vec(0..3usize, count))
        })
    }
}

/// SPEC.md's definitions, word by word, without sorting or positions in a list.
mod definition {
    use super::*;

    fn applied(batch: &OldBatch) -> bool {
        if !batch.processed {
            return false;
        }
        batch.replayed || batch.listed || !batch.has_rows
    }

    fn before(left: &OldBatch, right: &OldBatch) -> bool {
        left.created < right.created || (left.created == right.created && left.id < right.id)
    }

    pub fn state(batch: &OldBatch, of: &OldSource) -> BatchState {
        if applied(batch) {
            BatchState::Applied
        } else if of.batches.iter().any(|other| applied(other) && before(batch, other)) {
            BatchState::Orphan
        } else {
            BatchState::Live
        }
    }

    /// (file number, position), the order's definition.
    pub type Place = (u64, i64);

    pub fn place(coordinate: &StoredCoordinate) -> Place {
        let file = coordinate.file.as_deref().expect("generated with a file");
        let number = file.strip_prefix("mysql-bin.").expect("generated so").parse().expect("a number");
        (number, coordinate.position.expect("generated with a position"))
    }

    pub fn start(of: &OldSource) -> Option<Place> {
        let live = of.batches.iter().filter(|batch| state(batch, of) == BatchState::Live);
        live.map(|batch| place(&batch.coordinate)).fold(None, |least, next| match least {
            Some(least) if least <= next => Some(least),
            _ => Some(next),
        })
    }

    pub fn points(of: &OldSource) -> Vec<Place> {
        let Some(start) = start(of) else { return vec![] };
        let own = of.tables.own_coordinates.iter().map(|own| place(&own.furthest));
        std::iter::once(start).chain(own.map(|own| if own > start { own } else { start })).collect()
    }
}

fn place_of(coordinate: &BinlogCoordinate) -> definition::Place {
    (coordinate.file().number(), coordinate.position())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn batch_states_follow_their_definition(source in random::old_source(1)) {
        for (batch, state) in in_order(&source) {
            prop_assert_eq!(state, definition::state(batch, &source));
        }
        prop_assert_eq!(in_order(&source).len(), source.batches.len());
    }

    #[test]
    fn plans_follow_their_definition((sources, groups) in random::catalogue()) {
        let targets: Vec<Target> = (0..3)
            .map(|group| Target {
                name: format!("t{group}"),
                mappings: sources
                    .iter()
                    .zip(&groups)
                    .filter(|(_, of)| **of == group)
                    .filter_map(|(source, _)| pair(source))
                    .collect(),
            })
            .collect();
        let without_start = sources
            .iter()
            .filter(|source| source.tables.count > 0 && definition::start(source).is_none())
            .count();
        match plan(&Snapshot { sources: sources.clone() }, &targets) {
            Err(refusals) => {
                prop_assert_eq!(refusals.len(), without_start);
                prop_assert!(without_start > 0);
            }
            Ok(plan) => {
                prop_assert_eq!(without_start, 0);
                for (group, planned) in plan.sources.iter().enumerate() {
                    let members: Vec<_> =
                        sources.iter().zip(&groups).filter(|(_, of)| **of == group).map(|(s, _)| s).collect();
                    let start = members.iter().filter_map(|source| definition::start(source)).min();
                    let consistent = members.iter().flat_map(|source| definition::points(source)).max();
                    prop_assert_eq!(planned.batch_start.as_ref().map(place_of), start);
                    prop_assert_eq!(planned.consistent_point.as_ref().map(place_of), consistent);
                    prop_assert_eq!(planned.parts.len(), members.len());
                    prop_assert_eq!(
                        planned.tables(),
                        members.iter().map(|source| source.tables.count).sum::<u64>()
                    );
                }
            }
        }
    }

    #[test]
    fn the_order_of_sources_in_the_catalogue_does_not_matter((sources, _) in random::catalogue()) {
        let mut reversed = sources.clone();
        reversed.reverse();
        let (forth, back) = (plan_merged(sources), plan_merged(reversed));
        match (forth, back) {
            (Ok(forth), Ok(back)) => {
                prop_assert_eq!(forth.batch_start, back.batch_start);
                prop_assert_eq!(forth.consistent_point, back.consistent_point);
            }
            (forth, back) => prop_assert!(forth.is_err() && back.is_err()),
        }
    }
}
