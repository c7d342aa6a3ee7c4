//! From a 1.7 catalogue and a configuration to the sources of the 2.0 catalogue, or to the reasons why not.
//!
//! This is the one place of the rules §start, §point, §position-plus-one, §batch-start and §consistent-point. It
//! is pure: the server only supplies the [`Snapshot`].

use crate::batches::Sorted;
use crate::binlog::{BinlogCoordinate, is_readable_by_the_daemon};
use crate::facts::snapshot::{OldSource, OldSourceId, Snapshot, StoredCoordinateError};
use crate::mapping::{self, CataloguePair, Discrepancy, MappingPair, Target};
use chrono::NaiveDateTime;
use serde::Serialize;
use std::collections::BTreeMap;

/// The sources of the new catalogue, in the order of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Plan {
    /// One for each source of the configuration.
    pub sources: Vec<PlannedSource>,
}

/// A source of the new catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedSource {
    /// Its name, from the configuration.
    pub name: String,
    /// Its schema mappings, in the order of the configuration.
    #[serde(serialize_with = "mapping::serialize_pairs")]
    #[cfg_attr(feature = "schema", schemars(with = "std::collections::BTreeMap<String, String>"))]
    pub mappings: Vec<MappingPair>,
    /// The old sources that go into it.
    pub parts: Vec<Part>,
    /// Where its first batch starts: the smallest start of its parts, advanced when MySQL was asked. None when no
    /// part was ever initialised.
    pub batch_start: Option<BinlogCoordinate>,
    /// The GTIDs that its daemon starts behind, where it goes by these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gtid_set: Option<String>,
    /// From where on all its tables are consistent with each other; with a batch start only.
    pub consistent_point: Option<BinlogCoordinate>,
    /// The oldest `ts_last_received` of its parts.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub last_received: Option<NaiveDateTime>,
    /// The oldest `ts_last_replay` of its parts.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub last_replay: Option<NaiveDateTime>,
}

/// An old source as part of a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Part {
    /// Its id in the old catalogue.
    pub id: OldSourceId,
    /// Its name in the old catalogue.
    pub name: String,
    /// Its two schemas.
    pub pair: MappingPair,
    /// From where the old replica would read on; none for a source that was never initialised.
    pub start: Option<BinlogCoordinate>,
    /// Where the first transaction begins that concerns it; none when MySQL was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advanced: Option<BinlogCoordinate>,
    /// The furthest coordinate that one of its tables has of its own.
    pub furthest_own: Option<BinlogCoordinate>,
    /// The furthest end of the first row that its live batches hold of a table: that table is complete up to just before
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub furthest_first_row: Option<BinlogCoordinate>,
    /// The live batches (`i_id_batch`) whose rows tell where tables were first read.
    #[serde(skip)]
    pub telling_batches: Vec<i64>,
    /// How many tables it brings.
    pub tables: u64,
}

impl Plan {
    /// The tables that the new catalogue will have.
    #[must_use]
    pub fn tables(&self) -> u64 {
        self.sources.iter().map(PlannedSource::tables).sum()
    }

    /// Whether `other` has the same starts and points, and brings the same tables. The lag may differ: replaying what waits
    /// moves it.
    #[must_use]
    pub fn same_but_for_the_lag(&self, other: &Self) -> bool {
        let timeless = |plan: &Self| {
            let mut sources = plan.sources.clone();
            for source in &mut sources {
                (source.last_received, source.last_replay) = (None, None);
            }
            sources
        };
        timeless(self) == timeless(other)
    }
}

impl PlannedSource {
    /// The tables that the new source will have.
    #[must_use]
    pub fn tables(&self) -> u64 {
        self.parts.iter().map(|part| part.tables).sum()
    }

    /// Where its first batch would start if MySQL had not been asked.
    #[must_use]
    pub fn start_of_catalogue(&self) -> Option<&BinlogCoordinate> {
        self.parts.iter().filter_map(|part| part.start.as_ref()).min()
    }
}

/// What MySQL's log says of where a new source may start. It depends on nothing but the starts of the catalogue and the log
/// before the consistent point, which no longer changes. The points of the tables and the consistent point stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// Where the first transaction begins that concerns each old source.
    pub starts: Vec<(OldSourceId, BinlogCoordinate)>,
    /// Where its first batch starts: at the first of these; with GTIDs, where the server begins with for a replica that has
    /// them.
    pub batch_start: BinlogCoordinate,
    /// The GTIDs that its daemon starts behind, where it goes by these.
    pub gtid_set: Option<String>,
}

/// By the names of the new sources. Empty where MySQL was not asked.
pub type Advances = BTreeMap<String, Advance>;

/// A reason why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// 1.8.2 has not yet written the source's schema on MySQL.
    SourceSchemaEmpty {
        /// The old source.
        source: String,
    },
    /// The schema mappings disagree.
    Mapping(Discrepancy),
    /// The source has tables and nothing says from where to read on.
    NoLiveBatch {
        /// The old source.
        source: String,
        /// How many tables it has.
        tables: u64,
    },
    /// The coordinate of a live batch can't be used.
    BatchCoordinate {
        /// The old source.
        source: String,
        /// `i_id_batch`.
        batch: i64,
        /// What is wrong with it.
        error: StoredCoordinateError,
    },
    /// The coordinate that tables have of their own can't be used.
    TableCoordinate {
        /// The old source.
        source: String,
        /// What is wrong with it.
        error: StoredCoordinateError,
    },
    /// Binary logs of different MySQL servers meet in one new source.
    DifferentBaseNames {
        /// The new source.
        target: String,
        /// Each base name with the old sources that use it.
        bases: BTreeMap<String, Vec<String>>,
    },
    /// The daemon of pg_chameleon 2 can't read the number of such a file.
    DotInBaseName {
        /// The new source.
        target: String,
        /// The base name.
        base: String,
    },
}

/// What the plan knows of the beginning of an old source.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Start {
    At(BinlogCoordinate),
    NeverInitialised,
}

/// The largest of its source's start, its own coordinate, and just before the end of the first row that the live batches
/// hold of it: everything up to this point is in PostgreSQL, nothing after it is. 1.8.2 clears a table's own coordinate
/// when it reads the first row past it; that row, once stored, still tells. §cleared-coordinate.
#[must_use]
pub fn point_of_table(
    start: &BinlogCoordinate,
    own: Option<&BinlogCoordinate>,
    first_row: Option<&BinlogCoordinate>,
) -> BinlogCoordinate {
    let before_row = first_row.map(BinlogCoordinate::just_before);
    own.cloned().into_iter().chain(before_row).fold(start.clone(), BinlogCoordinate::max)
}

/// Whether there is nothing to bring over of a source. §never-initialised.
#[must_use]
pub fn never_initialised(source: &OldSource) -> bool {
    source.tables.count == 0 && Sorted::of(&source.batches).live.is_empty()
}

/// Plans the new sources. `advances`: as far as MySQL was asked.
///
/// # Errors
/// Every reason why the catalogue can't be brought over with this configuration, not just the first.
pub fn plan(snapshot: &Snapshot, targets: &[Target], advances: &Advances) -> Result<Plan, Vec<Refusal>> {
    let mut refusals = mapping_refusals(snapshot, targets);
    let mut parts = Vec::new();
    for source in &snapshot.sources {
        match part(source) {
            Ok(part) => parts.push((part, source)),
            Err(found) => refusals.extend(found),
        }
    }
    let mut sources = Vec::new();
    for target in targets {
        let of_target: Vec<_> =
            parts.iter().filter(|(part, _)| target.mappings.contains(&part.pair)).cloned().collect();
        refusals.extend(base_name_refusals(target, &of_target));
        sources.push(planned_source(target, of_target, advances.get(&target.name)));
    }
    if refusals.is_empty() { Ok(Plan { sources }) } else { Err(refusals) }
}

fn mapping_refusals(snapshot: &Snapshot, targets: &[Target]) -> Vec<Refusal> {
    let mut pairs = Vec::new();
    let mut refusals = Vec::new();
    let mut unknown_destinations = Vec::new();
    for source in &snapshot.sources {
        match pair(source) {
            Some(pair) => pairs.push(CataloguePair { source: source.name.clone(), pair }),
            None => {
                unknown_destinations.push(&source.dest_schema);
                refusals.push(Refusal::SourceSchemaEmpty { source: source.name.clone() });
            }
        }
    }
    // Nothing can be said of a configured pair whose other half the catalogue does not know yet.
    let can_be_told = |discrepancy: &Discrepancy| match discrepancy {
        Discrepancy::NotInCatalogue(configured) => {
            !unknown_destinations.contains(&&configured.pair.dest_schema)
        }
        _ => true,
    };
    refusals.extend(
        mapping::discrepancies(&pairs, targets).into_iter().filter(can_be_told).map(Refusal::Mapping),
    );
    refusals
}

fn pair(source: &OldSource) -> Option<MappingPair> {
    let source_schema = source.source_schema.clone().filter(|schema| !schema.is_empty())?;
    Some(MappingPair { source_schema, dest_schema: source.dest_schema.clone() })
}

/// A source whose schema on MySQL is empty has been refused already; its part is planned under an
/// empty name so that all else that is wrong with it is found too.
fn part(source: &OldSource) -> Result<Part, Vec<Refusal>> {
    let start = start(source);
    let furthest_own = furthest_own(source);
    match (start, furthest_own) {
        (Ok(start), Ok(furthest_own)) => Ok(Part {
            id: source.id,
            name: source.name.clone(),
            pair: pair(source).unwrap_or_else(|| MappingPair {
                source_schema: String::new(),
                dest_schema: source.dest_schema.clone(),
            }),
            start: match start {
                Start::At(coordinate) => Some(coordinate),
                Start::NeverInitialised => None,
            },
            advanced: None,
            furthest_own,
            furthest_first_row: source.tables.first_rows.iter().max().cloned(),
            telling_batches: Sorted::of(&source.batches).telling(),
            tables: source.tables.count,
        }),
        (start, own) => {
            Err(start.err().into_iter().flatten().chain(own.err().into_iter().flatten()).collect())
        }
    }
}

/// From where 1.8.2 would read a source on; none for one that was never initialised. §start.
///
/// # Errors
/// Why there is no such place.
pub fn start_of(source: &OldSource) -> Result<Option<BinlogCoordinate>, Vec<Refusal>> {
    start(source).map(|start| match start {
        Start::At(coordinate) => Some(coordinate),
        Start::NeverInitialised => None,
    })
}

/// The smallest coordinate of the live batches, started or not.
fn start(source: &OldSource) -> Result<Start, Vec<Refusal>> {
    let mut coordinates = Vec::new();
    let mut refusals = Vec::new();
    for batch in Sorted::of(&source.batches).live {
        match batch.coordinate.read() {
            Ok(coordinate) => coordinates.push(coordinate),
            Err(error) => refusals.push(Refusal::BatchCoordinate {
                source: source.name.clone(),
                batch: batch.id,
                error,
            }),
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    match coordinates.into_iter().min() {
        Some(smallest) => Ok(Start::At(smallest)),
        None if never_initialised(source) => Ok(Start::NeverInitialised),
        None => Err(vec![Refusal::NoLiveBatch { source: source.name.clone(), tables: source.tables.count }]),
    }
}

fn furthest_own(source: &OldSource) -> Result<Option<BinlogCoordinate>, Vec<Refusal>> {
    let mut furthest = None;
    let mut refusals = Vec::new();
    let mut refuse = |error| refusals.push(Refusal::TableCoordinate { source: source.name.clone(), error });
    for own in &source.tables.own_coordinates {
        let smallest =
            own.smallest_position.map(|position| BinlogCoordinate::parse("any.0", position)).transpose();
        match (own.furthest.read(), smallest) {
            (Ok(_), _) if own.halves > 0 => {
                refuse(StoredCoordinateError::Missing(own.furthest.file.clone(), None));
            }
            (Ok(_), Err(negative)) => refuse(negative.into()),
            (Ok(coordinate), Ok(_)) => furthest = furthest.max(Some(coordinate)),
            (Err(error), _) => refuse(error),
        }
    }
    if refusals.is_empty() { Ok(furthest) } else { Err(refusals) }
}

/// The coordinates that decide where a part stands.
fn coordinates(part: &Part) -> impl Iterator<Item = BinlogCoordinate> {
    let before_row = part.furthest_first_row.as_ref().map(BinlogCoordinate::just_before);
    part.start.iter().chain(&part.furthest_own).cloned().chain(before_row)
}

fn base_name_refusals(target: &Target, parts: &[(Part, &OldSource)]) -> Vec<Refusal> {
    let mut bases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (part, source) in parts {
        for base in base_names(part, source) {
            let users = bases.entry(base).or_default();
            if !users.contains(&part.name) {
                users.push(part.name.clone());
            }
        }
    }
    let mut refusals: Vec<_> = bases
        .keys()
        .filter(|base| !is_readable_by_the_daemon(base))
        .map(|base| Refusal::DotInBaseName { target: target.name.clone(), base: base.clone() })
        .collect();
    if bases.len() > 1 {
        refusals.push(Refusal::DifferentBaseNames { target: target.name.clone(), bases });
    }
    refusals
}

/// Every base name that the live batches and the tables of a source use, not only those of the
/// coordinates that won.
fn base_names(part: &Part, source: &OldSource) -> Vec<String> {
    let sorted = Sorted::of(&source.batches);
    let live = sorted.live.iter().filter_map(|batch| batch.coordinate.read().ok());
    let own = source.tables.own_coordinates.iter().filter_map(|own| own.furthest.read().ok());
    live.chain(own).chain(coordinates(part)).map(|coordinate| coordinate.file().base().to_owned()).collect()
}

/// §batch-start, §consistent-point, §carried-over.
fn planned_source(
    target: &Target,
    parts: Vec<(Part, &OldSource)>,
    advance: Option<&Advance>,
) -> PlannedSource {
    let oldest = |time: fn(&OldSource) -> Option<NaiveDateTime>| {
        parts.iter().filter(|(part, _)| part.start.is_some()).filter_map(|(_, source)| time(source)).min()
    };
    let (last_received, last_replay) =
        (oldest(|source| source.last_received), oldest(|source| source.last_replay));
    let parts: Vec<Part> = parts.into_iter().map(|(part, _)| advanced(part, advance)).collect();
    let smallest = parts.iter().filter_map(|part| part.start.as_ref()).min();
    let furthest = parts.iter().flat_map(coordinates).max();
    PlannedSource {
        name: target.name.clone(),
        mappings: target.mappings.clone(),
        consistent_point: smallest.and(furthest),
        batch_start: advance.map(|advance| &advance.batch_start).or(smallest).cloned(),
        gtid_set: advance.and_then(|advance| advance.gtid_set.clone()),
        last_received,
        last_replay,
        parts,
    }
}

fn advanced(part: Part, advance: Option<&Advance>) -> Part {
    let start = advance.and_then(|advance| advance.starts.iter().find(|(id, _)| *id == part.id));
    Part { advanced: start.map(|(_, start)| start.clone()), ..part }
}

#[cfg(test)]
mod tests;
