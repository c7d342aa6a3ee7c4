//! Reads a 1.7 catalogue, and what surrounds it on its server, into facts. Decides nothing.

use crate::batches::{self, Between, Gap, Sorted};
use crate::binlog::BinlogCoordinate;
use crate::config::Selection;
use crate::facts::postgres::{Dependent, Role, Server, Session, TableExamination, Unfit, UnfitTables};
use crate::facts::snapshot::{
    Batches, Named, OldBatch, OldSource, OldSourceId, OwnCoordinates, Snapshot, StoredCoordinate,
    StoredTwice, Succession, TableSummary, Waiting,
};
use crate::identity::KeptPlaces;
use crate::names::SCHEMA;
use crate::postgres::Text;
use crate::structure::{Column, InPostgres};
use std::collections::{BTreeSet, HashMap};
use tokio_postgres::types::{ToSql, Type};
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
     ORDER BY source, v_schema_name, v_table_name
     LIMIT $2"
);

/// How many tables, or batches, of a kind are named; the rest are counted.
const NAMED: i64 = 10;

/// How many open batches of a source are looked at. Each is the trace of a crash, and all that are live are of crashes in
/// a row between which nothing was applied.
const OPEN_BATCHES: i64 = 30;

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
        awaited_standbys: row.try_get("awaited_standbys")?,
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

/// Reads the sources, and the sums over their batches, tables and waiting events. `heard`: what MySQL's log has said of gaps
/// between batches.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn snapshot(client: &impl GenericClient, heard: &[(Gap, Between)]) -> Result<Snapshot, Error> {
    snapshot_of(client, SCHEMA, heard).await
}

/// The same of a 1.7 catalogue that stands in another schema.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn snapshot_of(
    client: &impl GenericClient,
    schema: &str,
    heard: &[(Gap, Between)],
) -> Result<Snapshot, Error> {
    let sources = client.query_typed(&within(schema, include_str!("sources.sql")), &[]).await?;
    let mut of_sources = batches(client, schema).await?;
    let mut waiting = waiting(client, schema).await?;
    let mut tables = tables(client, schema).await?;
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
            batches: of_sources.remove(&id).unwrap_or_default(),
            waiting: waiting.remove(&id).unwrap_or_default(),
            tables: tables.remove(&id).unwrap_or_default(),
        })
    };
    let mut snapshot = Snapshot { sources: sources.iter().map(source).collect::<Result<_, Error>>()? };
    stored_twice(client, schema, &mut snapshot.sources).await?;
    for source in &mut snapshot.sources {
        batches::take_heard(&mut source.batches, heard);
    }
    rows_of_batches(client, schema, &mut snapshot).await?;
    Ok(snapshot)
}

/// A statement on the catalogue in `schema`.
fn within(schema: &str, sql: &str) -> String {
    sql.replace("sch_chameleon.", &format!("{schema}."))
}

/// What the log tables say of batches, once the rule has told which are live and which are orphans.
async fn rows_of_batches(
    client: &impl GenericClient,
    schema: &str,
    snapshot: &mut Snapshot,
) -> Result<(), Error> {
    let (mut telling, mut lost) = (Vec::new(), Vec::new());
    for source in &snapshot.sources {
        let sorted = Sorted::of(&source.batches);
        telling.extend(sorted.telling());
        lost.extend(sorted.orphans.iter().chain(&sorted.unproven).map(|batch| batch.id));
        lost.extend(source.waiting.stored_twice.iter().map(|twice| twice.batch));
    }
    let first_rows =
        if telling.is_empty() { HashMap::new() } else { first_rows(client, schema, &telling).await? };
    let tables =
        if lost.is_empty() { HashMap::new() } else { tables_of_batches(client, schema, &lost).await? };
    let named = |batch: i64| tables.get(&batch).cloned().unwrap_or_default();
    for source in &mut snapshot.sources {
        source.tables.first_rows = first_rows.get(&source.id).cloned().unwrap_or_default();
        for batch in source.batches.newest.iter_mut().chain(&mut source.batches.open) {
            batch.tables = named(batch.id);
        }
        for twice in &mut source.waiting.stored_twice {
            twice.tables = named(twice.batch);
        }
    }
    Ok(())
}

/// What the rule of batches needs of each source of the catalogue in `schema`, 1.7 or 2.0: both have them alike.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn batches(
    client: &impl GenericClient,
    schema: &str,
) -> Result<HashMap<OldSourceId, Batches>, Error> {
    let mut by_source: HashMap<_, Batches> = HashMap::new();
    let sql = within(schema, include_str!("batches.sql"));
    for row in client.query_typed(&sql, &[(&OPEN_BATCHES, Type::INT8)]).await? {
        let batches = by_source.entry(OldSourceId(row.try_get("i_id_source")?)).or_default();
        let batch = batch(&row)?;
        if row.try_get("is_newest")? {
            batches.newest = Some(batch);
            let before = coordinate(&row, "before_file", "before_position")?;
            batches.furthest_before = before.file.is_some().then_some(before);
        } else {
            batches.open.push(batch);
            let all = row.try_get::<_, i64>("open")?.unsigned_abs();
            batches.more_open = all.saturating_sub(batches.open.len() as u64);
        }
    }
    Ok(by_source)
}

fn batch(row: &Row) -> Result<OldBatch, Error> {
    let gone = |column: &str| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
    Ok(OldBatch {
        id: row.try_get("i_id_batch")?,
        coordinate: coordinate(row, "t_binlog_name", "i_binlog_position")?,
        processed: row.try_get("b_processed")?,
        applied: row.try_get("applied")?,
        followed_by_applied: row.try_get("by_applied")?,
        last_row: if row.try_get("has_rows")? {
            Some(coordinate(row, "row_file", "row_position")?)
        } else {
            None
        },
        stored_twice: false,
        discarded: row.try_get("discarded")?,
        succession: if row.try_get("has_next")? {
            Some(Succession {
                next: coordinate(row, "next_file", "next_position")?,
                clock_put_back: row.try_get("clock_put_back")?,
                gone_before_next: gone("gone_before")?,
                gone_after_next: gone("gone_after")?,
                until: coordinate(row, "until_file", "until_position")?,
                log_is_silent: None,
            })
        } else {
            None
        },
        tables: Named::default(),
    })
}

fn coordinate(row: &Row, file: &str, position: &str) -> Result<StoredCoordinate, Error> {
    Ok(StoredCoordinate { file: row.try_get(file)?, position: row.try_get(position)? })
}

async fn waiting(client: &impl GenericClient, schema: &str) -> Result<HashMap<OldSourceId, Waiting>, Error> {
    let mut by_source: HashMap<_, Waiting> = HashMap::new();
    for row in client.query_typed(&within(schema, include_str!("waiting.sql")), &[]).await? {
        let number = |column: &str| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
        let first: Option<i64> = row.try_get("first_passed_over")?;
        let of_first = row.try_get::<_, Option<i64>>("events_passed_over")?.unwrap_or_default();
        let waiting = Waiting {
            batches: number("batches")?,
            events: number("events")?,
            passed_over: number("passed_over")?,
            first_passed_over: first.map(|id| (id, of_first.unsigned_abs())),
            stored_twice: vec![],
        };
        by_source.insert(OldSourceId(row.try_get("i_id_source")?), waiting);
    }
    Ok(by_source)
}

/// Marks the batches whose rows were stored twice, of those that wait and those that are open.
async fn stored_twice(
    client: &impl GenericClient,
    schema: &str,
    sources: &mut [OldSource],
) -> Result<(), Error> {
    let open = sources.iter().flat_map(|source| &source.batches.open);
    let open: Vec<i64> = open.filter(|batch| !batch.followed_by_applied).map(|batch| batch.id).collect();
    if open.is_empty() && sources.iter().all(|source| source.waiting.batches == 0) {
        return Ok(());
    }
    let parameters = [(&open as &(dyn ToSql + Sync), Type::INT8_ARRAY), (&NAMED, Type::INT8)];
    for row in client.query_typed(&within(schema, include_str!("stored_twice.sql")), &parameters).await? {
        let (id, batch) = (OldSourceId(row.try_get("i_id_source")?), row.try_get("i_id_batch")?);
        let Some(source) = sources.iter_mut().find(|source| source.id == id) else { continue };
        match source.batches.open.iter_mut().find(|open| open.id == batch) {
            Some(open) => open.stored_twice = true,
            None => source.waiting.stored_twice.push(StoredTwice { batch, tables: Named::default() }),
        }
    }
    Ok(())
}

/// Reads, for each source, the places of kept batches by which its server can be known.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn kept_places(
    client: &impl GenericClient,
    snapshot: &Snapshot,
) -> Result<HashMap<OldSourceId, KeptPlaces>, Error> {
    let newest = snapshot.sources.iter().filter_map(|source| source.batches.newest.as_ref());
    let newest: Vec<i64> = newest.map(|batch| batch.id).collect();
    let mut by_source = HashMap::new();
    for row in client.query_typed(include_str!("kept_places.sql"), &[(&newest, Type::INT8_ARRAY)]).await? {
        let place =
            |file, position| Ok(Some(coordinate(&row, file, position)?).filter(|place| place.file.is_some()));
        let kept = KeptPlaces {
            unprocessed: place("unprocessed_file", "unprocessed_position")?,
            before: place("before_file", "before_position")?,
        };
        by_source.insert(OldSourceId(row.try_get("i_id_source")?), kept);
    }
    Ok(by_source)
}

/// The tables that the rows of these batches name, of the catalogue in `schema`, 1.7 or 2.0.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn tables_of_batches(
    client: &impl GenericClient,
    schema: &str,
    batches: &Vec<i64>,
) -> Result<HashMap<i64, Named>, Error> {
    let parameters = [(batches as &(dyn ToSql + Sync), Type::INT8_ARRAY), (&NAMED, Type::INT8)];
    let named = |row: &Row| {
        let count = row.try_get::<_, i64>("tables")?.unsigned_abs();
        Ok((row.try_get("i_id_batch")?, Named { first: texts(row.try_get("first")?), count }))
    };
    let sql = within(schema, include_str!("tables_of_batches.sql"));
    let rows = client.query_typed(&sql, &parameters).await?;
    rows.iter().map(named).collect()
}

async fn first_rows(
    client: &impl GenericClient,
    schema: &str,
    batches: &Vec<i64>,
) -> Result<HashMap<OldSourceId, Vec<BinlogCoordinate>>, Error> {
    let mut by_source: HashMap<_, Vec<_>> = HashMap::new();
    let sql = within(schema, include_str!("first_rows.sql"));
    for row in client.query_typed(&sql, &[(batches, Type::INT8_ARRAY)]).await? {
        let first = by_source.entry(OldSourceId(row.try_get("i_id_source")?)).or_default();
        // The query passes over what can't be read.
        first.extend(coordinate(&row, "t_binlog_name", "i_binlog_position")?.read().ok());
    }
    Ok(by_source)
}

fn texts(texts: Vec<Text>) -> Vec<String> {
    texts.into_iter().map(String::from).collect()
}

async fn tables(
    client: &impl GenericClient,
    schema: &str,
) -> Result<HashMap<OldSourceId, TableSummary>, Error> {
    let mut by_source: HashMap<_, TableSummary> = HashMap::new();
    for row in client.query_typed(&within(schema, include_str!("tables.sql")), &[]).await? {
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

/// Of the replicated tables of a source with these names, what each looks like in its destination schema; without those
/// that are not there.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn destinations(
    client: &impl GenericClient,
    source: OldSourceId,
    schema: &str,
    names: &[&str],
) -> Result<HashMap<String, InPostgres>, Error> {
    let parameters: [(&(dyn ToSql + Sync), Type); 3] =
        [(&source.0, Type::INT8), (&schema, Type::TEXT), (&names, Type::TEXT_ARRAY)];
    let rows = client.query_typed(include_str!("destinations.sql"), &parameters).await?;
    rows.iter().map(|row| Ok((row.try_get::<_, Text>("v_table_name")?.0, in_postgres(row)?))).collect()
}

fn in_postgres(row: &Row) -> Result<InPostgres, Error> {
    let names: Option<Vec<Text>> = row.try_get("names")?;
    let kinds: Option<Vec<Text>> = row.try_get("kinds")?;
    let required: Option<Vec<bool>> = row.try_get("required")?;
    let labels: Option<Vec<Option<Text>>> = row.try_get("labels")?;
    let columns = names.unwrap_or_default().into_iter().zip(kinds.unwrap_or_default());
    let columns = columns.zip(required.unwrap_or_default()).zip(labels.unwrap_or_default());
    let of_json = |labels: Text| serde_json::from_str(&labels.0).ok();
    Ok(InPostgres {
        columns: columns
            .map(|(((name, kind), required), labels)| Column {
                name: name.0,
                kind: kind.0,
                labels: labels.and_then(of_json),
                required,
            })
            .collect(),
        key: texts(row.try_get("key")?).into_iter().collect(),
        registered: row
            .try_get::<_, Option<Vec<Text>>>("registered")?
            .map(|names| texts(names).into_iter().collect()),
    })
}

/// Those of the names that occur in definitions that wait to be replayed.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn redefined(client: &impl GenericClient, names: &[&str]) -> Result<BTreeSet<String>, Error> {
    let rows = client.query_typed(include_str!("redefined.sql"), &[(&names, Type::TEXT_ARRAY)]).await?;
    crate::postgres::texts(&rows)
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

/// Looks for objects in other schemas that refer to objects of the catalogue in `schema`.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn dependents(client: &impl GenericClient, schema: &str) -> Result<Vec<Dependent>, Error> {
    let dependent = |row: &Row| {
        Ok(Dependent {
            object: row.try_get::<_, Text>("dependent")?.0,
            depends_on: row.try_get::<_, Text>("depends_on")?.0,
        })
    };
    client
        .query_typed(include_str!("dependents.sql"), &[(&schema, Type::TEXT)])
        .await?
        .iter()
        .map(dependent)
        .collect()
}
