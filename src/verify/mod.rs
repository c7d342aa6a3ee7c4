//! Compares replicated tables with MySQL, row by row, without a lock and without a snapshot that lasts: §after-verify.
//!
//! A table is read on MySQL in chunks by its key. Where the key is one whole number, both servers make a digest of each chunk, and
//! its rows are read only where these differ. Elsewhere the rows of the same keys are looked up in PostgreSQL, so the
//! two servers need not agree on an order of keys. What is in PostgreSQL alone is found by the numbers, and looked for from
//! there. On a replica that moves, a row that differs is looked at again until the replica has passed the place of MySQL's log
//! at which the row was read.

mod chunks;
pub mod compare;
mod digest;
pub mod discarded;
pub mod form;
mod reading;
pub mod replica;
pub mod settle;
pub mod state;

use crate::config::{Configuration, MysqlConnection, NewSource};
use crate::facts::mysql::Question;
use crate::mapping::MappingPair;
use crate::names::quote_mysql_identifier;
use crate::source::{self, Definition, KeyColumn, KeyKind, Session, TableQuery};
use compare::{Column, Difference, Digest, Key};
use form::Form;
use replica::Table;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, Error};

/// How many rows that differ are kept of a table, to be looked at again and to be named.
pub const KEPT: usize = 1000;

/// How often a table is read at most, of which more rows differ than are kept.
const LOOKS: usize = 5;

/// How the tables are read.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How many rows a statement reads.
    pub chunk: u64,
    /// The most rows a second that are read on MySQL; none: as many as it gives.
    pub rows_a_second: Option<u64>,
    /// Whether every row is read and compared by value; else only those of chunks whose digests differ.
    pub exact: bool,
}

/// What was seen of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Compared {
    /// The source that it is registered for.
    pub source: String,
    /// Its schema and name in PostgreSQL.
    pub table: String,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How many rows it has on MySQL.
    pub rows: u64,
    /// How many of them were compared by digests that both servers made, if any; the others were by value.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub rows_by_digest: u64,
    /// How long it took, in seconds.
    #[serde(serialize_with = "seconds", rename = "seconds")]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub took: Duration,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn seconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}

/// Whether a table equals the one on MySQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It does.
    Equal,
    /// It is on neither side any more: neither version takes a table off its list when MySQL drops it.
    Gone,
    /// It does not.
    Unequal {
        /// In what.
        what: Vec<String>,
        /// In how many rows, where they were told apart; at least, when there were too many to keep.
        rows_that_differ: u64,
    },
    /// Rows differ that the replica may have yet to read.
    Undecided {
        /// Why it was not decided.
        why: String,
        /// How many.
        rows_that_differ: u64,
    },
    /// It could not be compared.
    NotCompared {
        /// Why.
        why: String,
    },
}

impl Verdict {
    /// Whether there is nothing to be compared again.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        !matches!(self, Self::Undecided { .. } | Self::NotCompared { .. })
    }
}

/// Why nothing can be said of a table any more, or of any.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// PostgreSQL.
    #[error("PostgreSQL: {}", crate::postgres::describe(.0))]
    Postgres(#[from] Error),
    /// MySQL.
    #[error("MySQL: {0}")]
    Mysql(#[from] Question),
    /// The session with MySQL was lost.
    #[error("the session with MySQL was lost")]
    Lost,
}

/// What is known of a table of which a part was read: what is behind a key is yet to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The key of the last row that was read, as MySQL writes it.
    pub behind: Key,
    /// How many rows were read.
    pub rows: u64,
    /// How many of them by digests.
    #[serde(default)]
    by_digest: u64,
    matched: u64,
    found: Vec<Difference>,
    more: u64,
    /// Whether PostgreSQL is to be looked through for what it has alone, whatever the numbers say.
    #[serde(default)]
    alone: bool,
}

/// Whoever is told how far the reading of a table has come.
pub trait Observer {
    /// So much is known of it now.
    fn read(&self, part: &Part);
}

/// Where a table is to be found on MySQL.
pub struct OnMysql<'a> {
    /// The source of the configuration.
    pub source: &'a NewSource,
    /// Its server.
    pub connection: &'a MysqlConnection,
    /// The schema there.
    pub schema: String,
}

/// Where the configuration says that a table is on MySQL.
#[must_use]
pub fn on_mysql<'a>(configuration: &'a Configuration, table: &Table) -> Option<OnMysql<'a>> {
    configuration.sources.iter().find_map(|source| {
        let is_it = |pair: &&MappingPair| {
            pair.dest_schema == table.schema
                && table.source_schema.as_ref().is_none_or(|schema| *schema == pair.source_schema)
        };
        let pair = source.schema_mappings.iter().find(is_it)?;
        let connection = source.mysql.as_ref()?;
        Some(OnMysql { source, connection, schema: pair.source_schema.clone() })
    })
}

/// A table as both sides have it.
pub(crate) struct Sides<'a> {
    client: &'a Client,
    table: &'a Table,
    query: TableQuery,
    columns: Vec<Column>,
    /// The places of the key among the columns; none when rows can't be found by it.
    places: Vec<usize>,
    /// The key, where it is one whole number, which both sides order alike.
    number: Option<Column>,
}

/// Compares one table. Gives the session back for the next one. `from`: what is known of it from before.
///
/// # Errors
/// [`VerifyError`] when either server can't go on.
pub async fn table(
    client: &Client,
    table: &Table,
    on_mysql: &OnMysql<'_>,
    session: Session,
    pace: Pace,
    from: Option<Part>,
    observer: &dyn Observer,
) -> Result<(Session, Compared), VerifyError> {
    let began = Instant::now();
    let compared = |verdict, (rows, rows_by_digest)| Compared {
        source: table.source.clone(),
        table: table.title(),
        verdict,
        rows,
        rows_by_digest,
        took: began.elapsed(),
    };
    let (session, definition) = source::definition(session, &on_mysql.schema, &table.name).await?;
    if definition.columns.is_empty() {
        let verdict = match replica::columns(client, table, &[]).await? {
            None => Verdict::Gone,
            Some(_) => {
                let what = vec![format!("it is not on MySQL (schema {})", on_mysql.schema)];
                Verdict::Unequal { what, rows_that_differ: 0 }
            }
        };
        return Ok((session, compared(verdict, (0, 0))));
    }
    let columns = match replica::columns(client, table, &definition.columns).await? {
        Some(Ok(columns)) => columns,
        Some(Err(missing)) => {
            let what = vec![format!("it has no column {} in PostgreSQL", missing.join(", "))];
            return Ok((session, compared(Verdict::Unequal { what, rows_that_differ: 0 }, (0, 0))));
        }
        None => {
            let what = vec!["it is not in PostgreSQL".to_owned()];
            return Ok((session, compared(Verdict::Unequal { what, rows_that_differ: 0 }, (0, 0))));
        }
    };
    let sides = Sides::of(client, table, &on_mysql.schema, &definition, columns, pace);
    let (session, verdict, rows) = if sides.places.is_empty() {
        let (session, verdict, rows) = settle::whole(&sides, on_mysql, session, pace).await?;
        (session, verdict, (rows, 0))
    } else {
        by_rows(&sides, on_mysql, session, pace, (from, observer)).await?
    };
    Ok((session, compared(if table.enabled { verdict } else { disabled(verdict) }, rows)))
}

/// Row by row; with how many rows there are on MySQL, and how many of them were compared by digests.
async fn by_rows(
    sides: &Sides<'_>,
    on_mysql: &OnMysql<'_>,
    mut session: Session,
    pace: Pace,
    (mut from, observer): (Option<Part>, &dyn Observer),
) -> Result<(Session, Verdict, (u64, u64)), VerifyError> {
    let mut differed = (0, (0, 0));
    for _ in 0..LOOKS {
        let (back, look) = sides.chunks(session, pace, from.take(), observer).await?;
        let rows = (look.rows, look.by_digest);
        if look.found.is_empty() {
            return Ok((back, Verdict::Equal, rows));
        }
        differed = (look.found.len() as u64 + look.more, rows);
        let (back, verdict) = settle::rows(sides, on_mysql, back, look).await?;
        if let Some(verdict) = verdict {
            return Ok((back, verdict, differed.1));
        }
        // What was kept has come since; of what was not kept, nothing is known.
        session = back;
    }
    let (rows_that_differ, rows) = differed;
    let why = "each time that the table was read, more differed than can be looked at again".to_owned();
    Ok((session, Verdict::Undecided { why, rows_that_differ }, rows))
}

fn disabled(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Unequal { mut what, rows_that_differ } => {
            what.insert(0, "its replication is disabled".to_owned());
            Verdict::Unequal { what, rows_that_differ }
        }
        other => other,
    }
}

/// What reading a table has found.
struct Look {
    rows: u64,
    by_digest: u64,
    found: Vec<Difference>,
    /// So many more differ.
    more: u64,
}

impl Look {
    fn take(&mut self, found: Vec<Difference>) {
        let room = KEPT.saturating_sub(self.found.len());
        self.more += found.len().saturating_sub(room) as u64;
        self.found.extend(found.into_iter().take(room));
    }
}

impl<'a> Sides<'a> {
    fn of(
        client: &'a Client,
        table: &'a Table,
        schema: &str,
        definition: &Definition,
        columns: Vec<Column>,
        pace: Pace,
    ) -> Self {
        let place = |name: &String| columns.iter().position(|column| column.name == *name);
        let places: Vec<usize> = definition.key.iter().filter_map(place).collect();
        let finds = |place: &usize| columns.get(*place).is_some_and(|column| column.form.finds_rows());
        let places = if places.iter().all(finds) { places } else { vec![] };
        let kind = |form, bytes: Option<u64>| match form {
            Form::Bytes => KeyKind::Bytes,
            Form::PaddedBytes => KeyKind::PaddedBytes(bytes.unwrap_or(1)),
            _ => KeyKind::Plain,
        };
        let key =
            places.iter().filter_map(|&place| Some((columns.get(place)?, definition.columns.get(place)?)));
        let orders = |place: &usize| columns.get(*place).is_some_and(|column| column.form.orders_rows());
        let chunk = (!places.is_empty() && places.iter().all(orders)).then_some(pace.chunk);
        let query = TableQuery {
            schema: schema.to_owned(),
            table: table.name.clone(),
            expressions: columns
                .iter()
                .map(|column| column.form.on_mysql(&quote_mysql_identifier(&column.name)))
                .collect(),
            key: key
                .map(|(it, on)| KeyColumn { name: it.name.clone(), kind: kind(it.form, on.bytes) })
                .collect(),
            chunk,
            behind: None,
            until: None,
        };
        let number = match places[..] {
            [place] => columns.get(place).filter(|column| {
                column.form == Form::Integer && ["int2", "int4", "int8"].contains(&column.kind.as_str())
            }),
            _ => None,
        };
        Self { client, table, query, number: number.cloned(), columns, places }
    }

    /// A number for all rows of MySQL.
    async fn digest_of_mysql(&self, session: Session, pace: Pace) -> Result<(Session, Digest), VerifyError> {
        let mut digest = Digest::default();
        let mut rows = source::table_rows(self.query.clone(), session);
        let began = Instant::now();
        while let Some(part) = rows.received.recv().await {
            part?.iter().for_each(|row| digest.add(&self.columns, row));
            pace.wait(began, digest.rows).await;
        }
        Ok((rows.session().await.ok_or(VerifyError::Lost)?, digest))
    }

    /// The same of PostgreSQL's.
    async fn digest_of_postgres(&self) -> Result<Digest, VerifyError> {
        let mut digest = Digest::default();
        let add = |row: compare::Cells| digest.add(&self.columns, &row);
        replica::each_row(self.client, self.table, &self.columns, add).await?;
        Ok(digest)
    }
}

impl Pace {
    /// Waits until so many rows may have been read since then.
    async fn wait(&self, began: Instant, rows: u64) {
        let Some(most) = self.rows_a_second.filter(|most| *most > 0) else { return };
        #[expect(clippy::cast_precision_loss, reason = "it is a time to wait")]
        let due = Duration::from_secs_f64(rows as f64 / most as f64);
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
    }
}
