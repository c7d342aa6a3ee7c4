//! Reads a 1.7 catalogue, and what surrounds it on its server, into facts. Decides nothing.

use super::facts::{Dependent, Role, Server, Session, TableExamination, Unfit, UnfitTables};
use super::snapshot::{
    OldBatch, OldSource, OldSourceId, OwnCoordinates, Snapshot, StoredCoordinate, TableSummary,
};
use crate::config::Selection;
use crate::postgres::Text;
use std::collections::{BTreeSet, HashMap};
use tokio_postgres::types::Type;
use tokio_postgres::{Error, GenericClient, Row};

const EXAMINATION: &str = concat!(
    include_str!("examined_tables.sql"),
    "SELECT count(*) FILTER (WHERE too_long),
            (SELECT coalesce(sum(tables), 0)::bigint FROM unreadable),
            count(*) FILTER (WHERE missing), count(*) FILTER (WHERE without_primary_key)
     FROM examined"
);

const EXAMPLES: &str = concat!(
    include_str!("examined_tables.sql"),
    "SELECT source, v_schema_name, v_table_name, key
     FROM examined
     WHERE CASE $1::text WHEN 'too_long' THEN too_long WHEN 'unreadable_key' THEN unreadable_key
                         WHEN 'missing' THEN missing ELSE without_primary_key END
     LIMIT $2"
);

/// How many tables of a kind are named; the rest are counted.
const NAMED: i64 = 10;

/// Reads what is known of the server before anything of the catalogue is touched.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn server(client: &impl GenericClient) -> Result<Server, Error> {
    let row = client.query_typed_one(include_str!("server.sql"), &[]).await?;
    let version: i32 = row.try_get("version_number")?;
    Ok(Server {
        version_number: version.unsigned_abs(),
        version: row.try_get("version")?,
        database: row.try_get("database")?,
        in_recovery: row.try_get("in_recovery")?,
        read_only: row.try_get("read_only")?,
        role: Role {
            name: row.try_get("role")?,
            may_create_schemas: row.try_get("may_create_schemas")?,
            owns_schema: row.try_get::<_, Option<bool>>("owns_schema")?.unwrap_or(false),
            not_owned: row.try_get("not_owned")?,
        },
        schema_owner: row.try_get("owner")?,
        has_version: row.try_get("has_version")?,
        leftovers: row.try_get("leftovers")?,
    })
}

/// Reads the `v_version` of a schema; none when it has no row, or NULL in it.
///
/// # Errors
/// What PostgreSQL answers, also when the view is another one than pg_chameleon's.
pub async fn version(client: &impl GenericClient, schema: &str) -> Result<Option<String>, Error> {
    let query = format!("SELECT t_version::text FROM {schema}.v_version LIMIT 1");
    let row = client.query_typed_opt(&query, &[]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.flatten())
}

/// Reads the sources, their batches and the sums over their tables.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn snapshot(client: &impl GenericClient) -> Result<Snapshot, Error> {
    let sources = client.query_typed(include_str!("sources.sql"), &[]).await?;
    let mut batches = batches(client).await?;
    let mut tables = tables(client).await?;
    let source = |row: &Row| {
        let id = OldSourceId(row.try_get("i_id_source")?);
        Ok(OldSource {
            id,
            name: row.try_get::<_, Text>("t_source")?.0,
            source_schema: row.try_get::<_, Option<Text>>("t_source_schema")?.map(String::from),
            dest_schema: row.try_get::<_, Text>("t_dest_schema")?.0,
            status: row.try_get("enm_status")?,
            last_received: row.try_get("ts_last_received")?,
            last_replay: row.try_get("ts_last_replay")?,
            batches: batches.remove(&id).unwrap_or_default(),
            tables: tables.remove(&id).unwrap_or_default(),
        })
    };
    Ok(Snapshot { sources: sources.iter().map(source).collect::<Result<_, Error>>()? })
}

async fn batches(client: &impl GenericClient) -> Result<HashMap<OldSourceId, Vec<OldBatch>>, Error> {
    let mut by_source: HashMap<_, Vec<_>> = HashMap::new();
    for row in client.query_typed(include_str!("batches.sql"), &[]).await? {
        by_source.entry(OldSourceId(row.try_get("i_id_source")?)).or_default().push(OldBatch {
            id: row.try_get("i_id_batch")?,
            coordinate: StoredCoordinate {
                file: row.try_get("t_binlog_name")?,
                position: row.try_get("i_binlog_position")?,
            },
            started: row.try_get("b_started")?,
            processed: row.try_get("b_processed")?,
            replayed: row.try_get("b_replayed")?,
            created: row.try_get("ts_created")?,
            listed: row.try_get("listed")?,
            waiting: row.try_get::<_, i64>("waiting")?.unsigned_abs(),
            has_rows: row.try_get("has_rows")?,
            tables_named: texts(row.try_get("tables_named")?),
        });
    }
    Ok(by_source)
}

fn texts(texts: Vec<Text>) -> Vec<String> {
    texts.into_iter().map(String::from).collect()
}

async fn tables(client: &impl GenericClient) -> Result<HashMap<OldSourceId, TableSummary>, Error> {
    let mut by_source: HashMap<_, TableSummary> = HashMap::new();
    for row in client.query_typed(include_str!("tables.sql"), &[]).await? {
        let summary = by_source.entry(OldSourceId(row.try_get("i_id_source")?)).or_default();
        let file: Option<String> = row.try_get("t_binlog_name")?;
        let halves = row.try_get::<_, i64>("halves")?.unsigned_abs();
        summary.count += row.try_get::<_, i64>("tables")?.unsigned_abs();
        if file.is_some() || halves > 0 {
            summary.own_coordinates.push(OwnCoordinates {
                furthest: StoredCoordinate { file, position: row.try_get("largest_position")? },
                smallest_position: row.try_get("smallest_position")?,
                halves,
            });
        }
    }
    Ok(by_source)
}

/// Looks for tables that the 2.0 catalogue can't take, or that are not what they should be in their
/// destination schema.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn examine_tables(client: &impl GenericClient) -> Result<TableExamination, Error> {
    let row = client.query_typed_one(EXAMINATION, &[]).await?;
    let mut kinds = Vec::new();
    for (column, kind) in ["too_long", "unreadable_key", "missing", "without_primary_key"].iter().enumerate()
    {
        let count = row.try_get::<_, i64>(column)?.unsigned_abs();
        let first = if count == 0 { vec![] } else { examples(client, kind).await? };
        kinds.push(UnfitTables { count, first });
    }
    let mut kinds = kinds.into_iter();
    let mut next = || kinds.next().unwrap_or_default();
    Ok(TableExamination {
        too_long: next(),
        unreadable_key: next(),
        missing: next(),
        without_primary_key: next(),
    })
}

async fn examples(client: &impl GenericClient, kind: &str) -> Result<Vec<Unfit>, Error> {
    let unfit = |row: &Row| {
        Ok(Unfit {
            source: row.try_get::<_, Text>("source")?.0,
            schema: row.try_get::<_, Text>("v_schema_name")?.0,
            table: row.try_get::<_, Text>("v_table_name")?.0,
            key: row.try_get::<_, Option<Text>>("key")?.map(String::from),
        })
    };
    client
        .query_typed(EXAMPLES, &[(&kind, Type::TEXT), (&NAMED, Type::INT8)])
        .await?
        .iter()
        .map(unfit)
        .collect()
}

/// Those of the replicated tables that a selection of the configuration names, for a source that maps the schemas
/// `mapped`: how many, and the first of them, by their names on MySQL.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn selected_tables(
    client: &impl GenericClient,
    mapped: &[&str],
    selection: &Selection,
) -> Result<(u64, Vec<(String, String)>), Error> {
    let schemas: Vec<_> = selection.schemas.iter().map(String::as_str).collect();
    let halves = |pairs: &'_ BTreeSet<(String, String)>| -> (Vec<String>, Vec<String>) {
        pairs.iter().cloned().unzip()
    };
    let (but_schemas, but_names) = halves(&selection.but);
    let (table_schemas, table_names) = halves(&selection.tables);
    let texts = Type::TEXT_ARRAY;
    let rows = client
        .query_typed(
            include_str!("selected_tables.sql"),
            &[
                (&mapped, texts.clone()),
                (&schemas, texts.clone()),
                (&but_schemas, texts.clone()),
                (&but_names, texts.clone()),
                (&table_schemas, texts.clone()),
                (&table_names, texts),
                (&NAMED, Type::INT8),
            ],
        )
        .await?;
    let count = rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>("tables"))?;
    let name = |row: &Row| Ok((row.try_get("schema")?, row.try_get("name")?));
    Ok((count.unsigned_abs(), rows.iter().map(name).collect::<Result<_, Error>>()?))
}

/// Looks for other sessions of pg_chameleon on this database.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn sessions(client: &impl GenericClient) -> Result<Vec<Session>, Error> {
    let session = |row: &Row| {
        Ok(Session {
            pid: row.try_get("pid")?,
            role: row.try_get("role")?,
            application_name: row.try_get("application_name")?,
            client: row.try_get("client")?,
        })
    };
    client.query_typed(include_str!("sessions.sql"), &[]).await?.iter().map(session).collect()
}

/// Looks for objects in other schemas that refer to objects of the catalogue.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn dependents(client: &impl GenericClient) -> Result<Vec<Dependent>, Error> {
    let dependent = |row: &Row| {
        Ok(Dependent {
            object: row.try_get::<_, Text>("dependent")?.0,
            depends_on: row.try_get::<_, Text>("depends_on")?.0,
        })
    };
    client.query_typed(include_str!("dependents.sql"), &[]).await?.iter().map(dependent).collect()
}
