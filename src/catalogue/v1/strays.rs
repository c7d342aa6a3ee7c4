//! Reads what a 1.7 catalogue holds beside sources, batches and tables: objects that are not pg_chameleon's, tables in the
//! wrong place, rows that were discarded. Bounded, whatever the size of the catalogue. Decides nothing.

use crate::facts::postgres::{Discarded, Misplaced, OwnObject, OwnObjects, Strays};
use tokio_postgres::types::Type;
use tokio_postgres::{Error, GenericClient, Row};

/// How many objects or tables of a kind are named; the rest are counted.
const NAMED: i32 = 10;

/// How many discarded rows are looked into.
const LOOKED_INTO: i64 = 500;

/// Reads all of it.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn read(client: &impl GenericClient) -> Result<Strays, Error> {
    let missing = client.query_typed(include_str!("missing_destinations.sql"), &[]).await?;
    Ok(Strays {
        own_objects: own_objects(client).await?,
        misplaced: misplaced(client).await?,
        missing_destinations: missing.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?,
        discarded: discarded(client).await?,
    })
}

async fn own_objects(client: &impl GenericClient) -> Result<OwnObjects, Error> {
    let rows =
        client.query_typed(include_str!("own_objects.sql"), &[(&i64::from(NAMED), Type::INT8)]).await?;
    let object = |row: &Row| {
        Ok(OwnObject { description: row.try_get("description")?, move_out: row.try_get("move")? })
    };
    let count = rows.first().map(|row| row.try_get::<_, i64>("total")).transpose()?.unwrap_or_default();
    Ok(OwnObjects {
        count: count.unsigned_abs(),
        first: rows.iter().map(object).collect::<Result<_, Error>>()?,
    })
}

async fn misplaced(client: &impl GenericClient) -> Result<Vec<Misplaced>, Error> {
    let rows = client.query_typed(include_str!("misplaced_tables.sql"), &[(&NAMED, Type::INT4)]).await?;
    let misplaced = |row: &Row| {
        let owner: Option<i64> = row.try_get("owner_id")?;
        Ok(Misplaced {
            source_id: row.try_get("source_id")?,
            source: row.try_get("source")?,
            schema: row.try_get("schema")?,
            owner: owner.zip(row.try_get("owner")?),
            tables: row.try_get::<_, i64>("tables")?.unsigned_abs(),
            twice: row.try_get::<_, i64>("twice")?.unsigned_abs(),
            first: row.try_get("first")?,
        })
    };
    rows.iter().map(misplaced).collect()
}

/// The rows that 1.8.2 could not store; none when there are none.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn discarded(client: &impl GenericClient) -> Result<Option<Discarded>, Error> {
    let row =
        client.query_typed_one(include_str!("discarded_rows.sql"), &[(&LOOKED_INTO, Type::INT8)]).await?;
    let rows = row.try_get::<_, i64>("rows")?.unsigned_abs();
    if rows == 0 {
        return Ok(None);
    }
    Ok(Some(Discarded {
        rows,
        since: row.try_get::<_, Option<String>>("since")?.unwrap_or_default(),
        until: row.try_get::<_, Option<String>>("until")?.unwrap_or_default(),
        beginnings: row.try_get("beginnings")?,
    }))
}
