//! The rules of the way back by examples that fail without them, and against a daemon that lives at random: whatever
//! happened to it, 1.8.2 applies nothing that was applied, and what it passes over is told.

use super::*;
use crate::facts::snapshot::{Batches, Succession, TableSummary, Waiting};
use proptest::prelude::*;

const FILE: &str = "mysql-bin.000001";
const FURTHEST: i64 = i32::MAX as i64;

fn at(position: i64) -> BinlogCoordinate {
    BinlogCoordinate::parse(FILE, position).expect("a coordinate")
}

fn noon() -> NaiveDateTime {
    chrono::DateTime::from_timestamp(1_700_000_000, 0).expect("a time").naive_utc()
}

fn stored(position: i64) -> StoredCoordinate {
    StoredCoordinate::from(&at(position))
}

/// The newest batch, not started.
fn newest(id: i64, position: i64) -> OldBatch {
    OldBatch {
        id,
        coordinate: stored(position),
        processed: false,
        applied: false,
        followed_by_applied: false,
        last_row: None,
        stored_twice: false,
        discarded: false,
        succession: None,
        tables: Named::default(),
    }
}

/// A batch with rows up to where the next one stands, directly succeeded by it.
fn with_rows(id: i64, position: i64, end: i64) -> OldBatch {
    let next = Succession { next: stored(end), until: stored(end), ..Succession::default() };
    OldBatch { last_row: Some(stored(end)), succession: Some(next), ..newest(id, position) }
}

fn old(id: i64, name: &str, start: i64) -> OldSource {
    OldSource {
        id: OldSourceId(id),
        name: name.into(),
        source_schema: Some(format!("my_{name}")),
        dest_schema: name.into(),
        status: "stopped".into(),
        last_received: None,
        last_replay: None,
        batches: Batches { newest: Some(newest(id, start)), ..Batches::default() },
        waiting: Waiting::default(),
        tables: TableSummary { count: 2, ..TableSummary::default() },
    }
}

fn never_initialised(id: i64, name: &str) -> OldSource {
    OldSource { batches: Batches::default(), tables: TableSummary::default(), ..old(id, name, 0) }
}

/// All old sources in one new one, which stands at `position`.
fn merged(sources: Vec<OldSource>, position: i64) -> Catalogues {
    let pairs = sources.iter().map(|old| (format!("my_{}", old.name), old.name.clone()));
    let with_tables = sources.iter().filter(|old| old.tables.count > 0);
    let new = NewSource {
        id: NewSourceId(1),
        name: "all".into(),
        mappings: pairs.collect(),
        consistent: true,
        consistent_point: StoredCoordinate::default(),
        last_received: Some(noon()),
        last_replayed: None,
        batches: Batches { newest: Some(newest(7, position)), ..Batches::default() },
        newest_is_started: true,
        emptied: vec![],
        waiting_batches: 0,
        waiting_events: 0,
        tables: with_tables.map(|old| (old.dest_schema.clone(), old.tables.count)).collect(),
    };
    Catalogues { new: vec![new], old: Snapshot { sources }, furthest_position: FURTHEST }
}

fn coordinates(catalogues: &Catalogues) -> Vec<Option<i64>> {
    let back = decide(catalogues).expect("a way back");
    back.sources.iter().map(|source| source.coordinate.as_ref().map(BinlogCoordinate::position)).collect()
}

fn refusal(catalogues: &Catalogues) -> Refusal {
    let mut refusals = decide(catalogues).expect_err("a refusal");
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals.remove(0)
}

#[test]
fn every_source_goes_on_where_the_new_one_stands() {
    let both = merged(vec![old(1, "a", 100), old(2, "b", 300)], 900);
    assert_eq!(coordinates(&both), [Some(900), Some(900)]);
    assert_eq!(decide(&both).unwrap().sources[0].last_received, Some(noon()));
}

/// The window: 2.0 has begun at the start of the one that lags, and has not come to that of the other.
#[test]
fn no_source_goes_back_before_its_own_start_at_the_upgrade() {
    let both = merged(vec![old(1, "a", 100), old(2, "b", 300)], 200);
    assert_eq!(coordinates(&both), [Some(200), Some(300)]);
    let back = decide(&both).unwrap();
    assert_eq!(back.sources[1].last_received, None, "the time of another coordinate");
    assert!(back.sources[0].last_received.is_some());
}

#[test]
fn a_batch_that_was_never_listed_is_read_again() {
    let mut killed = merged(vec![old(1, "a", 100)], 900);
    killed.new[0].batches.open = vec![with_rows(6, 700, 900)];
    assert_eq!(coordinates(&killed), [Some(700)]);
    assert_eq!(decide(&killed).unwrap().sources[0].last_received, None, "that is the time of the newest");
    // Something was applied since: it is lost, and told.
    killed.new[0].batches.open[0].followed_by_applied = true;
    assert_eq!(coordinates(&killed), [Some(900)]);
    let lost = decide(&killed).unwrap().lost;
    assert_eq!((&lost[0].from, &lost[0].until), (&stored(700), &stored(900)));
}

#[test]
fn a_batch_whose_rows_the_daemon_has_deleted_is_read_again_unless_it_went_on() {
    let mut restarted = merged(vec![old(1, "a", 100)], 900);
    let emptied = Emptied {
        id: 6,
        coordinate: stored(700),
        until: stored(900),
        followed_by_applied: false,
        gone_since: 0,
    };
    restarted.new[0].emptied = vec![emptied.clone()];
    assert_eq!(coordinates(&restarted), [Some(700)]);
    assert_eq!(decide(&restarted).unwrap().lost, []);
    for went_on in
        [Emptied { followed_by_applied: true, ..emptied.clone() }, Emptied { gone_since: 1, ..emptied }]
    {
        restarted.new[0].emptied = vec![went_on];
        assert_eq!(coordinates(&restarted), [Some(900)]);
        assert_eq!(decide(&restarted).unwrap().lost.len(), 1);
    }
}

#[test]
fn a_source_that_was_never_initialised_goes_on_once_it_has_tables() {
    let mut both = merged(vec![old(1, "a", 100), never_initialised(2, "b")], 900);
    assert_eq!(coordinates(&both), [Some(900), None]);
    both.new[0].tables.push(("b".into(), 1));
    assert_eq!(coordinates(&both), [Some(900), Some(900)]);
}

#[test]
fn a_source_that_the_new_catalogue_no_longer_has_is_left_without_a_place() {
    let mut both = merged(vec![old(1, "a", 100), old(2, "b", 300)], 900);
    both.new[0].mappings.pop();
    assert_eq!(coordinates(&both), [Some(900), None]);
    assert_eq!(decide(&both).unwrap().sources[1].new, None);
}

#[test]
fn what_1_7_can_not_take_over_is_refused() {
    let sound = merged(vec![old(1, "a", 100)], 900);
    let mut unknown = sound.clone();
    unknown.new[0].mappings.push(("more".into(), "more".into()));
    assert!(matches!(refusal(&unknown), Refusal::UnknownMapping { .. }));
    let far = merged(vec![old(1, "a", 100)], FURTHEST + 1);
    assert!(matches!(refusal(&far), Refusal::TooFar { .. }));
    let widened = Catalogues { furthest_position: i64::MAX, ..far };
    assert_eq!(coordinates(&widened), [Some(FURTHEST + 1)]);
    assert_eq!(coordinates(&merged(vec![old(1, "a", 100)], FURTHEST)), [Some(FURTHEST)]);
    let mut another = sound.clone();
    another.new[0].batches.newest.as_mut().unwrap().coordinate.file = Some("other.000001".into());
    assert!(matches!(refusal(&another), Refusal::AnotherServer { .. }));
    let mut unreadable = sound.clone();
    unreadable.new[0].batches.newest.as_mut().unwrap().coordinate.file = None;
    assert!(matches!(refusal(&unreadable), Refusal::BatchCoordinate { batch: 7, .. }));
    let mut without = sound.clone();
    without.new[0].batches.newest = None;
    assert!(matches!(refusal(&without), Refusal::NoLiveBatch { tables: 2, .. }));
    let mut bad = sound;
    bad.old.sources[0].batches.newest.as_mut().unwrap().coordinate.position = Some(-1);
    assert!(matches!(refusal(&bad), Refusal::PutAside(plan::Refusal::BatchCoordinate { .. })));
}

/// MySQL's log may have proven at the upgrade that an older batch was live, or the administrator that it was not.
#[test]
fn a_start_that_is_not_proven_counts_once_the_new_replica_is_past_it() {
    let mut lagging = merged(vec![old(1, "a", 300)], 200);
    assert_eq!(coordinates(&lagging), [Some(300)]);
    let unproven = Succession { gone_before_next: 1, ..Succession::default() };
    lagging.old.sources[0].batches.open =
        vec![OldBatch { succession: Some(unproven), ..with_rows(0, 50, 60) }];
    assert!(matches!(refusal(&lagging), Refusal::StartNotProven { .. }));
    lagging.new[0].batches.newest.as_mut().unwrap().coordinate = stored(300);
    assert_eq!(coordinates(&lagging), [Some(300)]);
}

/// Only tables that were copied in 2.0 can have lost a coordinate that nobody knows: after an upgrade alone, the upgrade's
/// own rules give it again.
#[test]
fn tables_are_unsure_where_they_were_copied_and_are_being_read() {
    let unsure = |catalogues: &Catalogues| decide(catalogues).unwrap().sources[0].unsure;
    let mut catalogues = merged(vec![old(1, "a", 100)], 900);
    assert!(!unsure(&catalogues), "consistent");
    catalogues.new[0].consistent = false;
    catalogues.new[0].consistent_point = stored(100);
    assert!(!unsure(&catalogues), "the upgrade's own consistent point");
    catalogues.new[0].consistent_point = stored(950);
    assert!(unsure(&catalogues), "that of sync_tables");
    catalogues.new[0].newest_is_started = false;
    assert!(!unsure(&catalogues), "nothing of the batch was read");
    catalogues.new[0].batches.open = vec![with_rows(6, 700, 900)];
    assert!(unsure(&catalogues), "the older one was read");
}

fn source_at(coordinate: i64, unsure: bool) -> SourceBack {
    let mut back = decide(&merged(vec![old(1, "a", 1)], coordinate)).unwrap().sources.remove(0);
    back.unsure = unsure;
    back
}

fn table(own: Option<i64>) -> NewTable {
    let key = vec!["id".into()];
    NewTable { enabled: true, is_there: true, own: own.map(at), written_with_others: false, key }
}

#[test]
fn what_can_not_be_replicated_is_left_out() {
    let source = source_at(100, false);
    let of = |table: NewTable| fate(&table, None, &source, FURTHEST);
    assert_eq!(of(table(None)), Fate::Replicated { key: "\"id\"".into(), own: None });
    assert_eq!(of(NewTable { enabled: false, ..table(None) }), Fate::Disabled);
    assert_eq!(of(NewTable { is_there: false, enabled: false, ..table(None) }), Fate::Gone);
    assert_eq!(of(table(Some(FURTHEST))), Fate::TooFar);
    for key in [vec![], vec![String::new()], vec!["a\"b".into()], vec!["k".repeat(50), "l".repeat(50)]] {
        assert_eq!(of(NewTable { key, ..table(None) }), Fate::Unfit);
    }
    let composite = NewTable { key: vec!["order, id".into(), "Line".into()], ..table(None) };
    assert_eq!(of(composite), Fate::Replicated { key: "\"order, id\",\"Line\"".into(), own: None });
    let source = source_at(100, true);
    assert_eq!(fate(&table(None), None, &source, FURTHEST), Fate::Unsure);
    assert!(matches!(fate(&table(Some(200)), None, &source, FURTHEST), Fate::Replicated { .. }));
    let with_others = NewTable { written_with_others: true, ..table(None) };
    assert!(matches!(fate(&with_others, None, &source, FURTHEST), Fate::Replicated { .. }));
}

proptest! {
    /// 1.8.2 reads on from its source's coordinate, and passes over what ends before the table's own. It must apply exactly
    /// what lies behind all three: where the source stands, what the upgrade held to be complete, and what was copied.
    #[test]
    fn a_table_is_read_from_where_it_is_complete(
        coordinate in 1..40_i64,
        given in proptest::option::of(1..40_i64),
        copied in proptest::option::of(1..40_i64),
        kept in any::<bool>(),
    ) {
        // What the upgrade stored stands until the table's first event is read.
        let own = copied.or(given.filter(|_| kept));
        let fate = fate(&table(own), given.map(at).as_ref(), &source_at(coordinate, false), FURTHEST);
        let Fate::Replicated { own, .. } = fate else { panic!("{fate:?}") };
        // The upgrade stored a point plus one, and no event ends there.
        for end in (1..60_i64).filter(|end| Some(*end) != given) {
            let applied = end > coordinate && own.as_ref().is_none_or(|own| at(end) >= *own);
            let due = end > coordinate && given.is_none_or(|given| end >= given) && copied.is_none_or(|copied| end > copied);
            prop_assert_eq!(applied, due, "an event that ends at {}: {:?}", end, own);
        }
    }
}

/// What happens to a daemon and its catalogue.
#[derive(Debug, Clone, Copy)]
enum Happens {
    /// It reads so many events, and comes as far as so many of its commits: rows, next batch, processed, listed.
    Reads { events: i64, commits: usize },
    /// MySQL goes on to a new file; nothing to read.
    Rotates,
    /// It applies the oldest batch that is listed.
    Applies,
    /// Batches that were replayed are deleted.
    Retention,
    /// Another source makes a batch, which is deleted later.
    Another,
}

#[derive(Debug, Clone, Default)]
struct Batch {
    id: i64,
    from: i64,
    rows: Vec<i64>,
    started: bool,
    processed: bool,
    listed: bool,
    replayed: bool,
}

/// The daemon's catalogue of one source, with what has truly been applied.
#[derive(Debug, Default)]
struct Daemon {
    batches: Vec<Batch>,
    ids: i64,
    end_of_log: i64,
    applied: Vec<i64>,
    events: Vec<i64>,
    killed: bool,
}

impl Daemon {
    fn begin() -> Self {
        let mut daemon = Self { end_of_log: 10, ..Self::default() };
        daemon.next_batch(10);
        daemon
    }

    fn next_batch(&mut self, from: i64) {
        self.ids += 1;
        self.batches.push(Batch { id: self.ids, from, ..Batch::default() });
    }

    fn lives(&mut self, happens: Happens) {
        match happens {
            Happens::Reads { .. } | Happens::Rotates | Happens::Applies if self.killed => {}
            Happens::Reads { events, commits } => self.reads(events, commits),
            Happens::Rotates => {
                self.reads(0, 4);
                self.end_of_log += 1;
                if let Some(open) = self.open() {
                    (self.batches[open].started, self.batches[open].processed) = (true, true);
                    self.next_batch(self.end_of_log);
                }
            }
            Happens::Applies => self.applies(),
            Happens::Retention => self.batches.retain(|batch| !batch.replayed),
            Happens::Another => self.ids += 1,
        }
    }

    fn applies(&mut self) {
        if let Some(batch) = self.batches.iter_mut().find(|batch| batch.listed && !batch.replayed) {
            self.applied.append(&mut batch.rows);
            (batch.replayed, batch.listed) = (true, false);
        }
    }

    /// The batch that it reads: the newest that is not processed.
    fn open(&self) -> Option<usize> {
        self.batches.iter().rposition(|batch| !batch.processed)
    }

    fn reads(&mut self, events: i64, commits: usize) {
        let Some(open) = self.open() else { return };
        for _ in 0..events {
            self.end_of_log += 10;
            self.events.push(self.end_of_log);
        }
        let from = self.batches[open].from;
        let rows: Vec<_> = self.events.iter().copied().filter(|end| *end > from).collect();
        self.batches[open].started = true;
        let Some(last) = rows.last().copied() else { return };
        if commits > 0 {
            self.batches[open].rows = rows;
        }
        if commits > 1 {
            self.next_batch(last);
        }
        if commits > 2 {
            self.batches[open].processed = true;
        }
        if commits > 3 {
            self.batches[open].listed = true;
        } else {
            self.killed = true;
        }
    }

    /// It deletes the rows of what is not processed. The way back may be taken before that.
    fn starts(&mut self) {
        self.killed = false;
        self.batches.iter_mut().filter(|batch| !batch.processed).for_each(|batch| batch.rows.clear());
    }

    /// As the catalogue shows it: by definition, not by the statement that reads it.
    fn as_read(&self) -> NewSource {
        let gone = |from: i64, to: i64| {
            let there = self.batches.iter().filter(|batch| batch.id > from && batch.id < to).count();
            (to - from - 1).unsigned_abs() - there as u64
        };
        let applied_after =
            |id: i64| self.batches.iter().any(|batch| batch.id > id && (batch.replayed || batch.listed));
        let last = self.batches.last().expect("a batch");
        let is_kept = |batch: &Batch| {
            batch.id == last.id || (!batch.rows.is_empty() && !batch.replayed && !batch.listed)
        };
        let kept: Vec<_> = self.batches.iter().filter(|batch| is_kept(batch)).collect();
        let mut read = Batches::default();
        for (place, batch) in kept.iter().enumerate().rev() {
            let next = self.batches.iter().find(|next| next.id > batch.id);
            let succession = next.zip(kept.get(place + 1)).map(|(next, until)| Succession {
                next: stored(next.from),
                gone_before_next: gone(batch.id, next.id),
                gone_after_next: gone(next.id, until.id.max(next.id + 1)),
                until: stored(until.from),
                ..Succession::default()
            });
            let facts = OldBatch {
                processed: batch.processed,
                applied: batch.replayed || batch.listed,
                followed_by_applied: applied_after(batch.id),
                last_row: batch.rows.last().map(|end| stored(*end)),
                succession,
                ..newest(batch.id, batch.from)
            };
            if batch.id == last.id { read.newest = Some(facts) } else { read.open.push(facts) }
        }
        let is_emptied = |batch: &&Batch| !batch.processed && batch.id != last.id && batch.rows.is_empty();
        let mut emptied: Vec<_> = self
            .batches
            .iter()
            .filter(is_emptied)
            .map(|batch| Emptied {
                id: batch.id,
                coordinate: stored(batch.from),
                until: self
                    .batches
                    .iter()
                    .find(|next| next.id > batch.id)
                    .map_or_else(Default::default, |next| stored(next.from)),
                followed_by_applied: applied_after(batch.id),
                gone_since: gone(batch.id, last.id),
            })
            .collect();
        emptied.reverse();
        let mut source = merged(vec![old(1, "a", 10)], 0).new.remove(0);
        (source.batches, source.emptied) = (read, emptied);
        source.newest_is_started = last.started;
        source
    }
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0..4_i64, 0..5_usize).prop_map(|(events, commits)| Happens::Reads { events, commits }),
        4 => (1..4_i64).prop_map(|events| Happens::Reads { events, commits: 4 }),
        1 => Just(Happens::Rotates),
        4 => Just(Happens::Applies),
        1 => Just(Happens::Retention),
        2 => Just(Happens::Another),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    /// Whatever has happened to the daemon: once what it has listed is applied, 1.8.2 goes on behind all that was applied,
    /// and what lies before that and was not applied is told as lost.
    #[test]
    fn nothing_is_applied_twice_and_what_is_lost_is_told(
        life in proptest::collection::vec((happens(), any::<bool>()), 0..14),
    ) {
        let mut daemon = Daemon::begin();
        for (happens, starts_again) in life {
            daemon.lives(happens);
            if starts_again {
                daemon.starts();
            }
        }
        let before = daemon.as_read();
        while daemon.batches.iter().any(|batch| batch.listed) {
            daemon.applies();
        }
        let catalogues = |new: NewSource| Catalogues { new: vec![new], ..merged(vec![old(1, "a", 10)], 0) };
        let back = decide(&catalogues(daemon.as_read())).expect("a way back");
        let place = back.sources[0].coordinate.as_ref().expect("a place").position();
        for end in &daemon.applied {
            prop_assert!(*end <= place, "the event that ends at {} is applied again from {}: {:?}", end, place, daemon);
        }
        for end in daemon.events.iter().filter(|end| **end <= place && !daemon.applied.contains(end)) {
            let told = back.lost.iter().any(|lost| {
                lost.from.position < Some(*end) && lost.until.position >= Some(*end)
            });
            prop_assert!(told, "the event that ends at {} is lost, and not told: {} {:?} {:?}", end, place, back.lost, daemon);
        }
        // What was shown before the replay is what is done after it.
        let shown = decide(&catalogues(before)).expect("a way back");
        prop_assert_eq!(shown.sources, back.sources);
    }
}
