//! The sources of a 1.7 catalogue as `status` shows them: what pg_chameleon 1.8.2's own show_status shows.

use serde::Serialize;
use tokio_postgres::{Error, GenericClient, Row};

use crate::catalogue::v2::status::Lag;
use crate::postgres::Text;

/// A source of a 1.7 catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OldSourceStatus {
    /// `i_id_source`.
    pub id: i64,
    /// `t_source`.
    pub name: String,
    /// `t_source_schema`.
    pub source_schema: Option<String>,
    /// `t_dest_schema`.
    pub dest_schema: String,
    /// `enm_status`.
    pub status: String,
    /// `ts_last_received`, with the lag behind now.
    pub read: Lag,
    /// `ts_last_replay`, with the lag behind the reading.
    pub replay: Lag,
    /// Its tables.
    pub tables: u64,
}

/// Reads the status of every source.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn read(client: &impl GenericClient) -> Result<Vec<OldSourceStatus>, Error> {
    client.query_typed(include_str!("status.sql"), &[]).await?.iter().map(source).collect()
}

fn source(row: &Row) -> Result<OldSourceStatus, Error> {
    Ok(OldSourceStatus {
        id: row.try_get("i_id_source")?,
        name: row.try_get::<_, Text>("t_source")?.0,
        source_schema: row.try_get::<_, Option<Text>>("t_source_schema")?.map(String::from),
        dest_schema: row.try_get::<_, Text>("t_dest_schema")?.0,
        status: row.try_get("enm_status")?,
        read: Lag::read(row, "ts_last_received", "read_lag")?,
        replay: Lag::read(row, "ts_last_replay", "replay_lag")?,
        tables: row.try_get::<_, i64>("tables")?.unsigned_abs(),
    })
}
