//! From a 2.0 catalogue with which a replica has gone on, and the 1.7 one that was put aside, to the places from which
//! 1.8.2 goes on; or to the reasons why it can't.
//!
//! This is the one place of the rules §way-back-start, §way-back-tables and §way-back-refused. It is pure. What becomes of
//! each table is done by one statement in the server (src/rollback); [`fate`] is the model that it is tested against.

use crate::batches::Sorted;
use crate::binlog::BinlogCoordinate;
use crate::facts::snapshot::{Named, NewSourceId, OldSource, OldSourceId, Snapshot, StoredCoordinate};
use crate::facts::snapshot::{OldBatch, StoredCoordinateError};
use crate::facts::way_back::{Catalogues, Emptied, NewSource};
use crate::mapping::{MappingPair, Target};
use crate::plan::{self, Advances, PlannedSource};
use chrono::NaiveDateTime;

/// Where 1.8.2 goes on, and what 2.0 had lost by then.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WayBack {
    /// The sources of the 1.7 catalogue, in the order of their ids.
    pub sources: Vec<SourceBack>,
    /// What 2.0 has read and will never apply.
    pub lost: Vec<Lost>,
    /// The largest position that the columns of the 1.7 catalogue hold.
    pub furthest_position: i64,
}

impl WayBack {
    /// Whether `other` has the same places. The lag may differ: replaying what waits moves it.
    #[must_use]
    pub fn same_but_for_the_lag(&self, other: &Self) -> bool {
        let timeless = |back: &Self| {
            let mut sources = back.sources.clone();
            sources.iter_mut().for_each(|source| (source.last_received, source.last_replayed) = (None, None));
            sources
        };
        timeless(self) == timeless(other)
    }
}

/// A source of the 1.7 catalogue on the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceBack {
    /// Its id in the 1.7 catalogue.
    pub id: OldSourceId,
    /// Its name there.
    pub name: String,
    /// Its schema on PostgreSQL.
    pub dest_schema: String,
    /// The source of the 2.0 catalogue that it is part of; none when 2.0 has its mapping no more.
    pub new: Option<NewSourceId>,
    /// From where 1.8.2 reads on; none when there is nothing to go on with.
    pub coordinate: Option<BinlogCoordinate>,
    /// From where it would have read on when it was upgraded.
    pub start_at_upgrade: Option<BinlogCoordinate>,
    /// Whether it had been initialised by then: it has batches, or tables.
    pub was_initialised: bool,
    /// Its live batches of then whose rows tell where tables were first read.
    pub telling_batches: Vec<i64>,
    /// The time of the event that ends at the coordinate; known where 2.0's newest batch was taken.
    pub last_received: Option<NaiveDateTime>,
    /// When 2.0 last replayed for it.
    pub last_replayed: Option<NaiveDateTime>,
    /// Whether a table of it may have been copied in 2.0 at a place that is no longer known.
    pub unsure: bool,
}

/// A stretch of MySQL's log that 2.0 has read and will never apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The source of the 2.0 catalogue.
    pub source: String,
    /// `i_id_batch`.
    pub batch: i64,
    /// Where it begins.
    pub from: StoredCoordinate,
    /// Where it ends.
    pub until: StoredCoordinate,
    /// The tables that its rows name; none when the rows are gone.
    pub tables: Named,
}

/// A reason why 1.8.2 can't go on where 2.0 stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No 1.7 source has the mapping.
    UnknownMapping {
        /// The source of the 2.0 catalogue.
        source: String,
        /// Its pair.
        pair: MappingPair,
    },
    /// What the upgrade made of the 1.7 catalogue can't be worked out again.
    PutAside(plan::Refusal),
    /// A source of 2.0 has tables, and nothing says from where to read on.
    NoLiveBatch {
        /// The source of the 2.0 catalogue.
        source: String,
        /// How many tables it has.
        tables: u64,
    },
    /// The coordinate of a live batch of 2.0 can't be used.
    BatchCoordinate {
        /// The source of the 2.0 catalogue.
        source: String,
        /// `i_id_batch`.
        batch: i64,
        /// What is wrong with it.
        error: StoredCoordinateError,
    },
    /// 1.7's integer can't hold the position.
    TooFar {
        /// The 1.7 source.
        source: String,
        /// From where it would read on.
        coordinate: BinlogCoordinate,
    },
    /// 2.0 reads from another MySQL server than 1.8.2 did.
    AnotherServer {
        /// The 1.7 source.
        source: String,
        /// Where 1.8.2 stood.
        then: BinlogCoordinate,
        /// Where 2.0 stands.
        now: BinlogCoordinate,
    },
    /// 2.0 has not come to where the source stood at the upgrade, and which of its batches were live then is not proven.
    StartNotProven {
        /// The 1.7 source.
        source: String,
        /// Where it stood, as far as it is known.
        start: BinlogCoordinate,
        /// Where 2.0 stands.
        now: BinlogCoordinate,
    },
}

/// Where 2.0 stands with one of its sources.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    coordinate: BinlogCoordinate,
    /// Whether the newest batch alone is live, so that the time of its coordinate was stored.
    newest: bool,
    /// Whether the daemon has begun to read from there.
    started: bool,
}

/// Decides where each source of 1.8.2 goes on.
///
/// # Errors
/// Every reason why it can't, not just the first.
pub fn decide(catalogues: &Catalogues) -> Result<WayBack, Vec<Refusal>> {
    let mut refusals = unknown_mappings(catalogues);
    let planned = planned_again(catalogues).unwrap_or_else(|found| {
        refusals.extend(found.into_iter().map(Refusal::PutAside));
        vec![]
    });
    let furthest_position = catalogues.furthest_position;
    let mut back = WayBack { furthest_position, ..WayBack::default() };
    let mut places = Vec::new();
    for source in &catalogues.new {
        match place(source) {
            Ok(place) => places.push((source, place)),
            Err(refusal) => refusals.push(refusal),
        }
        back.lost.extend(lost(source));
    }
    for old in &catalogues.old.sources {
        let new = places.iter().find(|(source, _)| maps(source, old));
        let planned = planned.iter().find(|planned| planned.parts.iter().any(|part| part.id == old.id));
        match source_back(old, new.map(|(source, place)| (*source, place.as_ref())), planned) {
            Ok(SourceBack { name, coordinate: Some(coordinate), .. })
                if coordinate.position() > furthest_position =>
            {
                refusals.push(Refusal::TooFar { source: name, coordinate });
            }
            Ok(source) => back.sources.push(source),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() { Ok(back) } else { Err(refusals) }
}

fn maps(source: &NewSource, old: &OldSource) -> bool {
    let mut pairs = source.mappings.iter();
    pairs.any(|(from, to)| old.source_schema.as_ref() == Some(from) && old.dest_schema == *to)
}

fn unknown_mappings(catalogues: &Catalogues) -> Vec<Refusal> {
    let known = |(from, to): &(String, String)| {
        let mut old = catalogues.old.sources.iter();
        old.any(|old| old.source_schema.as_ref() == Some(from) && old.dest_schema == *to)
    };
    let unknown = |source: &NewSource| {
        let pairs: Vec<_> = source.mappings.iter().filter(|pair| !known(pair)).cloned().collect();
        let name = source.name.clone();
        pairs.into_iter().map(move |(source_schema, dest_schema)| Refusal::UnknownMapping {
            source: name.clone(),
            pair: MappingPair { source_schema, dest_schema },
        })
    };
    catalogues.new.iter().flat_map(unknown).collect()
}

/// What the upgrade has made of those old sources that 2.0 still has, by the upgrade's own rules. How far MySQL's log let it
/// advance the batch start is of no weight here: the starts of the parts and the consistent point stay as they are.
fn planned_again(catalogues: &Catalogues) -> Result<Vec<PlannedSource>, Vec<plan::Refusal>> {
    let still = |old: &&OldSource| catalogues.new.iter().any(|source| maps(source, old));
    let sources: Vec<_> = catalogues.old.sources.iter().filter(still).cloned().collect();
    let target = |new: &NewSource| Target {
        name: new.name.clone(),
        mappings: sources.iter().filter(|old| maps(new, old)).filter_map(pair).collect(),
    };
    let targets: Vec<_> = catalogues.new.iter().map(target).collect();
    plan::plan(&Snapshot { sources }, &targets, &Advances::new()).map(|plan| plan.sources)
}

fn pair(old: &OldSource) -> Option<MappingPair> {
    let source_schema = old.source_schema.clone()?;
    Some(MappingPair { source_schema, dest_schema: old.dest_schema.clone() })
}

/// §way-back-start: the smallest coordinate of the live batches; none when 2.0 has nothing to go on with, and no tables.
fn place(source: &NewSource) -> Result<Option<Place>, Refusal> {
    let sorted = Sorted::of(&source.batches);
    let read = |id: i64, coordinate: &StoredCoordinate| {
        coordinate.read().map_err(|error| Refusal::BatchCoordinate {
            source: source.name.clone(),
            batch: id,
            error,
        })
    };
    let with_rows = sorted.live.iter().map(|batch| read(batch.id, &batch.coordinate));
    let emptied = unapplied(source).map(|batch| read(batch.id, &batch.coordinate));
    let coordinates = with_rows.chain(emptied).collect::<Result<Vec<_>, _>>()?;
    let newest = coordinates.len() == 1;
    match coordinates.into_iter().min() {
        Some(coordinate) => {
            Ok(Some(Place { coordinate, newest, started: !newest || source.newest_is_started }))
        }
        None if source.tables.is_empty() => Ok(None),
        None => Err(Refusal::NoLiveBatch {
            source: source.name.clone(),
            tables: source.tables.iter().map(|(_, tables)| tables).sum(),
        }),
    }
}

/// Batches whose rows the daemon has deleted at its start: where nothing was applied since, they can be read again.
fn unapplied(source: &NewSource) -> impl Iterator<Item = &Emptied> {
    let is_live = source.batches.newest.as_ref().is_some_and(|newest| !newest.processed);
    source.emptied.iter().filter(move |batch| is_live && !batch.followed_by_applied && batch.gone_since == 0)
}

/// What 2.0 has read and will never apply: orphans by the rule of batches, with rows or without.
fn lost(source: &NewSource) -> Vec<Lost> {
    let sorted = Sorted::of(&source.batches);
    let with_rows = sorted.orphans.iter().chain(&sorted.unproven).map(|batch: &&OldBatch| Lost {
        source: source.name.clone(),
        batch: batch.id,
        from: batch.coordinate.clone(),
        until: batch.last_row.clone().unwrap_or_default(),
        tables: batch.tables.clone(),
    });
    let again: Vec<i64> = unapplied(source).map(|batch| batch.id).collect();
    let emptied = source.emptied.iter().filter(|batch| !again.contains(&batch.id)).map(|batch| Lost {
        source: source.name.clone(),
        batch: batch.id,
        from: batch.coordinate.clone(),
        until: batch.until.clone(),
        tables: Named::default(),
    });
    with_rows.chain(emptied).collect()
}

fn source_back(
    old: &OldSource,
    new: Option<(&NewSource, Option<&Place>)>,
    planned: Option<&PlannedSource>,
) -> Result<SourceBack, Refusal> {
    let part = planned.and_then(|planned| planned.parts.iter().find(|part| part.id == old.id));
    let start = plan::start_of(old).ok().flatten();
    let mut back = SourceBack {
        id: old.id,
        name: old.name.clone(),
        dest_schema: old.dest_schema.clone(),
        new: new.map(|(source, _)| source.id),
        coordinate: None,
        start_at_upgrade: start.clone(),
        was_initialised: !plan::never_initialised(old),
        telling_batches: part.map(|part| part.telling_batches.clone()).unwrap_or_default(),
        last_received: None,
        last_replayed: None,
        unsure: false,
    };
    let Some((source, Some(place))) = new else { return Ok(back) };
    let tables = |(schema, _): &&(String, u64)| *schema == old.dest_schema;
    if start.is_none() && !source.tables.iter().any(|it| tables(&it)) {
        return Ok(back);
    }
    let own_is_later = start.as_ref().is_some_and(|start| *start > place.coordinate);
    if let Some(then) = &start {
        let now = place.coordinate.clone();
        if then.file().base() != now.file().base() {
            return Err(Refusal::AnotherServer { source: old.name.clone(), then: then.clone(), now });
        }
        if own_is_later && !Sorted::of(&old.batches).unproven.is_empty() {
            return Err(Refusal::StartNotProven { source: old.name.clone(), start: then.clone(), now });
        }
    }
    let coordinate = match start {
        Some(start) if own_is_later => start,
        _ => place.coordinate.clone(),
    };
    back.last_received = source.last_received.filter(|_| place.newest && !own_is_later);
    back.last_replayed = source.last_replayed;
    back.unsure = place.started && copied_since(source, planned);
    back.coordinate = Some(coordinate);
    Ok(back)
}

/// Whether tables were copied in 2.0, and it has not found the source consistent since: sync_tables, refresh_schema and
/// init_replica move the consistent point.
fn copied_since(source: &NewSource, planned: Option<&PlannedSource>) -> bool {
    let by_the_upgrade = planned.and_then(|planned| planned.consistent_point.as_ref());
    !source.consistent && source.consistent_point.read().ok().as_ref() != by_the_upgrade
}

/// A table of the 2.0 catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTable {
    /// `b_replica_enabled`.
    pub enabled: bool,
    /// Whether the destination schema has it.
    pub is_there: bool,
    /// `t_binlog_name` and `i_binlog_position`.
    pub own: Option<BinlogCoordinate>,
    /// Whether its row was last written together with others of its source, as when the source is found consistent.
    pub written_with_others: bool,
    /// `v_table_pkey`.
    pub key: Vec<String>,
}

/// What becomes of a table of the 2.0 catalogue in 1.7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is replicated, with a coordinate of its own where it has been copied past its source's.
    Replicated {
        /// Its key in 1.7's text form.
        key: String,
        /// What `t_replica_tables` holds.
        own: Option<BinlogCoordinate>,
    },
    /// It goes: there is no such table in the destination, or no place to read its source from.
    Gone,
    /// Left out: 2.0 has disabled it.
    Disabled,
    /// Left out: it may have been copied in 2.0 at a place that is no longer known.
    Unsure,
    /// Left out: 1.7's text form can't hold its key.
    Unfit,
    /// 1.7's integer can't hold its own coordinate.
    TooFar,
}

/// The longest key in 1.7's text form.
const LONGEST_KEY: usize = 100;

/// §way-back-tables. `given`: what the upgrade stored for the table, its point plus one; none for one that 2.0 has gained.
/// `furthest_position`: the largest that 1.7's columns hold.
#[must_use]
pub fn fate(
    table: &NewTable,
    given: Option<&BinlogCoordinate>,
    source: &SourceBack,
    furthest_position: i64,
) -> Fate {
    let Some(coordinate) = source.coordinate.as_ref().filter(|_| table.is_there) else { return Fate::Gone };
    if !table.enabled {
        return Fate::Disabled;
    }
    if source.unsure && table.own.is_none() && !table.written_with_others {
        return Fate::Unsure;
    }
    let Some(key) = key_as_text(&table.key) else { return Fate::Unfit };
    // Where 2.0 has copied a table, an event that ends exactly there is in the copy. What the upgrade stored is one more
    // than the point already.
    let stored =
        table.own.as_ref().map(|own| if Some(own) == given { own.clone() } else { own.just_after() });
    let furthest = stored.into_iter().chain(given.cloned()).max();
    let own = furthest.filter(|stored| stored.just_before() > *coordinate);
    if own.as_ref().is_some_and(|own| own.position() > furthest_position) {
        return Fate::TooFar;
    }
    Fate::Replicated { key, own }
}

/// Names in double quotes with commas between: nothing is escaped, so not every name can stand in it.
fn key_as_text(key: &[String]) -> Option<String> {
    let text = format!("\"{}\"", key.join("\",\""));
    let fits = !key.is_empty()
        && key.iter().all(|name| !name.is_empty() && !name.contains('"'))
        && text.chars().count() <= LONGEST_KEY;
    fits.then_some(text)
}

#[cfg(test)]
mod tests;
