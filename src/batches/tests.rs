//! The states that were tried on the real 1.8.2 (§batches to §stored-twice), each by an example; and the rule against a
//! definition that goes batch by batch.

use super::*;
use proptest::prelude::*;

fn at(position: i64) -> StoredCoordinate {
    StoredCoordinate { file: Some("mysql-bin.000001".into()), position: Some(position) }
}

/// An older batch with rows up to `end`, directly succeeded by its id; the examples change what they are about.
fn open(id: i64, position: i64, end: i64, next: i64) -> OldBatch {
    OldBatch {
        id,
        coordinate: at(position),
        processed: false,
        applied: false,
        followed_by_applied: false,
        last_row: Some(at(end)),
        stored_twice: false,
        discarded: false,
        succession: Some(Succession { next: at(next), until: at(next), ..Succession::default() }),
        tables: Default::default(),
    }
}

/// The newest batch, without rows.
fn newest(id: i64, position: i64) -> OldBatch {
    OldBatch { last_row: None, succession: None, ..open(id, position, 0, 0) }
}

/// The newest first.
fn of(mut batches: Vec<OldBatch>) -> Batches {
    let open = batches.split_off(1);
    Batches { newest: batches.pop(), open, ..Batches::default() }
}

fn ids(batches: &[&OldBatch]) -> Vec<i64> {
    batches.iter().map(|batch| batch.id).collect()
}

/// Live, orphans, not proven.
fn sorted(batches: &Batches) -> [Vec<i64>; 3] {
    let sorted = Sorted::of(batches);
    [ids(&sorted.live), ids(&sorted.orphans), ids(&sorted.unproven)]
}

fn gone(mut batch: OldBatch, before_next: u64, after_next: u64) -> OldBatch {
    let succession = batch.succession.as_mut().expect("an older batch");
    (succession.gone_before_next, succession.gone_after_next) = (before_next, after_next);
    batch
}

#[test]
fn the_newest_is_live_with_rows_or_without_unless_it_is_processed() {
    assert_eq!(sorted(&of(vec![newest(9, 100)])), [vec![9], vec![], vec![]]);
    let reading = OldBatch { last_row: Some(at(120)), ..newest(9, 100) };
    assert_eq!(sorted(&of(vec![reading.clone()])), [vec![9], vec![], vec![]]);
    let closed = OldBatch { processed: true, ..reading };
    assert_eq!(sorted(&of(vec![closed.clone()])), [vec![], vec![], vec![9]]);
    let applied = of(vec![OldBatch { applied: true, ..closed }]);
    let none: [Vec<i64>; 3] = Default::default();
    assert_eq!(sorted(&applied), none);
    assert_eq!(sorted(&Batches::default()), none);
}

#[test]
fn one_that_the_next_succeeds_by_its_id_is_live() {
    // Died before the batch was processed, or before it was listed.
    for processed in [false, true] {
        let batches = of(vec![newest(3, 400), OldBatch { processed, ..open(2, 100, 300, 400) }]);
        assert_eq!(sorted(&batches), [vec![3, 2], vec![], vec![]]);
    }
}

#[test]
fn an_old_crash_whose_applied_successors_are_gone_is_not_proven() {
    // §hunt-1: retention has removed all that was applied since. By the old rule it was live, and all since was applied
    // again.
    let batches = of(vec![newest(9, 7000), gone(open(2, 100, 300, 7000), 6, 0)]);
    assert_eq!(sorted(&batches), [vec![9], vec![], vec![2]]);
    let mut followed = batches;
    followed.open[0].followed_by_applied = true;
    assert_eq!(sorted(&followed), [vec![9], vec![2], vec![]]);
}

#[test]
fn one_that_the_next_succeeds_by_its_place_is_live_whatever_ids_are_gone() {
    let batches = of(vec![newest(9, 300), gone(open(2, 100, 300, 300), 6, 0)]);
    assert_eq!(sorted(&batches), [vec![9, 2], vec![], vec![]]);
    // 1.8.2 has read the older one again, up to the place of the newest.
    let mut put_back = batches.clone();
    put_back.open[0].succession.as_mut().unwrap().clock_put_back = true;
    assert_eq!(sorted(&put_back), [vec![9], vec![], vec![2]]);
    let mut twice = batches.clone();
    twice.open[0].stored_twice = true;
    assert_eq!(sorted(&twice), [vec![9], vec![], vec![2]]);
    // A place that is not known is no place.
    let mut unknown = batches;
    unknown.open[0].last_row = Some(StoredCoordinate::default());
    unknown.open[0].succession.as_mut().unwrap().next = StoredCoordinate::default();
    assert_eq!(sorted(&unknown), [vec![9], vec![], vec![2]]);
}

#[test]
fn that_the_next_stands_at_the_beginning_of_the_next_file_proves_nothing() {
    // §directly-succeeded: 1.8.2 has read rows and a rotation in one pass since, and they were applied.
    let beginning = StoredCoordinate { file: Some("mysql-bin.000002".into()), position: Some(4) };
    let mut old = gone(open(1, 100, 300, 0), 1, 0);
    old.succession.as_mut().unwrap().next = beginning;
    assert_eq!(sorted(&of(vec![newest(3, 4), old])), [vec![3], vec![], vec![1]]);
}

#[test]
fn what_mysql_has_logged_between_proves_it_too() {
    let asked = |answer| {
        let mut old = gone(open(2, 100, 300, 7000), 6, 2);
        old.succession.as_mut().unwrap().log_is_silent = answer;
        sorted(&of(vec![newest(9, 7000), old]))
    };
    assert_eq!(asked(Some(true)), [vec![9, 2], vec![], vec![]]);
    assert_eq!(asked(Some(false)), [vec![9], vec![], vec![2]]);
    assert_eq!(asked(None), [vec![9], vec![], vec![2]]);
}

fn gap_of(batch: i64, from: i64, until: i64) -> Gap {
    let place = |position| at(position).read().expect("a coordinate");
    Gap { batch, from: place(from), until: place(until) }
}

#[test]
fn mysql_is_asked_only_where_the_catalogue_proves_nothing() {
    let proven = of(vec![newest(9, 7000), gone(open(2, 100, 7000, 7000), 6, 0)]);
    assert_eq!(gaps(&proven), []);
    assert_eq!(gaps(&of(vec![newest(3, 7000), open(2, 100, 300, 7000)])), []);
    let unproven =
        of(vec![newest(9, 7000), gone(open(2, 500, 900, 7000), 6, 0), gone(open(1, 100, 300, 500), 1, 0)]);
    assert_eq!(gaps(&unproven), [gap_of(2, 900, 7000), gap_of(1, 300, 500)]);
    // What the log can't prove ends it.
    let mut put_back = unproven.clone();
    put_back.open[0].succession.as_mut().unwrap().clock_put_back = true;
    assert_eq!(gaps(&put_back), []);
    let mut twice = unproven.clone();
    twice.open[1].stored_twice = true;
    assert_eq!(gaps(&twice), [gap_of(2, 900, 7000)]);
    let mut followed = unproven.clone();
    followed.open[1].followed_by_applied = true;
    assert_eq!(gaps(&followed), [gap_of(2, 900, 7000)]);
    let mut closed = unproven;
    closed.newest.as_mut().unwrap().processed = true;
    assert_eq!(gaps(&closed), []);
}

#[test]
fn what_was_heard_is_taken_for_the_very_same_gap_only() {
    let batches = of(vec![newest(9, 7000), gone(open(2, 100, 300, 7000), 6, 2)]);
    let taken = |gap: Gap, between: Between| {
        let mut batches = batches.clone();
        take_heard(&mut batches, &[(gap, between)]);
        sorted(&batches)
    };
    let holds = Between::Holds { what: "rows".into(), at: at(500).read().expect("a coordinate") };
    assert_eq!(taken(gap_of(2, 300, 7000), Between::Nothing), [vec![9, 2], vec![], vec![]]);
    assert_eq!(taken(gap_of(2, 300, 7000), holds), [vec![9], vec![], vec![2]]);
    assert_eq!(taken(gap_of(2, 300, 7000), Between::Unread("gone".into())), [vec![9], vec![], vec![2]]);
    for other in [gap_of(2, 300, 7001), gap_of(2, 301, 7000), gap_of(3, 300, 7000)] {
        assert_eq!(taken(other, Between::Nothing), [vec![9], vec![], vec![2]]);
    }
}

#[test]
fn an_empty_batch_between_is_passed_when_it_is_directly_succeeded_itself() {
    // §live-batches: a crash, then only a rotation, which has closed a batch without rows.
    let batches = of(vec![newest(3, 4), open(1, 100, 300, 300)]);
    assert_eq!(sorted(&batches), [vec![3, 1], vec![], vec![]]);
    let unknown = of(vec![newest(9, 4), gone(open(1, 100, 300, 300), 0, 6)]);
    assert_eq!(sorted(&unknown), [vec![9], vec![], vec![1]]);
}

#[test]
fn two_crashes_in_a_row_are_both_live_and_both_lost_together() {
    let chain = vec![newest(3, 900), open(2, 500, 900, 900), open(1, 100, 500, 500)];
    assert_eq!(sorted(&of(chain.clone())), [vec![3, 2, 1], vec![], vec![]]);
    // §orphans: 1.8.2 has gone on after both; the second is no proof for the first.
    let mut later = chain;
    later[0] = newest(9, 7000);
    later[1] = gone(open(2, 500, 900, 7000), 6, 0);
    assert_eq!(sorted(&of(later)), [vec![9], vec![], vec![2, 1]]);
}

#[test]
fn a_newest_batch_that_stands_before_an_older_one_is_seen() {
    let stands_after = |furthest: i64| {
        let batches = Batches { furthest_before: Some(at(furthest)), ..of(vec![newest(9, 100)]) };
        Sorted::of(&batches).gone_back
    };
    assert_eq!([99, 100, 101].map(stands_after), [false, false, true]);
    assert!(!Sorted::of(&of(vec![newest(9, 100)])).gone_back);
}

#[test]
fn rows_tell_where_tables_were_first_read_up_to_the_first_batch_that_has_discarded_some() {
    let telling = |discarded: [bool; 3]| {
        let mut chain = vec![
            OldBatch { last_row: Some(at(950)), ..newest(3, 900) },
            open(2, 500, 900, 900),
            open(1, 100, 500, 500),
        ];
        for (batch, discarded) in chain.iter_mut().zip(discarded) {
            batch.discarded = discarded;
        }
        Sorted::of(&of(chain)).telling()
    };
    assert_eq!(telling([false, false, false]), [1, 2, 3]);
    assert_eq!(telling([false, true, false]), [1]);
    assert_eq!(telling([false, false, true]), [0; 0]);
    assert_eq!(Sorted::of(&of(vec![newest(9, 100)])).telling(), [0; 0]);
}

/// §batches to §orphans, word by word: for one batch, every step from it to the newest.
fn definition(batches: &Batches, batch: &OldBatch) -> &'static str {
    if batch.followed_by_applied {
        return "orphan";
    }
    let newest_open = batches.newest.as_ref().is_some_and(|newest| !newest.processed);
    let step = |it: &&OldBatch| {
        let Some(succession) = &it.succession else { return false };
        let by_ids = succession.gone_before_next == 0 && succession.gone_after_next == 0;
        let place = it.last_row.as_ref().and_then(|row| row.read().ok());
        let by_place =
            place.is_some() && place == succession.next.read().ok() && succession.gone_after_next == 0;
        let by_log = succession.log_is_silent.unwrap_or(false);
        by_ids || !succession.clock_put_back && (by_place || by_log)
    };
    let from_here = batches.open.iter().filter(|it| it.id >= batch.id);
    if newest_open && from_here.collect::<Vec<_>>().iter().all(step) { "live" } else { "unproven" }
}

fn older(id: i64) -> impl Strategy<Value = OldBatch> {
    let silent = prop::option::of(any::<bool>());
    let flags = (any::<bool>(), prop::bool::weighted(0.9), prop::bool::weighted(0.2));
    (0..3i64, 0..3i64, 0..3u64, 0..2u64, silent, flags).prop_map(
        move |(end, next, before, after, silent, (processed, known, put_back))| {
            let mut batch = gone(OldBatch { processed, ..open(id, 0, end, next) }, before, after);
            let succession = batch.succession.as_mut().expect("one");
            (succession.log_is_silent, succession.clock_put_back) = (silent, put_back);
            batch.succession = batch.succession.filter(|_| known);
            batch
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn the_rule_follows_its_definition(
        open in (0..6i64).prop_flat_map(|count| (0..count).rev().map(older).collect::<Vec<_>>()),
        last_applied in -1..7i64,
        processed in prop::bool::weighted(0.1),
    ) {
        let newest = OldBatch { processed, ..newest(6, 9) };
        let mut batches = Batches { newest: Some(newest), open, ..Batches::default() };
        for batch in &mut batches.open {
            batch.followed_by_applied = last_applied > batch.id;
        }
        let [live, orphans, unproven] = sorted(&batches);
        for batch in &batches.open {
            let expected = definition(&batches, batch);
            prop_assert_eq!(live.contains(&batch.id), expected == "live");
            prop_assert_eq!(orphans.contains(&batch.id), expected == "orphan");
            prop_assert_eq!(unproven.contains(&batch.id), expected == "unproven");
        }
        prop_assert_eq!(live.contains(&6), !processed);
    }
}
