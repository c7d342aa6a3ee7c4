//! What the plan knows of a 1.7 catalogue: its sources, their batches, and what is summed up of
//! their tables. Never a row per table, so that the size of a catalogue does not matter to the client.
//!
//! The values are as the catalogue stores them; what they mean is decided in [`crate::plan`].

use crate::binlog::{BinlogCoordinate, BinlogError};
use chrono::NaiveDateTime;
use serde::Serialize;

/// The id of a source in the 1.7 catalogue; not that of a new source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct OldSourceId(pub i64);

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
        self.sources.iter().map(OldSource::waiting).sum()
    }
}

impl OldSource {
    /// Events of this source that wait to be replayed.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.batches.iter().map(|batch| batch.waiting).sum()
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
    /// All its batches, in no particular order.
    pub batches: Vec<OldBatch>,
    /// Its rows of `t_replica_tables`, summed up.
    pub tables: TableSummary,
}

/// A row of 1.7's `t_replica_batch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldBatch {
    /// `i_id_batch`.
    pub id: i64,
    /// `t_binlog_name` and `i_binlog_position`.
    pub coordinate: StoredCoordinate,
    /// `b_started`.
    pub started: bool,
    /// `b_processed`.
    pub processed: bool,
    /// `b_replayed`.
    pub replayed: bool,
    /// `ts_created`.
    pub created: NaiveDateTime,
    /// Whether `t_batch_events` has a row for it.
    pub listed: bool,
    /// Events that `t_batch_events` lists and that have not been replayed.
    pub waiting: u64,
    /// Whether the log tables hold rows of it.
    pub has_rows: bool,
    /// The tables that these rows name, of a batch that is not listed and not replayed.
    pub tables_named: Vec<String>,
}

/// 1.7's `t_replica_tables` of one source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableSummary {
    /// How many tables.
    pub count: u64,
    /// The coordinates that tables have of their own, a row per file; tables without are not in it.
    pub own_coordinates: Vec<OwnCoordinates>,
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
