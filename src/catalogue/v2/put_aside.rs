//! The 1.7 catalogue that an upgrade has put aside, held against the 2.0 one that took its place.

use crate::facts::postgres::LeftBehind;
use tokio_postgres::types::Type;
use tokio_postgres::{Error, GenericClient};

/// How many tables are named; the rest are counted.
const NAMED: i32 = 10;

/// What was left behind; none where there is no 1.7 catalogue put aside, or the role may not read it.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn left_behind(client: &impl GenericClient) -> Result<Option<LeftBehind>, Error> {
    let readable = client.query_typed_opt(include_str!("put_aside.sql"), &[]).await?;
    if !readable.map(|row| row.try_get("readable")).transpose()?.unwrap_or(false) {
        return Ok(None);
    }
    let version = "SELECT t_version::text FROM _sch_chameleon_version1.v_version LIMIT 1";
    let row = client.query_typed_opt(version, &[]).await?;
    let version: Option<String> = row.map(|row| row.try_get(0)).transpose()?.flatten();
    if version.as_deref() != Some("1.7") {
        return Ok(None);
    }
    let row = client.query_typed_one(include_str!("left_behind.sql"), &[(&NAMED, Type::INT4)]).await?;
    Ok(Some(LeftBehind {
        tables: row.try_get::<_, i64>("tables")?.unsigned_abs(),
        first: row.try_get("first")?,
    }))
}
