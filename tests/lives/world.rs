//! A model of pg_chameleon 1.8.2's own life: what it commits, one commit after the other, and what of it is in PostgreSQL.
//!
//! Made from what 1.8.2 was seen to do (docs/catalogues.md; §hunt-1, §hunt-3; §directly-succeeded), without a look at
//! how the upgrade reads a catalogue: it knows the truth because it applies the rows itself.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The number of a binary log file and a position in it.
pub type Place = (u32, i64);

/// A row event's row, or a DDL statement.
#[derive(Debug, Clone)]
pub struct Change {
    pub source: usize,
    pub table: usize,
    /// Where its event ends. The rows of one event share it.
    pub end: Place,
    /// How often it is in PostgreSQL.
    pub applied: u32,
    /// 1.8.2 has put it into t_discarded_rows.
    pub discarded: bool,
}

#[derive(Debug, Clone)]
enum Event {
    /// Changes by their numbers.
    Rows(Vec<usize>),
    Ddl(usize),
    /// A statement of the source's schema that 1.8.2 can't parse: it moves on, and keeps nothing.
    Unparsed(usize),
    /// The file ends; the next one begins.
    Rotation,
}

#[derive(Debug, Clone)]
pub struct Batch {
    pub id: i64,
    pub source: usize,
    pub at: Place,
    pub started: bool,
    pub processed: bool,
    pub replayed: bool,
    pub listed: bool,
    pub created: i64,
    pub discarded: bool,
}

/// A row of a log table.
#[derive(Debug, Clone)]
pub struct Stored {
    pub event: i64,
    pub batch: i64,
    pub change: usize,
}

#[derive(Debug, Clone, Default)]
pub struct Table {
    pub own: Option<Place>,
    /// Its coordinate was cleared, and no row of it has been stored since.
    cleared: bool,
    /// The batch whose reading has cleared its coordinate.
    cleared_in: Option<i64>,
    /// That batch is read again: rows before the sync are stored as well, and 1.8.2 itself will apply them again.
    read_again: bool,
    /// No trace is left of where the table was synced: 1.8.2 died before it stored a row of it (§cleared-coordinate),
    /// or has closed the batch that it has read again.
    pub traceless: bool,
}

/// 1.8.2 was killed right after a commit.
struct Killed;

/// What 1.8.2 can't get over by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The rows of a batch were stored twice, and it is listed.
    StoredTwice,
    /// A row that is in PostgreSQL already is replayed.
    AppliedTwice,
}

#[derive(Debug)]
pub struct World {
    random: StdRng,
    /// What has happened; told only of a life that has failed, lived again.
    pub story: Option<Vec<String>>,
    pub changes: Vec<Change>,
    log: Vec<(Place, Event)>,
    here: Place,
    pub batches: Vec<Batch>,
    pub stored: Vec<Stored>,
    pub tables: Vec<Vec<Table>>,
    /// A source whose first copy has not ended has no batch.
    pub initialised: Vec<bool>,
    next_batch: i64,
    next_event: i64,
    ticks: i64,
    clock: i64,
    chunk: usize,
    /// Commits until the replica is killed.
    fuse: Option<u32>,
    pub crashes: u32,
}

impl World {
    /// A replica that was just initialised.
    pub fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let sources = random.random_range(1..=3);
        let tables = (0..sources).map(|_| vec![Table::default(); random.random_range(1..=3)]).collect();
        let chunk = random.random_range(1..=4);
        let mut world = Self {
            random,
            story: None,
            changes: vec![],
            log: vec![],
            here: (1, 4),
            batches: vec![],
            stored: vec![],
            tables,
            initialised: vec![false; sources],
            next_batch: 1,
            next_event: 1,
            ticks: 0,
            clock: 0,
            chunk,
            fuse: None,
            crashes: 0,
        };
        (0..sources).for_each(|source| world.initialise(source));
        world
    }

    /// Lives on for a while.
    pub fn live(&mut self, steps: u32) -> Result<(), Broken> {
        (0..steps).try_for_each(|_| self.step())
    }

    fn step(&mut self) -> Result<(), Broken> {
        let source = self.random.random_range(0..self.tables.len());
        let what = self.random.random_range(0..100);
        let (here, ids) = (self.here, self.next_batch);
        self.tell(|| format!("at {here:?}, next batch {ids}: {what} of {source}"));
        match what {
            0..30 => self.write(source),
            30..34 => self.ddl(source),
            34..37 => self.unparsed(source),
            37..41 => self.rotate(),
            41..78 => return self.round(source),
            78..88 => self.retention(source),
            88..93 => self.sync(source),
            93..96 => self.clock = self.random.random_range(-2..=2) * 3600,
            96..98 => self.initialise_or_die(source),
            98 => self.reset(),
            _ => {
                // A quiet while: what was applied goes, whatever its source.
                (0..self.tables.len()).for_each(|source| self.retention(source));
            }
        }
        Ok(())
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(what());
        }
    }

    fn advance(&mut self) -> Place {
        self.here.1 += self.random.random_range(1..60);
        self.here
    }

    fn change(&mut self, source: usize, end: Place) -> usize {
        let table = self.random.random_range(0..self.tables[source].len());
        self.changes.push(Change { source, table, end, applied: 0, discarded: false });
        self.changes.len() - 1
    }

    fn write(&mut self, source: usize) {
        let end = self.advance();
        let first = self.change(source, end);
        let table = self.changes[first].table;
        let mut rows = vec![first];
        for _ in 1..self.random.random_range(1..=3) {
            let row = self.change(source, end);
            self.changes[row].table = table;
            rows.push(row);
        }
        self.log.push((end, Event::Rows(rows)));
        self.here.1 += 31;
    }

    fn ddl(&mut self, source: usize) {
        let end = self.advance();
        let change = self.change(source, end);
        self.log.push((end, Event::Ddl(change)));
        // Where one ends exactly where a table is synced next, 1.8.2 itself applies it again: it compares with >=.
        self.here.1 += 31;
    }

    fn unparsed(&mut self, source: usize) {
        let end = self.advance();
        self.log.push((end, Event::Unparsed(source)));
    }

    fn rotate(&mut self) {
        let end = self.advance();
        self.log.push((end, Event::Rotation));
        self.here = (self.here.0 + 1, 4);
    }

    /// RESET MASTER: the names and positions come again, so everything has to be initialised.
    fn reset(&mut self) {
        self.log.clear();
        self.changes.iter_mut().for_each(|change| change.end = (0, 0));
        self.here = (1, 4);
        (0..self.tables.len()).for_each(|source| self.initialise(source));
    }

    fn initialise_or_die(&mut self, source: usize) {
        if self.random.random_bool(0.2) {
            self.forget(source);
        } else {
            self.initialise(source);
        }
    }

    /// What init_replica deletes first.
    fn forget(&mut self, source: usize) {
        self.initialised[source] = false;
        let gone: BTreeSet<_> =
            self.batches.iter().filter(|batch| batch.source == source).map(|batch| batch.id).collect();
        self.batches.retain(|batch| batch.source != source);
        self.stored.retain(|row| !gone.contains(&row.batch));
    }

    fn initialise(&mut self, source: usize) {
        self.forget(source);
        self.initialised[source] = true;
        self.tables[source].iter_mut().for_each(|table| *table = Table::default());
        self.copy(source, None);
        let at = self.here;
        self.insert_batch(source, at);
    }

    /// What is copied from MySQL is there once.
    fn copy(&mut self, source: usize, table: Option<usize>) {
        let of = self.changes.iter_mut().filter(|change| change.source == source);
        for change in of.filter(|change| table.is_none_or(|table| table == change.table)) {
            (change.applied, change.discarded) = (1, false);
        }
    }

    /// sync_tables of one table: its rows go out of the log tables, and it gets a coordinate of its own.
    fn sync(&mut self, source: usize) {
        if !self.initialised[source] {
            return;
        }
        let table = self.random.random_range(0..self.tables[source].len());
        self.copy(source, Some(table));
        let of = |change: &Change| change.source == source && change.table == table;
        let changes = &self.changes;
        self.stored.retain(|row| !of(&changes[row.change]));
        self.tables[source][table] = Table { own: Some(self.here), ..Table::default() };
    }

    fn insert_batch(&mut self, source: usize, at: Place) -> bool {
        let id = self.next_batch;
        self.next_batch += 1;
        self.ticks += 1;
        if self.batches.iter().any(|batch| batch.source == source && batch.at == at) {
            return false;
        }
        let created = (self.ticks + self.clock) * 1_000_000 + id;
        self.batches.push(Batch {
            id,
            source,
            at,
            started: false,
            processed: false,
            replayed: false,
            listed: false,
            created,
            discarded: false,
        });
        true
    }

    /// A commit is done: the replica lives on, or not.
    fn commit(&mut self) -> Result<(), Killed> {
        match &mut self.fuse {
            Some(0) => Err(Killed),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn round(&mut self, source: usize) -> Result<(), Broken> {
        self.fuse = self.random.random_bool(0.3).then(|| self.random.random_range(0..8));
        let fuse = self.fuse;
        let died = self.read(source).is_err();
        self.tell(|| format!("  read with {fuse:?} commits left, died: {died}"));
        self.fuse = None;
        if died {
            self.crashes += 1;
            for table in &mut self.tables[source] {
                table.traceless |= table.cleared;
                table.cleared = false;
            }
            return Ok(());
        }
        // It may be killed before the replay, too.
        if self.random.random_bool(0.7) { self.replay(source) } else { Ok(()) }
    }

    fn batch(&mut self, id: i64) -> &mut Batch {
        self.batches.iter_mut().find(|batch| batch.id == id).expect("the batch is there")
    }

    /// One reading.
    fn read(&mut self, source: usize) -> Result<(), Killed> {
        let open = self.batches.iter().filter(|it| it.source == source && !it.processed && !it.replayed);
        let Some((id, from)) = open.max_by_key(|it| it.created).map(|it| (it.id, it.at)) else {
            return Ok(());
        };
        self.batch(id).started = true;
        self.tables[source].iter_mut().for_each(|table| table.read_again |= table.cleared_in == Some(id));
        self.commit()?;
        let mut waiting: Vec<usize> = vec![];
        let (mut reached, mut closes) = (None, false);
        let events: Vec<_> = self.log.iter().filter(|(end, _)| *end > from).cloned().collect();
        for (end, event) in events {
            match event {
                Event::Rotation => {
                    self.store(id, &mut waiting)?;
                    (reached, closes) = (Some((end.0 + 1, 4)), true);
                    break;
                }
                Event::Rows(rows) if self.changes[rows[0]].source == source => {
                    let table = self.changes[rows[0]].table;
                    for row in rows {
                        if self.consistent(id, source, table, end)? {
                            waiting.push(row);
                        }
                        reached = Some(end);
                        if waiting.len() >= self.chunk {
                            self.store(id, &mut waiting)?;
                            closes = true;
                        }
                    }
                }
                Event::Ddl(change) if self.changes[change].source == source => {
                    reached = Some(end);
                    self.store(id, &mut waiting)?;
                    let table = self.changes[change].table;
                    if self.consistent(id, source, table, end)? {
                        waiting.push(change);
                        self.store(id, &mut waiting)?;
                        closes = true;
                        break;
                    }
                }
                Event::Unparsed(of) if of == source => {
                    reached = Some(end);
                    self.store(id, &mut waiting)?;
                }
                Event::Rows(_) | Event::Ddl(_) | Event::Unparsed(_) => {}
            }
        }
        closes |= !waiting.is_empty();
        self.store(id, &mut waiting)?;
        let (Some(reached), true) = (reached, closes) else { return Ok(()) };
        let made = self.insert_batch(source, reached);
        self.commit()?;
        // ts_last_received
        self.commit()?;
        if made {
            self.batch(id).processed = true;
            for table in &mut self.tables[source] {
                table.traceless |= table.read_again;
            }
            self.commit()?;
            let has_rows = self.stored.iter().any(|row| row.batch == id);
            self.batch(id).listed = has_rows;
        }
        Ok(())
    }

    /// Whether a table's events are kept from here on. Its own coordinate is cleared at the first that is.
    fn consistent(&mut self, batch: i64, source: usize, table: usize, end: Place) -> Result<bool, Killed> {
        let table = &mut self.tables[source][table];
        match table.own {
            Some(own) if end < own => Ok(false),
            Some(_) => {
                (table.own, table.cleared, table.cleared_in) = (None, true, Some(batch));
                self.commit()?;
                Ok(true)
            }
            None => Ok(true),
        }
    }

    /// One commit, when there is something to store.
    fn store(&mut self, batch: i64, waiting: &mut Vec<usize>) -> Result<(), Killed> {
        if waiting.is_empty() {
            return Ok(());
        }
        for number in waiting.drain(..) {
            let discarded = self.random.random_bool(0.01);
            let change = &mut self.changes[number];
            self.tables[change.source][change.table].cleared = false;
            if discarded {
                change.discarded = true;
                self.batch(batch).discarded = true;
            } else {
                self.stored.push(Stored { event: self.next_event, batch, change: number });
                self.next_event += 1;
            }
        }
        self.commit()
    }

    /// Replays what is listed.
    pub fn replay(&mut self, source: usize) -> Result<(), Broken> {
        loop {
            let waits = self
                .batches
                .iter()
                .filter(|it| it.source == source && it.listed && it.processed && it.started);
            let Some(id) = waits.min_by_key(|it| it.created).map(|it| it.id) else { return Ok(()) };
            if self.stored_twice(id) {
                return Err(Broken::StoredTwice);
            }
            for row in self.stored.iter().filter(|row| row.batch == id) {
                let change = &mut self.changes[row.change];
                change.applied += 1;
                if change.applied > 1 && !self.tables[change.source][change.table].traceless {
                    return Err(Broken::AppliedTwice);
                }
            }
            self.stored.retain(|row| row.batch != id);
            self.tell(|| format!("  replayed {id}"));
            let batch = self.batch(id);
            (batch.replayed, batch.listed) = (true, false);
        }
    }

    /// batch_retention of a source, after a while.
    fn retention(&mut self, source: usize) {
        self.batches.retain(|batch| batch.source != source || !batch.replayed);
    }

    /// Whether MySQL's log holds nothing of a source between two places.
    pub fn silent(&self, source: usize, from: Place, to: Place) -> bool {
        let own = |number: &usize| self.changes[*number].source == source;
        !self.log.iter().any(|(end, event)| {
            let concerns = match event {
                Event::Rows(rows) => rows.iter().any(own),
                Event::Ddl(change) => own(change),
                Event::Unparsed(_) | Event::Rotation => false,
            };
            concerns && *end > from && *end <= to
        })
    }

    /// The changes of a source that are in MySQL's log.
    pub fn logged(&self, source: usize) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.source == source && change.end > (0, 0))
    }

    /// True so often.
    pub fn chance(&mut self, of: f64) -> bool {
        self.random.random_bool(of)
    }
}

impl World {
    /// Whether the coordinates of a batch's rows fall back, or a row comes again.
    pub fn stored_twice(&self, batch: i64) -> bool {
        let mut seen = BTreeSet::new();
        let mut reached = (0, 0);
        self.stored.iter().filter(|row| row.batch == batch).any(|row| {
            let end = self.changes[row.change].end;
            let back = end < reached;
            reached = end;
            back || !seen.insert(row.change)
        })
    }
}
