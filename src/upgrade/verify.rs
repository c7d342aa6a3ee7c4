//! Holds what was written against the plan, inside the transaction: versions, counts, every table
//! present, coordinates as planned. What differs rolls the upgrade back.

use super::transaction::Cause;
use super::write::{Starts, mappings_json};
use crate::binlog::BinlogCoordinate;
use crate::catalogue::v2;
use crate::catalogue::v2::status::{self, SourceStatus};
use crate::facts::snapshot::StoredCoordinate;
use crate::plan::{Plan, PlannedSource};
use tokio_postgres::{Client, Row};

/// Reads back all that was written and compares it with the plan. The new sources as they were written.
///
/// # Errors
/// [`Cause::Verification`] with everything that differs, or what PostgreSQL answers.
pub async fn verify(client: &Client, plan: &Plan, starts: &Starts) -> Result<Vec<SourceStatus>, Cause> {
    let mut differences = Vec::new();
    let version: String =
        client.query_typed_one("SELECT t_version FROM sch_chameleon.v_version", &[]).await?.try_get(0)?;
    note(&mut differences, "the version of the catalogue", &version.as_str(), &v2::VERSION);
    let status = status::read(client).await?;
    let new_tables = status.iter().map(|source| source.replicated + source.disabled).sum();
    note(&mut differences, "the tables of the new catalogue", &new_tables, &plan.tables());
    differences.extend(tables(client, plan, starts).await?);
    let rows = client.query_typed(include_str!("written_sources.sql"), &[]).await?;
    note(&mut differences, "the number of sources", &rows.len(), &plan.sources.len());
    for (row, planned) in rows.iter().zip(&plan.sources) {
        differences.extend(source(row, planned)?);
    }
    if differences.is_empty() { Ok(status) } else { Err(Cause::Verification(differences.join("; "))) }
}

async fn tables(client: &Client, plan: &Plan, starts: &Starts) -> Result<Vec<String>, Cause> {
    let row = client.query_typed_one(include_str!("verify.sql"), &starts.parameters()).await?;
    let mut differences = Vec::new();
    let count = |column: &str| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
    let (listed, planned) = (count("tables")?, plan.tables());
    if listed != planned {
        return Err(Cause::Changed(format!("it lists {listed} tables instead of {planned}")));
    }
    for (column, what) in [
        ("missing", "tables that are missing"),
        ("disabled", "tables that are not enabled"),
        ("wrong_keys", "tables with other key columns"),
    ] {
        note(&mut differences, what, &count(column)?, &0);
    }
    // Those whose point a row has moved are neither at their source's start nor at their own coordinate, and no others.
    let (due, moved) = moved(client, starts).await?;
    note(&mut differences, "tables at the end of their first waiting row", &moved, &due);
    note(&mut differences, "tables with another point", &count("wrong_coordinates")?, &moved);
    Ok(differences)
}

/// How many tables have their point from a row of a live batch: by the old catalogue, and as it was written.
async fn moved(client: &Client, starts: &Starts) -> Result<(u64, u64), Cause> {
    let Some(batches) = starts.telling_batches() else { return Ok((0, 0)) };
    let parameters: Vec<_> = starts.parameters().into_iter().chain([batches]).collect();
    let row = client.query_typed_one(include_str!("verify_moved.sql"), &parameters).await?;
    let count = |column: &str| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
    Ok((count("due")?, count("moved")?))
}

fn source(row: &Row, planned: &PlannedSource) -> Result<Vec<String>, Cause> {
    let mut differences = Vec::new();
    let of = |what: &str| format!("{what} of {}", planned.name);
    let coordinate = |file: &str, position: &str| -> Result<StoredCoordinate, tokio_postgres::Error> {
        Ok(StoredCoordinate { file: row.try_get(file)?, position: row.try_get(position)? })
    };
    let batches = i64::from(planned.batch_start.is_some());
    let name: String = row.try_get("t_source")?;
    note(&mut differences, "the name of a source", &name, &planned.name);
    let status: String = row.try_get("enm_status")?;
    note(&mut differences, &of("the status"), &status.as_str(), &super::write::status(planned));
    let mappings: serde_json::Value = row.try_get("jsb_schema_mappings")?;
    note(&mut differences, &of("the mappings"), &mappings, &mappings_json(&planned.mappings));
    note(
        &mut differences,
        &of("the consistent point"),
        &coordinate("t_binlog_name", "i_binlog_position")?,
        &stored(planned.consistent_point.as_ref()),
    );
    note(
        &mut differences,
        &of("the batch start"),
        &coordinate("batch_file", "batch_position")?,
        &stored(planned.batch_start.as_ref()),
    );
    note(
        &mut differences,
        &of("the GTIDs"),
        &row.try_get::<_, Option<String>>("batch_gtids")?,
        &planned.gtid_set,
    );
    note(
        &mut differences,
        &of("the consistency"),
        &row.try_get::<_, bool>("b_consistent")?,
        &planned.consistent_point.is_none(),
    );
    for (column, what, expected) in [
        ("batches", "the number of batches", batches),
        ("batches_not_started", "the number of batches not started", batches),
        ("batches_with_a_log_table", "the number of batches with a log table of their own", batches),
        ("log_tables", "the number of log tables", 2),
        ("lag_rows", "the number of rows on its lag", 2),
    ] {
        note(&mut differences, &of(what), &row.try_get::<_, i64>(column)?, &expected);
    }
    Ok(differences)
}

fn stored(coordinate: Option<&BinlogCoordinate>) -> StoredCoordinate {
    coordinate.map(StoredCoordinate::from).unwrap_or_default()
}

fn note<T: PartialEq + std::fmt::Debug>(differences: &mut Vec<String>, what: &str, written: &T, planned: &T) {
    if written != planned {
        differences.push(format!("{what}: {written:?} instead of {planned:?}"));
    }
}
