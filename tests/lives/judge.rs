//! What the upgrade makes of a state that the model has reached, held against what the model knows.

use std::collections::{BTreeMap, BTreeSet};

use chameleon_upgrade::batches::Sorted;
use chameleon_upgrade::binlog::BinlogCoordinate;
use chameleon_upgrade::facts::snapshot::{Batches, OldBatch, StoredCoordinate, Succession};
use chameleon_upgrade::plan::point_of_table;

use crate::world::{Batch, Place, World};

/// What became of the lives; a rule that is never put to the test proves nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub lives: u32,
    pub broken: u32,
    pub sources: u32,
    pub crashed: u32,
    pub without_batch: u32,
    pub two_live: u32,
    pub orphans: u32,
    pub unproven: u32,
    /// Not proven, and nothing after it was applied.
    pub unproven_live: u32,
    /// Rows before a table's own coordinate, which no row tells of because some were discarded.
    pub untold: u32,
    /// 1.8.2 has gone back, and the upgrade is refused.
    pub gone_back: u32,
    /// A row moves the point of a table that was synced.
    pub moved: u32,
    pub read_again: u64,
    pub lost_and_named: u64,
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |a, b| Self {
            lives: a.lives + b.lives,
            broken: a.broken + b.broken,
            sources: a.sources + b.sources,
            crashed: a.crashed + b.crashed,
            without_batch: a.without_batch + b.without_batch,
            two_live: a.two_live + b.two_live,
            orphans: a.orphans + b.orphans,
            unproven: a.unproven + b.unproven,
            unproven_live: a.unproven_live + b.unproven_live,
            untold: a.untold + b.untold,
            gone_back: a.gone_back + b.gone_back,
            moved: a.moved + b.moved,
            read_again: a.read_again + b.read_again,
            lost_and_named: a.lost_and_named + b.lost_and_named,
        })
    }
}

pub fn coordinate(place: Place) -> StoredCoordinate {
    StoredCoordinate { file: Some(format!("mysql-bin.{:06}", place.0)), position: Some(place.1) }
}

fn binlog(place: Place) -> BinlogCoordinate {
    coordinate(place).read().expect("a coordinate")
}

/// A source's batches as the snapshot holds them, worked out from all of them.
pub fn batches(world: &World, source: usize) -> Batches {
    let mut own: Vec<&Batch> = world.batches.iter().filter(|batch| batch.source == source).collect();
    own.sort_by_key(|batch| std::cmp::Reverse(batch.id));
    let Some(newest) = own.first() else { return Batches::default() };
    let last_applied = own.iter().find(|batch| batch.replayed || batch.listed).map(|batch| batch.id);
    let end = |batch: &Batch| {
        let rows = world.stored.iter().filter(|row| row.batch == batch.id);
        rows.max_by_key(|row| row.event).map(|row| world.changes[row.change].end)
    };
    // Ids between two that no batch bears.
    let gone = |from: i64, to: i64| {
        (from + 1..to).filter(|id| world.batches.iter().all(|batch| batch.id != *id)).count() as u64
    };
    let at =
        |id: i64| own.iter().find(|batch| batch.id == id).map(|batch| coordinate(batch.at)).expect("a batch");
    let mut until = newest.id;
    let old = |batch: &Batch, succession| OldBatch {
        id: batch.id,
        coordinate: coordinate(batch.at),
        processed: batch.processed,
        applied: batch.replayed || batch.listed,
        followed_by_applied: last_applied > Some(batch.id),
        last_row: end(batch).map(coordinate),
        stored_twice: batch.id != newest.id && last_applied < Some(batch.id) && world.stored_twice(batch.id),
        discarded: batch.discarded,
        succession,
        tables: Default::default(),
    };
    let mut open = vec![];
    for (number, batch) in own.iter().enumerate().skip(1) {
        if batch.replayed || batch.listed || end(batch).is_none() {
            continue;
        }
        let next = own[number - 1].id;
        let succession = Succession {
            next: at(next),
            clock_put_back: own[..number].iter().any(|later| later.created < batch.created),
            gone_before_next: gone(batch.id, next),
            gone_after_next: gone(next, until),
            until: at(until),
            log_is_silent: None,
        };
        open.push(old(batch, (last_applied < Some(batch.id)).then_some(succession)));
        until = batch.id;
    }
    let furthest_before = own.iter().skip(1).map(|batch| batch.at).max().map(coordinate);
    Batches { newest: Some(old(newest, None)), open, furthest_before, ..Batches::default() }
}

/// Whether what the upgrade does with a source is right: nothing is read again that is in PostgreSQL, and what is not
/// read again, and not there, is named.
pub fn judge(world: &World, source: usize, ask_mysql: bool, tally: &mut Tally) -> Result<(), String> {
    let mut facts = batches(world, source);
    if ask_mysql {
        for batch in &mut facts.open {
            let (Some(succession), Some(from)) = (&mut batch.succession, &batch.last_row) else { continue };
            succession.log_is_silent = Some(world.silent(source, place(from), place(&succession.until)));
        }
    }
    let sorted = Sorted::of(&facts);
    tally.sources += 1;
    let Some(start) = sorted.live.iter().map(|batch| place(&batch.coordinate)).min() else {
        tally.without_batch += 1;
        return if world.initialised[source] { Err("no live batch".to_owned()) } else { Ok(()) };
    };
    if sorted.gone_back {
        tally.gone_back += 1;
        return Ok(());
    }
    let telling = sorted.telling();
    let first_rows = first_rows(world, &telling);
    let point = |table: usize| {
        let own = world.tables[source][table].own.map(binlog);
        let first = first_rows.get(&(source, table)).copied().map(binlog);
        point_of_table(&binlog(start), own.as_ref(), first.as_ref())
    };
    let lost_batches: BTreeSet<_> =
        sorted.orphans.iter().chain(&sorted.unproven).map(|batch| batch.id).collect();
    let named: BTreeSet<_> = world
        .stored
        .iter()
        .filter(|row| lost_batches.contains(&row.batch))
        .map(|row| world.changes[row.change].table)
        .collect();
    for change in world.logged(source) {
        let table = &world.tables[source][change.table];
        let again = binlog(change.end) > point(change.table);
        if change.applied > 0 && again && sorted.live.iter().any(|batch| batch.discarded) {
            // Rows of that batch may be missing before the first that is stored: no point is moved by it.
            tally.untold += 1;
            continue;
        }
        if change.applied > 0 && again && !table.traceless {
            return Err(format!("applied twice: {change:?}, point {}", point(change.table)));
        }
        if change.applied == 0 && !again && !change.discarded {
            if !named.contains(&change.table) {
                return Err(format!("lost and not named: {change:?}, point {}", point(change.table)));
            }
            tally.lost_and_named += 1;
        }
        tally.read_again += u64::from(change.applied == 0 && again);
    }
    tally.crashed += u32::from(world.crashes > 0);
    tally.two_live += u32::from(sorted.live.len() > 1);
    tally.orphans += sorted.orphans.len() as u32;
    tally.unproven += sorted.unproven.len() as u32;
    for batch in &sorted.unproven {
        let rows = world.stored.iter().filter(|row| row.batch == batch.id);
        let last = rows.map(|row| world.changes[row.change].end).max();
        let applied_since = world.logged(source).any(|change| change.applied > 0 && Some(change.end) > last);
        tally.unproven_live += u32::from(!applied_since);
    }
    let cleared = |table: usize| {
        let first = first_rows.get(&(source, table));
        first.is_some_and(|first| {
            world.logged(source).any(|change| {
                change.table == table && change.applied > 0 && change.end > start && change.end < *first
            })
        })
    };
    tally.moved += (0..world.tables[source].len()).filter(|table| cleared(*table)).count() as u32;
    Ok(())
}

fn place(coordinate: &StoredCoordinate) -> Place {
    let read = coordinate.read().expect("a coordinate");
    (u32::try_from(read.file().number()).expect("a small number"), read.position())
}

/// The end of the first row that these batches hold of each table.
pub fn first_rows(world: &World, batches: &[i64]) -> BTreeMap<(usize, usize), Place> {
    let mut first: BTreeMap<_, (i64, Place)> = BTreeMap::new();
    for row in world.stored.iter().filter(|row| batches.contains(&row.batch)) {
        let change = &world.changes[row.change];
        let known = first.entry((change.source, change.table)).or_insert((row.event, change.end));
        if row.event < known.0 {
            *known = (row.event, change.end);
        }
    }
    first.into_iter().map(|(table, (_, end))| (table, end)).collect()
}
