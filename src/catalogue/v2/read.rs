//! Reads of a 2.0 catalogue what the way back needs, into facts. Decides nothing but which batches' rows are asked for.

use crate::batches::Sorted;
use crate::catalogue::v1::read;
use crate::catalogue::v2::status::pairs;
use crate::facts::snapshot::{Named, NewSourceId, OldSourceId, StoredCoordinate};
use crate::facts::way_back::{Catalogues, Emptied, NewSource};
use crate::names::{SCHEMA, VERSION1};
use crate::postgres::Text;
use std::collections::HashMap;
use tokio_postgres::types::Type;
use tokio_postgres::{Error, GenericClient, Row};

/// How many batches whose rows are gone are looked at; each is the trace of a daemon that was killed.
const EMPTIED: i64 = 100;

/// Both catalogues: the 2.0 one, and the 1.7 one that the upgrade has put aside.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn catalogues(client: &impl GenericClient) -> Result<Catalogues, Error> {
    let wide: bool = client.query_typed_one(include_str!("wide.sql"), &[]).await?.try_get("wide")?;
    Ok(Catalogues {
        new: sources(client).await?,
        old: read::snapshot_of(client, VERSION1, &[]).await?,
        furthest_position: if wide { i64::MAX } else { i32::MAX.into() },
    })
}

async fn sources(client: &impl GenericClient) -> Result<Vec<NewSource>, Error> {
    let mut of_sources = read::batches(client, SCHEMA).await?;
    let mut emptied = emptied(client).await?;
    let mut tables = registered(client).await?;
    let source = |row: &Row| {
        let id: i64 = row.try_get("i_id_source")?;
        let count = |column: &str| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
        let mappings = pairs(&row.try_get("jsb_schema_mappings")?);
        Ok(NewSource {
            id: NewSourceId(id),
            name: row.try_get::<_, Text>("t_source")?.0,
            mappings: mappings.into_iter().map(|pair| (pair.source_schema, pair.dest_schema)).collect(),
            consistent: row.try_get("b_consistent")?,
            consistent_point: coordinate(row, "t_binlog_name", "i_binlog_position")?,
            last_received: row.try_get("ts_last_received")?,
            last_replayed: row.try_get("ts_last_replayed")?,
            // Both catalogues call the id of a source so; here it is one of 2.0.
            batches: of_sources.remove(&OldSourceId(id)).unwrap_or_default(),
            newest_is_started: row.try_get("newest_is_started")?,
            emptied: emptied.remove(&id).unwrap_or_default(),
            waiting_batches: count("batches")?,
            waiting_events: count("events")?,
            tables: tables.remove(&id).unwrap_or_default(),
        })
    };
    let rows = client.query_typed(include_str!("sources.sql"), &[]).await?;
    let mut sources = rows.iter().map(source).collect::<Result<Vec<_>, Error>>()?;
    name_tables(client, &mut sources).await?;
    Ok(sources)
}

/// Of the batches that will never be applied, the tables that their rows name.
async fn name_tables(client: &impl GenericClient, sources: &mut [NewSource]) -> Result<(), Error> {
    let lost = sources.iter().flat_map(|source| {
        let sorted = Sorted::of(&source.batches);
        sorted.orphans.into_iter().chain(sorted.unproven).map(|batch| batch.id)
    });
    let lost: Vec<i64> = lost.collect();
    if lost.is_empty() {
        return Ok(());
    }
    let tables: HashMap<i64, Named> = read::tables_of_batches(client, SCHEMA, &lost).await?;
    for source in sources {
        for batch in source.batches.newest.iter_mut().chain(&mut source.batches.open) {
            batch.tables = tables.get(&batch.id).cloned().unwrap_or_default();
        }
    }
    Ok(())
}

async fn emptied(client: &impl GenericClient) -> Result<HashMap<i64, Vec<Emptied>>, Error> {
    let mut by_source: HashMap<_, Vec<_>> = HashMap::new();
    for row in client.query_typed(include_str!("emptied.sql"), &[(&EMPTIED, Type::INT8)]).await? {
        by_source.entry(row.try_get("i_id_source")?).or_default().push(Emptied {
            id: row.try_get("i_id_batch")?,
            coordinate: coordinate(&row, "t_binlog_name", "i_binlog_position")?,
            until: coordinate(&row, "until_file", "until_position")?,
            followed_by_applied: row.try_get("by_applied")?,
            gone_since: row.try_get::<_, i64>("gone_since")?.unsigned_abs(),
        });
    }
    Ok(by_source)
}

async fn registered(client: &impl GenericClient) -> Result<HashMap<i64, Vec<(String, u64)>>, Error> {
    let mut by_source: HashMap<_, Vec<_>> = HashMap::new();
    for row in client.query_typed(include_str!("registered.sql"), &[]).await? {
        let tables = row.try_get::<_, i64>("tables")?.unsigned_abs();
        let of_source = by_source.entry(row.try_get("i_id_source")?).or_default();
        of_source.push((row.try_get::<_, Text>("v_schema_name")?.0, tables));
    }
    Ok(by_source)
}

fn coordinate(row: &Row, file: &str, position: &str) -> Result<StoredCoordinate, Error> {
    Ok(StoredCoordinate { file: row.try_get(file)?, position: row.try_get(position)? })
}
