//! What the plan knows of a 1.7 catalogue: its sources, and what is summed up of their batches and tables. Never a row
//! per table, batch or event, so that the size of a catalogue does not matter to the client.
//!
//! The values are as the catalogue stores them; what they mean is decided in [`crate::plan`].

use crate::binlog::{BinlogCoordinate, BinlogError};
use chrono::NaiveDateTime;
use serde::Serialize;

/// The id of a source in the 1.7 catalogue; not that of a new source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OldSourceId(pub i64);

/// The id of a source in the 2.0 catalogue; not that of an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NewSourceId(pub i64);

/// A 1.7 catalogue at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// In the order of their ids.
    pub sources: Vec<OldSource>,
}

impl Snapshot {
    /// Events that wait to be replayed.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.sources.iter().map(|source| source.waiting.events).sum()
    }
}

/// A row of 1.7's `t_sources` and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldSource {
    /// `i_id_source`.
    pub id: OldSourceId,
    /// `t_source`.
    pub name: String,
    /// `t_source_schema`: the schema on MySQL; filled each time that 1.8.2's replica starts.
    pub source_schema: Option<String>,
    /// `t_dest_schema`: the schema on PostgreSQL.
    pub dest_schema: String,
    /// `enm_status`.
    pub status: String,
    /// `ts_last_received`.
    pub last_received: Option<NaiveDateTime>,
    /// `ts_last_replay`.
    pub last_replay: Option<NaiveDateTime>,
    /// Its batches, as far as the rule of batches needs them.
    pub batches: Batches,
    /// What its listed batches hold.
    pub waiting: Waiting,
    /// Its rows of `t_replica_tables`, summed up.
    pub tables: TableSummary,
}

/// What [`crate::batches`] needs of the batches of a source: however many were kept, a few of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batches {
    /// The one with the largest `i_id_batch`, whatever its state.
    pub newest: Option<OldBatch>,
    /// The newest of those that are neither and have rows in the log tables, the newest first; the newest batch is not
    /// among them.
    pub open: Vec<OldBatch>,
    /// How many more there are, all of them older.
    pub more_open: u64,
    /// The furthest coordinate of those before the newest, as far as they are among the last 10,000 of all sources.
    pub furthest_before: Option<StoredCoordinate>,
}

/// A row of 1.7's `t_replica_batch` that is neither replayed nor listed, or that is the newest of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldBatch {
    /// `i_id_batch`.
    pub id: i64,
    /// `t_binlog_name` and `i_binlog_position`.
    pub coordinate: StoredCoordinate,
    /// `b_processed`.
    pub processed: bool,
    /// Whether it is replayed, or listed; only the newest may be.
    pub applied: bool,
    /// Whether a later batch of its source is replayed, or listed.
    pub followed_by_applied: bool,
    /// Where its last row in the log tables, the one with the largest `i_id_event`, ends; none when it has no rows.
    pub last_row: Option<StoredCoordinate>,
    /// Whether its rows were stored twice: 1.8.2 has read it again. It is asked only of those that no applied one follows, and not of the newest.
    pub stored_twice: bool,
    /// Whether `t_discarded_rows` holds rows of it.
    pub discarded: bool,
    /// What lies between it and the next one with rows, or the newest; none of the newest itself, and where a later
    /// batch was applied.
    pub succession: Option<Succession>,
    /// The tables that its rows name; read of orphans only.
    pub tables: Named,
}

/// What lies between a batch with rows and the next one of its source that has rows, or the newest: between the two there
/// are only empty batches of the source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Succession {
    /// The coordinate of the next batch of the source, with rows or without.
    pub next: StoredCoordinate,
    /// Whether a later batch has an earlier `ts_created`: the clock, or the time zone, was put back since.
    pub clock_put_back: bool,
    /// How many values of `i_id_batch` before that one belong to no batch that is still there.
    pub gone_before_next: u64,
    /// How many after it, up to the next batch with rows, or the newest.
    pub gone_after_next: u64,
    /// Where that one stands.
    pub until: StoredCoordinate,
    /// Whether MySQL's log, from the last row to `until`, holds nothing of the schema; none when MySQL was not asked.
    pub log_is_silent: Option<bool>,
}

/// Names of which there may be any number: the first of them, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// The first of them, in their order.
    pub first: Vec<String>,
    /// How many there are in all.
    pub count: u64,
}

impl std::fmt::Display for Named {
    /// `a, b, c and 4 more`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let more = self.count.saturating_sub(self.first.len() as u64);
        formatter.write_str(&self.first.join(", "))?;
        if more == 0 { Ok(()) } else { write!(formatter, " and {more} more") }
    }
}

/// What waits to be replayed: batches that are listed and not replayed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waiting {
    /// How many batches.
    pub batches: u64,
    /// How many events they list.
    pub events: u64,
    /// How many of the batches are not started, or not processed: `fn_process_batch` passes them over.
    pub passed_over: u64,
    /// The oldest of these: `i_id_batch`, and how many events it lists.
    pub first_passed_over: Option<(i64, u64)>,
    /// Batches whose rows were stored twice, the oldest of them.
    pub stored_twice: Vec<StoredTwice>,
}

/// A batch that waits and whose rows were stored twice: within it, the coordinates fall back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTwice {
    /// `i_id_batch`.
    pub batch: i64,
    /// The tables that its rows name.
    pub tables: Named,
}

/// 1.7's `t_replica_tables` of one source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableSummary {
    /// How many tables.
    pub count: u64,
    /// The coordinates that tables have of their own, a row per file; tables without are not in it.
    pub own_coordinates: Vec<OwnCoordinates>,
    /// For each file, the furthest end of the first row that live batches without discarded rows hold of a table.
    pub first_rows: Vec<BinlogCoordinate>,
}

/// The tables of one source that were synced later than it, within one binary log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCoordinates {
    /// The furthest coordinate among them.
    pub furthest: StoredCoordinate,
    /// The smallest position among them, when any has one.
    pub smallest_position: Option<i64>,
    /// How many have a file name without a position, or the other way round.
    pub halves: u64,
}

/// A coordinate as two nullable columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct StoredCoordinate {
    /// `t_binlog_name`.
    pub file: Option<String>,
    /// `i_binlog_position`.
    pub position: Option<i64>,
}

/// Two columns that do not make a coordinate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoredCoordinateError {
    /// One of the two columns is NULL, or both are where a coordinate is needed.
    #[error("it has no binlog coordinate (t_binlog_name {0:?}, i_binlog_position {1:?})")]
    Missing(Option<String>, Option<i64>),
    /// The columns hold something that is not a coordinate.
    #[error(transparent)]
    Unreadable(#[from] BinlogError),
}

impl StoredCoordinate {
    /// The coordinate that the two columns hold.
    ///
    /// # Errors
    /// [`StoredCoordinateError`] when either is NULL or they can't be read.
    pub fn read(&self) -> Result<BinlogCoordinate, StoredCoordinateError> {
        match (&self.file, self.position) {
            (Some(file), Some(position)) => Ok(BinlogCoordinate::parse(file, position)?),
            (file, position) => Err(StoredCoordinateError::Missing(file.clone(), position)),
        }
    }
}

impl From<&BinlogCoordinate> for StoredCoordinate {
    fn from(coordinate: &BinlogCoordinate) -> Self {
        Self { file: Some(coordinate.file().name().to_owned()), position: Some(coordinate.position()) }
    }
}
