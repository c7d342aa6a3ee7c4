//! What `verify` reads in PostgreSQL. §after-verify

use super::KEPT;
use super::compare::{Cells, Column, Key};
use super::form::Form;
use crate::binlog::BinlogCoordinate;
use crate::names::quote_identifier;
use crate::source::{KeyRange, MysqlColumn, RangeDigest};
use crate::structure::identifier;
use futures_util::TryStreamExt;
use std::pin::pin;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};

/// A replicated table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The source that it is registered for.
    pub source: String,
    /// The id of that source.
    pub source_id: i64,
    /// Its schema on MySQL; none when nothing says so.
    pub source_schema: Option<String>,
    /// Its schema in PostgreSQL.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether it is replicated still: 2.0 disables a table that it fails at.
    pub enabled: bool,
}

impl Table {
    /// The table, with its schema in PostgreSQL.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    fn quoted(&self) -> String {
        format!("{}.{}", quote_identifier(&self.schema), quote_identifier(&self.name))
    }
}

/// Which tables are replicated. `statement`: that for the version of the catalogue.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn tables(client: &Client, statement: &str) -> Result<Vec<Table>, Error> {
    let table = |row: &Row| {
        Ok(Table {
            source: row.try_get("source")?,
            source_id: row.try_get("id")?,
            source_schema: row.try_get("source_schema")?,
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            enabled: row.try_get("enabled")?,
        })
    };
    client.query_typed(statement, &[]).await?.iter().map(table).collect()
}

/// The columns of a table, each with its type by its short name, and as a cast takes it.
const COLUMNS: &str = "
    SELECT a.attname::text AS name, CASE WHEN t.typtype = 'd' THEN b.typname ELSE t.typname END::text AS kind,
           pg_catalog.format('%I.%I', n.nspname, t.typname) AS \"cast\"
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
    WHERE a.attrelid = (SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
                        WHERE s.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p'))
      AND a.attnum > 0 AND NOT a.attisdropped";

/// The columns that a table has on MySQL as they are in PostgreSQL, or what is missing. None: there is no
/// such table.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn columns(
    client: &Client,
    table: &Table,
    mysql: &[MysqlColumn],
) -> Result<Option<Result<Vec<Column>, Vec<String>>>, Error> {
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&table.schema, Type::TEXT), (&table.name, Type::TEXT)];
    let rows = client.query_typed(COLUMNS, &parameters).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut there = Vec::new();
    for row in &rows {
        there.push((
            row.try_get::<_, String>("name")?,
            row.try_get::<_, String>("kind")?,
            row.try_get::<_, String>("cast")?,
        ));
    }
    let (mut columns, mut missing) = (Vec::new(), Vec::new());
    for MysqlColumn { name, data_type, bytes, fraction } in mysql {
        let in_postgres = identifier(name);
        match there.iter().find(|(other, _, _)| *other == in_postgres) {
            None => missing.push(name.clone()),
            Some((_, kind, cast)) => columns.push(Column {
                name: name.clone(),
                in_postgres: in_postgres.to_owned(),
                form: Form::of(data_type, kind),
                bytes: *bytes,
                fraction: *fraction,
                kind: kind.clone(),
                cast: cast.clone(),
            }),
        }
    }
    Ok(Some(if missing.is_empty() { Ok(columns) } else { Err(missing) }))
}

/// The expressions of the columns.
fn expressions(columns: &[Column], of: &str) -> String {
    let one = |column: &Column| {
        Form::in_postgres(&format!("{of}{}", quote_identifier(&column.in_postgres)), &column.kind)
    };
    columns.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The rows with these keys: `places` are those of the key among the columns, `keys` the values as MySQL has them.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn rows_by_key(
    client: &Client,
    table: &Table,
    columns: &[Column],
    places: &[usize],
    keys: &[Key],
) -> Result<Vec<Cells>, Error> {
    let key: Vec<&Column> = places.iter().filter_map(|&place| columns.get(place)).collect();
    // As many rows of parameters as there are spellings.
    let mut arrays: Vec<Vec<String>> = vec![Vec::new(); key.len()];
    for values in keys {
        let spelled: Vec<Vec<String>> = key
            .iter()
            .zip(values)
            .map(|(column, value)| column.form.spellings(value.as_deref().unwrap_or_default(), column.bytes))
            .collect();
        let most = spelled.iter().map(Vec::len).max().unwrap_or_default();
        for turn in 0..most {
            for (array, spellings) in arrays.iter_mut().zip(&spelled) {
                array.extend(spellings.get(turn).or(spellings.last()).cloned());
            }
        }
    }
    let unnested: Vec<_> = key
        .iter()
        .enumerate()
        .map(|(at, column)| format!("${}::text[]::{}[]", at + 1, column.cast))
        .collect();
    let joined: Vec<_> = key
        .iter()
        .enumerate()
        .map(|(at, column)| format!("t.{} = k.k{at}", quote_identifier(&column.in_postgres)))
        .collect();
    let names: Vec<_> = (0..key.len()).map(|at| format!("k{at}")).collect();
    let statement = format!(
        "SELECT {} FROM {} t JOIN (SELECT DISTINCT * FROM unnest({}) AS u({})) k ON {}",
        expressions(columns, "t."),
        table.quoted(),
        unnested.join(", "),
        names.join(", "),
        joined.join(" AND ")
    );
    let parameters: Vec<(&(dyn ToSql + Sync), Type)> =
        arrays.iter().map(|array| (array as &(dyn ToSql + Sync), Type::TEXT_ARRAY)).collect();
    client.query_typed(&statement, &parameters).await?.iter().map(|row| cells(row, columns.len())).collect()
}

/// The rows whose key lies behind `after` and not behind `until`, of a table whose key is a whole number; the first `most` of them.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn rows_between(
    client: &Client,
    table: &Table,
    columns: &[Column],
    key: &Column,
    (after, until): (Option<i64>, i64),
    most: u64,
) -> Result<Vec<Cells>, Error> {
    let name = format!("t.{}", quote_identifier(&key.in_postgres));
    let statement = format!(
        "SELECT {} FROM {} t WHERE {name} <= $1{} ORDER BY {name} LIMIT {most}",
        expressions(columns, "t."),
        table.quoted(),
        after.map_or_else(String::new, |_| format!(" AND {name} > $2"))
    );
    let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&until, Type::INT8)];
    parameters.extend(after.as_ref().map(|after| (after as &(dyn ToSql + Sync), Type::INT8)));
    client.query_typed(&statement, &parameters).await?.iter().map(|row| cells(row, columns.len())).collect()
}

/// What digests depend on: how times and numbers are written, and that rows come in the order that they were sorted in.
const FOR_DIGESTS: &str = "
    SELECT current_setting('server_encoding') = 'UTF8', set_config('datestyle', 'ISO, YMD', false),
           set_config('extra_float_digits', '1', false), set_config('max_parallel_workers_per_gather', '0', false)";

/// Prepares the session for making digests; whether they can be MySQL's: of texts in UTF-8.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn prepare_for_digests(client: &Client) -> Result<bool, Error> {
    client.query_typed_one(FOR_DIGESTS, &[]).await?.try_get(0)
}

/// A digest of the rows of a range of keys, and of how many bytes of text it is made. `items`: what stands for each column;
/// `rows`: how many the range has on MySQL. Of far more than that, which are others in any case, the rest is left out.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn range_digest(
    client: &Client,
    table: &Table,
    key: &Column,
    items: &[String],
    (after, until): KeyRange,
    rows: u64,
) -> Result<(RangeDigest, u64), Error> {
    let name = format!("t.{}", quote_identifier(&key.in_postgres));
    let bounds: Vec<(&str, i64)> =
        [(">", after), ("<=", until)].into_iter().filter_map(|(is, key)| Some((is, number(key?)))).collect();
    let condition = bounds
        .iter()
        .enumerate()
        .map(|(at, (is, _))| format!(" AND {name} {is} ${}", at + 1))
        .collect::<String>();
    let statement = format!(
        "SELECT rows, md5(all_rows), coalesce(octet_length(all_rows), 0)::bigint
         FROM (SELECT count(*) AS rows, string_agg({} || ',', '') AS all_rows
               FROM (SELECT * FROM {} t WHERE true{condition} ORDER BY {name} LIMIT {}) t) AS one",
        items.join(" || ',' || "),
        table.quoted(),
        rows.saturating_add(KEPT as u64)
    );
    let parameters: Vec<(&(dyn ToSql + Sync), Type)> =
        bounds.iter().map(|(_, key)| (key as &(dyn ToSql + Sync), Type::INT8)).collect();
    let row = client.query_typed_one(&statement, &parameters).await?;
    let (rows, bytes): (i64, i64) = (row.try_get(0)?, row.try_get(2)?);
    Ok((RangeDigest { rows: rows.unsigned_abs(), digest: row.try_get(1)? }, bytes.unsigned_abs()))
}

/// How many rows a table has.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn count(client: &Client, table: &Table) -> Result<u64, Error> {
    let statement = format!("SELECT count(*) FROM {}", table.quoted());
    client.query_typed_one(&statement, &[]).await?.try_get(0).map(|count: i64| count.unsigned_abs())
}

/// Hands on every row of a table.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn each_row(
    client: &Client,
    table: &Table,
    columns: &[Column],
    mut hand_on: impl FnMut(Cells),
) -> Result<(), Error> {
    let statement = format!("SELECT {} FROM {} t", expressions(columns, "t."), table.quoted());
    let rows = client.query_typed_raw(&statement, Vec::<(String, Type)>::new()).await?;
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await? {
        hand_on(cells(&row, columns.len())?);
    }
    Ok(())
}

/// The keys of a table in PostgreSQL's order, so many of them, from the beginning or behind one.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn keys_behind(
    client: &Client,
    table: &Table,
    key: &[Column],
    last: Option<&Cells>,
    chunk: u64,
) -> Result<Vec<Cells>, Error> {
    let names: Vec<_> =
        key.iter().map(|column| format!("t.{}", quote_identifier(&column.in_postgres))).collect();
    let behind = last.map_or_else(String::new, |_| {
        let casts: Vec<_> = key
            .iter()
            .enumerate()
            .map(|(at, column)| format!("${}::text::{}", at + 1, column.cast))
            .collect();
        format!(" WHERE ({}) > ({})", names.join(", "), casts.join(", "))
    });
    let statement = format!(
        "SELECT {} FROM {} t{behind} ORDER BY {} LIMIT {chunk}",
        expressions(key, "t."),
        table.quoted(),
        names.join(", ")
    );
    let parameters: Vec<(&(dyn ToSql + Sync), Type)> =
        last.into_iter().flatten().map(|value| (value as &(dyn ToSql + Sync), Type::TEXT)).collect();
    client.query_typed(&statement, &parameters).await?.iter().map(|row| cells(row, key.len())).collect()
}

fn cells(row: &Row, columns: usize) -> Result<Cells, Error> {
    (0..columns).map(|at| row.try_get(at)).collect()
}

/// How far a source has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Where it reads on; none when nothing says so.
    pub reads_on: Option<BinlogCoordinate>,
    /// Whether rows wait to be applied.
    pub waiting: bool,
}

/// About how many rows a table has, as PostgreSQL counted last; none when it never has.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn about(client: &Client, table: &Table) -> Result<Option<u64>, Error> {
    let counted = "SELECT c.reltuples::bigint FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = $1 AND c.relname = $2 AND c.reltuples > 0";
    let names = [(&table.schema as _, Type::TEXT), (&table.name as _, Type::TEXT)];
    let row = client.query_typed_opt(counted, &names).await?;
    row.map(|row| row.try_get::<_, i64>(0).map(i64::unsigned_abs)).transpose()
}

/// How far a source has come.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn position(client: &Client, source_id: i64) -> Result<Position, Error> {
    let rows = client.query_typed(include_str!("position.sql"), &[(&source_id, Type::INT8)]).await?;
    let Some(row) = rows.first() else { return Ok(Position { reads_on: None, waiting: false }) };
    let file: Option<String> = row.try_get("file")?;
    let position: Option<i64> = row.try_get("position")?;
    let reads_on =
        file.zip(position).and_then(|(file, position)| BinlogCoordinate::parse(&file, position).ok());
    Ok(Position { reads_on, waiting: row.try_get("waiting")? })
}

/// A whole number as PostgreSQL is to compare with it: its own end where those without a sign go on.
pub(super) fn number(key: i128) -> i64 {
    i64::try_from(key.clamp(i64::MIN.into(), i64::MAX.into())).unwrap_or_default()
}
