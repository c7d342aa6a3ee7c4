//! Writes into the 1.7 catalogue from where 1.8.2 goes on, gives both catalogues their names, and holds what was written
//! against what was decided: the statements of the transaction, between the lock and the commit. §way-back-batches.

use super::Failure;
use super::tables;
use crate::catalogue::v1::read;
use crate::catalogue::version;
use crate::facts::postgres::CatalogueVersion;
use crate::facts::snapshot::{OldSourceId, Snapshot};
use crate::facts::way_back::Tables;
use crate::names::{SCHEMA, VERSION1, VERSION2};
use crate::plan;
use crate::way_back::{SourceBack, WayBack};
use std::collections::BTreeMap;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// Brings the 1.7 catalogue to where 2.0 stands.
pub(super) async fn write(client: &Client, back: &WayBack) -> Result<(), Error> {
    let ids = client.query_typed_one(include_str!("next_ids.sql"), &[]).await?;
    let (mut next_batch, first_table): (i64, i64) = (ids.try_get("batch")?, ids.try_get("table")?);
    // The tables first: the rows of the log tell where some were first read.
    let added = tables::write(client, back, first_table).await?;
    let changed = back.sources.iter().filter(|source| source.coordinate.is_some() || source.was_initialised);
    for source in changed.clone() {
        client.execute_typed(include_str!("close_batches.sql"), &[(&source.id.0, Type::INT8)]).await?;
        next_batch += batch(client, source, next_batch).await?;
    }
    let ids: Vec<i64> = changed.map(|source| source.id.0).collect();
    client.execute_typed(include_str!("delete_rows.sql"), &[(&ids, Type::INT8_ARRAY)]).await?;
    let next_table = first_table + added;
    client
        .batch_execute(&format!(
            "ALTER SEQUENCE {VERSION1}.t_replica_batch_i_id_batch_seq RESTART WITH {next_batch};
             ALTER SEQUENCE {VERSION1}.t_replica_tables_i_id_table_seq RESTART WITH {next_table}"
        ))
        .await
}

/// How many batches were written.
async fn batch(client: &Client, source: &SourceBack, id: i64) -> Result<i64, Error> {
    let Some(coordinate) = &source.coordinate else { return Ok(0) };
    let (file, position) = (coordinate.file().name(), coordinate.position());
    let parameters = [
        (&source.id.0 as _, Type::INT8),
        (&file as _, Type::TEXT),
        (&position as _, Type::INT8),
        (&id as _, Type::INT8),
    ];
    client.execute_typed(include_str!("delete_batch.sql"), &parameters[..3]).await?;
    client.execute_typed(include_str!("write_batch.sql"), &parameters).await?;
    let times = [
        (&source.id.0 as _, Type::INT8),
        (&source.last_received as _, Type::TIMESTAMP),
        (&source.last_replayed as _, Type::TIMESTAMP),
    ];
    client.execute_typed(include_str!("write_source.sql"), &times).await?;
    Ok(1)
}

/// Gives the 1.7 catalogue its name back, and keeps the 2.0 one beside it.
pub(super) async fn rename(client: &Client) -> Result<(), Error> {
    let rename =
        format!("ALTER SCHEMA {SCHEMA} RENAME TO {VERSION2}; ALTER SCHEMA {VERSION1} RENAME TO {SCHEMA}");
    client.batch_execute(&rename).await
}

/// Reads the 1.7 catalogue as an upgrade would, and looks whether it stands where it was to stand.
pub(super) async fn verify(
    client: &Client,
    back: &WayBack,
    planned: &BTreeMap<OldSourceId, Tables>,
) -> Result<(), Failure> {
    let mut differences = Vec::new();
    if version::read(client, SCHEMA).await? != CatalogueVersion::V1_7 {
        differences.push("sch_chameleon is not the 1.7 catalogue".to_owned());
    }
    let written = read::snapshot(client, &[]).await?;
    differences.extend(back.sources.iter().filter_map(|source| difference(source, &written, planned)));
    let (_, wrong) = tables::verify(client, back).await?;
    let wrong = wrong.into_iter().filter(|(_, count)| *count > 0);
    differences.extend(wrong.map(|(what, count)| format!("{count} {what}")));
    if differences.is_empty() { Ok(()) } else { Err(Failure::Verification(differences.join("; "))) }
}

/// By the upgrade's own rule of where a source starts.
fn difference(
    source: &SourceBack,
    written: &Snapshot,
    planned: &BTreeMap<OldSourceId, Tables>,
) -> Option<String> {
    let Some(old) = written.sources.iter().find(|old| old.id == source.id) else {
        return Some(format!("the source {} is gone", source.name));
    };
    let tables = planned.get(&source.id).map(Tables::replicated).unwrap_or_default();
    if old.tables.count != tables {
        return Some(format!("{} has {} tables instead of {tables}", source.name, old.tables.count));
    }
    match (plan::start_of(old), &source.coordinate) {
        (Ok(start), coordinate) if start == *coordinate => None,
        (start, coordinate) => Some(format!("{} starts at {start:?} instead of {coordinate:?}", source.name)),
    }
}
