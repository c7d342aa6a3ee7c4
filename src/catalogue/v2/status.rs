//! The sources of a 2.0 catalogue as `status` shows them.

use crate::mapping::MappingPair;
use crate::postgres::Text;
use chrono::NaiveDateTime;
use serde::Serialize;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, GenericClient, Row};

/// A source of a 2.0 catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SourceStatus {
    /// `i_id_source`.
    pub id: i64,
    /// `t_source`.
    pub name: String,
    /// `enm_source_type`.
    pub source_type: String,
    /// `enm_status`.
    pub status: String,
    /// `jsb_schema_mappings`.
    #[serde(serialize_with = "crate::mapping::serialize_pairs")]
    #[cfg_attr(feature = "schema", schemars(with = "std::collections::BTreeMap<String, String>"))]
    pub mappings: Vec<MappingPair>,
    /// `b_consistent`: whether all its tables stand at the same point.
    pub consistent: bool,
    /// From where on they will; `file:position`.
    pub consistent_point: Option<String>,
    /// From where the next read starts; `file:position`.
    pub batch_start: Option<String>,
    /// `ts_last_received`, with the lag behind now.
    pub read: Lag,
    /// `ts_last_replayed`, with the lag behind the reading.
    pub replay: Lag,
    /// Tables that are replicated.
    pub replicated: u64,
    /// Tables whose replica is disabled.
    pub disabled: u64,
    /// Tables with a point of their own still to be reached.
    pub inconsistent: u64,
}

/// When something last happened, in the time zone of the server, and how far that lags behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Lag {
    /// The time; none when it never happened.
    pub last: Option<String>,
    /// How far behind, as PostgreSQL writes an interval.
    pub lag: Option<String>,
}

impl Lag {
    pub(crate) fn read(row: &Row, last: &str, lag: &str) -> Result<Self, Error> {
        let last: Option<NaiveDateTime> = row.try_get(last)?;
        let last = last.map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string());
        Ok(Self { last, lag: row.try_get(lag)? })
    }
}

/// More of one source: `status --source`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Details {
    /// Rows that were applied, by the batches that are kept (`batch_retention`).
    pub rows_replayed: u64,
    /// Rows that were passed over, likewise.
    pub rows_skipped: u64,
    /// Definitions that were applied, likewise.
    pub definitions_replayed: u64,
    /// `ts_last_maintenance`, in the time zone of the server.
    pub last_maintenance: Option<String>,
    /// Tables that have a coordinate of their own or are disabled; the first, where there are many.
    pub tables: Vec<OddTable>,
    /// How many such tables there are.
    pub odd_tables: u64,
}

/// A table that does not stand where its source does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OddTable {
    /// Its schema and name in PostgreSQL.
    pub table: String,
    /// Whether it is replicated.
    pub enabled: bool,
    /// From where on its events are applied; `file:position`. None: from where the source reads.
    pub starts_at: Option<String>,
}

/// How many such tables are read.
const ODD_TABLES: i64 = 1000;

/// Reads more of the source with this id.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn details(client: &impl GenericClient, source: i64) -> Result<Details, Error> {
    let row = client.query_typed_one(include_str!("details.sql"), &[(&source, Type::INT8)]).await?;
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&source, Type::INT8), (&ODD_TABLES, Type::INT8)];
    let tables = client.query_typed(include_str!("odd_tables.sql"), &parameters).await?;
    let count = |row: &Row, column: &str| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
    let table = |row: &Row| {
        Ok(OddTable {
            table: row.try_get::<_, Text>("title")?.0,
            enabled: row.try_get("enabled")?,
            starts_at: coordinate(row, "file", "position")?,
        })
    };
    Ok(Details {
        rows_replayed: count(&row, "replayed")?,
        rows_skipped: count(&row, "skipped")?,
        definitions_replayed: count(&row, "definitions")?,
        last_maintenance: row.try_get("last_maintenance")?,
        odd_tables: tables.first().map(|row| count(row, "number")).transpose()?.unwrap_or_default(),
        tables: tables.iter().map(table).collect::<Result<_, Error>>()?,
    })
}

/// Reads the status of every source.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn read(client: &impl GenericClient) -> Result<Vec<SourceStatus>, Error> {
    client.query_typed(include_str!("status.sql"), &[]).await?.iter().map(source).collect()
}

fn source(row: &Row) -> Result<SourceStatus, Error> {
    let count = |column: &str| {
        row.try_get::<_, Option<i64>>(column).map(|count| count.unwrap_or_default().unsigned_abs())
    };
    Ok(SourceStatus {
        id: row.try_get("i_id_source")?,
        name: row.try_get("t_source")?,
        source_type: row.try_get("enm_source_type")?,
        status: row.try_get("enm_status")?,
        mappings: pairs(&row.try_get("jsb_schema_mappings")?),
        consistent: row.try_get("b_consistent")?,
        consistent_point: coordinate(row, "t_binlog_name", "i_binlog_position")?,
        batch_start: coordinate(row, "batch_file", "batch_position")?,
        read: Lag::read(row, "ts_last_received", "read_lag")?,
        replay: Lag::read(row, "ts_last_replayed", "replay_lag")?,
        replicated: count("replicated")?,
        disabled: count("disabled")?,
        inconsistent: count("inconsistent")?,
    })
}

fn coordinate(row: &Row, file: &str, position: &str) -> Result<Option<String>, Error> {
    let file: Option<String> = row.try_get(file)?;
    let position: Option<i64> = row.try_get(position)?;
    Ok(file.zip(position).map(|(file, position)| format!("{file}:{position}")))
}

pub(super) fn pairs(mappings: &serde_json::Value) -> Vec<MappingPair> {
    let pair = |(source, dest): (&String, &serde_json::Value)| MappingPair {
        source_schema: source.clone(),
        dest_schema: dest.as_str().map_or_else(|| dest.to_string(), str::to_owned),
    };
    mappings.as_object().map(|object| object.iter().map(pair).collect()).unwrap_or_default()
}
