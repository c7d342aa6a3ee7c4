//! The rules of the plan: each by an example that fails without it, and all of them against
//! definitions that were written independently, over random catalogues.

use super::*;
use crate::facts::snapshot::{
    Batches, Named, OldBatch, OwnCoordinates, StoredCoordinate, Succession, TableSummary, Waiting,
};
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

/// An open batch with rows, directly succeeded by the next one.
fn open(id: i64, position: i64) -> OldBatch {
    OldBatch {
        id,
        coordinate: stored("mysql-bin.000001", position),
        processed: false,
        applied: false,
        followed_by_applied: false,
        last_row: Some(stored("mysql-bin.000001", position + 5)),
        stored_twice: false,
        discarded: false,
        succession: Some(Succession::default()),
        tables: Named::default(),
    }
}

fn processed(id: i64, position: i64) -> OldBatch {
    OldBatch { processed: true, ..open(id, position) }
}

/// With batches in the order of their ids.
fn source(name: &str, mut batches: Vec<OldBatch>) -> OldSource {
    let newest = batches.pop();
    batches.reverse();
    OldSource {
        id: OldSourceId(1),
        name: name.into(),
        source_schema: Some(format!("my_{name}")),
        dest_schema: format!("db_{name}"),
        status: "stopped".into(),
        last_received: None,
        last_replay: None,
        batches: Batches { newest, open: batches, ..Batches::default() },
        waiting: Waiting::default(),
        tables: TableSummary { count: 3, ..TableSummary::default() },
    }
}

fn newest(source: &mut OldSource) -> &mut OldBatch {
    source.batches.newest.as_mut().expect("a batch")
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
    plan(&Snapshot { sources }, &targets, &Advances::new()).map(|mut plan| plan.sources.remove(0))
}

/// The plan of one source that MySQL's log lets start at a position.
fn advanced_to(source: &OldSource, position: i64) -> Plan {
    let start = at("mysql-bin.000001", position);
    let advance = Advance { starts: vec![(source.id, start.clone())], batch_start: start, gtid_set: None };
    let targets = merged(std::slice::from_ref(source));
    let advances = Advances::from([(targets[0].name.clone(), advance)]);
    plan(&Snapshot { sources: vec![source.clone()] }, &targets, &advances).expect("a plan")
}

/// A replica whose last table was dropped on MySQL has been initialised all the same.
#[test]
fn a_source_without_tables_that_has_a_batch_was_initialised() {
    let mut emptied = source("a", vec![open(2, 50)]);
    emptied.tables.count = 0;
    assert!(!never_initialised(&emptied));
    let mut new = source("a", vec![]);
    new.tables.count = 0;
    assert!(never_initialised(&new));
}

#[test]
fn a_plan_that_is_made_again_is_the_same_whatever_the_lag() {
    let before = source("a", vec![open(2, 50)]);
    let replayed_since = OldSource { last_replay: Some(second(9)), ..before.clone() };
    let shown = advanced_to(&before, 70);
    let again = advanced_to(&replayed_since, 70);
    assert!(again.same_but_for_the_lag(&shown) && shown.same_but_for_the_lag(&again));
    assert_eq!(again.sources[0].batch_start, Some(at("mysql-bin.000001", 70)));
    assert_eq!(again.sources[0].parts[0].advanced, Some(at("mysql-bin.000001", 70)));
    assert_eq!(again.sources[0].parts[0].start, Some(at("mysql-bin.000001", 50)));
    assert_eq!(again.sources[0].consistent_point, Some(at("mysql-bin.000001", 50)));
    assert_eq!(again.sources[0].last_replay, Some(second(9)));
    assert_eq!(again.tables(), 3);
}

#[test]
fn a_plan_of_other_points_or_tables_is_another_one() {
    let before = source("a", vec![open(2, 50)]);
    let shown = advanced_to(&before, 70);
    let another_start = source("a", vec![open(2, 60)]);
    let another_point = with_own(before.clone(), "mysql-bin.000001", 90);
    let one_more =
        OldSource { tables: TableSummary { count: 4, ..TableSummary::default() }, ..before.clone() };
    for changed in [another_start, another_point, one_more] {
        let now = advanced_to(&changed, 70);
        assert!(!now.same_but_for_the_lag(&shown), "{now:?}");
    }
}

#[test]
fn of_two_live_batches_the_smaller_coordinate_is_the_start() {
    let planned = plan_merged(vec![source("a", vec![open(1, 70), open(2, 50)])]).expect("a plan");
    assert_eq!(planned.batch_start, Some(at("mysql-bin.000001", 50)));
    let planned = plan_merged(vec![source("a", vec![open(1, 40), open(2, 50)])]).expect("a plan");
    assert_eq!(planned.batch_start, Some(at("mysql-bin.000001", 40)));
}

#[test]
fn a_batch_that_is_not_live_does_not_move_the_start() {
    let mut a = source("a", vec![open(1, 5), open(3, 20)]);
    a.batches.open[0].followed_by_applied = true;
    assert_eq!(plan_merged(vec![a]).expect("a plan").batch_start, Some(at("mysql-bin.000001", 20)));
}

#[test]
fn a_source_with_tables_and_no_live_batch_is_refused() {
    let refusal = plan_merged(vec![source("a", vec![processed(1, 10)])]).expect_err("a refusal");
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
    assert_eq!(point_of_table(&start, None, None), start);
    assert_eq!(point_of_table(&start, Some(&at("mysql-bin.999999", 499)), None), start);
    let later = at("mysql-bin.1000000", 4);
    assert_eq!(point_of_table(&start, Some(&later), None), later);
    assert_eq!(later.just_after(), at("mysql-bin.1000000", 5));
}

#[test]
fn a_row_that_a_live_batch_holds_moves_the_point_of_its_table_to_just_before_its_end() {
    let start = at("mysql-bin.999999", 500);
    let row = at("mysql-bin.999999", 800);
    assert_eq!(point_of_table(&start, None, Some(&row)), at("mysql-bin.999999", 799));
    assert_eq!(point_of_table(&start, Some(&at("mysql-bin.999999", 700)), Some(&row)), row.just_before());
    assert_eq!(point_of_table(&start, Some(&row), Some(&row)), row);
    assert_eq!(point_of_table(&start, None, Some(&start)), start);
}

#[test]
fn such_a_row_moves_the_consistent_point() {
    let mut a = source("a", vec![open(1, 40)]);
    a.tables.first_rows = vec![at("mysql-bin.000001", 45), at("mysql-bin.000002", 60)];
    let planned = plan_merged(vec![a]).expect("a plan");
    assert_eq!(planned.batch_start, Some(at("mysql-bin.000001", 40)));
    assert_eq!(planned.consistent_point, Some(at("mysql-bin.000002", 59)));
    assert_eq!(planned.parts[0].telling_batches, [1]);
}

#[test]
fn different_base_names_in_one_new_source_are_refused_and_in_two_are_not() {
    let mut b = source("b", vec![open(1, 90)]);
    newest(&mut b).coordinate = stored("other-bin.000001", 90);
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
    assert!(plan(&Snapshot { sources }, &apart, &Advances::new()).is_ok());
}

#[test]
fn a_base_name_that_only_a_table_or_a_later_batch_uses_is_seen() {
    let table = with_own(source("a", vec![open(1, 40)]), "other-bin.000001", 4);
    let mut batch = source("a", vec![open(1, 40), open(2, 50)]);
    newest(&mut batch).coordinate = stored("other-bin.000002", 50);
    for source in [table, batch] {
        let refusals = plan_merged(vec![source]).expect_err("a refusal");
        assert!(matches!(refusals[..], [Refusal::DifferentBaseNames { .. }]), "{refusals:?}");
    }
}

#[test]
fn a_dot_in_the_base_name_is_refused() {
    let mut a = source("a", vec![open(1, 40)]);
    newest(&mut a).coordinate = stored("db.example.000001", 40);
    let refusals = plan_merged(vec![a]).expect_err("a refusal");
    assert_eq!(refusals, [Refusal::DotInBaseName { target: "new".into(), base: "db.example".into() }]);
}

#[test]
fn coordinates_that_cannot_be_read_are_refused() {
    let mut a = source("a", vec![open(7, 40)]);
    newest(&mut a).coordinate = StoredCoordinate::default();
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
        let refusals =
            plan(&Snapshot { sources: vec![a] }, &targets, &Advances::new()).expect_err("a refusal");
        assert_eq!(refusals, [Refusal::SourceSchemaEmpty { source: "a".into() }]);
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut a = with_own(source("a", vec![processed(1, 40)]), "no number", 4);
    a.dest_schema = "elsewhere".into();
    let targets = merged(&[source("b", vec![])]);
    let refusals = plan(&Snapshot { sources: vec![a] }, &targets, &Advances::new()).expect_err("refusals");
    assert_eq!(refusals.len(), 4, "{refusals:?}");
}

/// Random catalogues of up to four sources with up to six batches each, and how they are grouped.
mod random {
    use super::*;

    pub fn batch(id: i64) -> impl Strategy<Value = OldBatch> {
        (any::<bool>(), 0..2u64, 1u64..4, 0..6i64).prop_map(move |(processed, gone, file, position)| {
            OldBatch {
                coordinate: stored(&format!("mysql-bin.{}", file * 5 + 5), position),
                processed,
                succession: Some(Succession { gone_before_next: gone, ..Succession::default() }),
                ..open(id, 0)
            }
        })
    }

    pub fn old_source(number: usize) -> impl Strategy<Value = OldSource> {
        let batches = (0..6usize).prop_flat_map(|count| (0..count as i64).map(batch).collect::<Vec<_>>());
        let own = prop::collection::vec((1u64..4, 0..6i64), 0..3);
        let facts = (0..3u64, own.clone(), own, prop::option::of(0..5i64), -1..6i64);
        (batches, facts).prop_map(move |(batches, (count, own, rows, received, applied))| {
            let mut source = source(&format!("s{number}"), batches);
            let end = |(file, end): (u64, i64)| at(&format!("mysql-bin.{}", file * 5 + 5), end + 1);
            source.tables.first_rows = rows.into_iter().take(count as usize).map(end).collect();
            source.id = OldSourceId(number as i64);
            for batch in &mut source.batches.open {
                batch.followed_by_applied = applied > batch.id;
            }
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

/// The definitions §start to §consistent-point, word by word, without sorting or positions in a list.
mod definition {
    use super::*;

    fn live(of: &OldSource) -> Vec<&OldBatch> {
        let Some(newest) = of.batches.newest.as_ref().filter(|newest| !newest.processed) else {
            return vec![];
        };
        let gone = |it: &OldBatch| it.succession.as_ref().is_none_or(|next| next.gone_before_next > 0);
        let is_live = |batch: &&OldBatch| {
            let from_here = of.batches.open.iter().filter(|it| it.id >= batch.id);
            !batch.followed_by_applied && !from_here.into_iter().any(|it| it.followed_by_applied || gone(it))
        };
        std::iter::once(newest).chain(of.batches.open.iter().filter(is_live)).collect()
    }

    /// (file number, position), the order's definition.
    pub type Place = (u64, i64);

    pub fn place(coordinate: &StoredCoordinate) -> Place {
        let file = coordinate.file.as_deref().expect("generated with a file");
        let number = file.strip_prefix("mysql-bin.").expect("generated so").parse().expect("a number");
        (number, coordinate.position.expect("generated with a position"))
    }

    pub fn start(of: &OldSource) -> Option<Place> {
        live(of).into_iter().map(|batch| place(&batch.coordinate)).fold(None, |least, next| match least {
            Some(least) if least <= next => Some(least),
            _ => Some(next),
        })
    }

    pub fn points(of: &OldSource) -> Vec<Place> {
        let Some(start) = start(of) else { return vec![] };
        let own = of.tables.own_coordinates.iter().map(|own| place(&own.furthest));
        let rows = of.tables.first_rows.iter().map(|end| (end.file().number(), end.position() - 1));
        let own = own.chain(rows);
        std::iter::once(start).chain(own.map(|own| if own > start { own } else { start })).collect()
    }
}

fn place_of(coordinate: &BinlogCoordinate) -> definition::Place {
    (coordinate.file().number(), coordinate.position())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

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
        match plan(&Snapshot { sources: sources.clone() }, &targets, &Advances::new()) {
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
