//! What `watch` reads in PostgreSQL. §after-watch

use crate::binlog::BinlogCoordinate;
use crate::postgres::Text;
use std::time::Duration;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row};

/// How many disabled tables are named.
const NAMED: i64 = 10;

/// A source, as the catalogue has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: String,
    /// Whether all its tables stand at one point.
    pub consistent: bool,
    /// Whether its daemon is told to pause.
    pub paused: bool,
    /// From where on they will.
    pub consistent_point: Option<BinlogCoordinate>,
    /// Where it reads on.
    pub reads_on: Option<BinlogCoordinate>,
    /// How many batches wait to be applied.
    pub waiting: u64,
    /// The oldest of them, and how much of it is applied: it is another text whenever something was.
    pub applied: Option<String>,
    /// How many tables are replicated.
    pub replicated: u64,
    /// How many are disabled.
    pub disabled: u64,
}

/// A table whose replica is disabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disabled {
    /// The id of its source.
    pub source: i64,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The last error that was logged for it.
    pub message: Option<String>,
}

/// A session of the daemon.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// The id of its server process.
    pub pid: i32,
    /// The name that it bears.
    pub application_name: String,
    /// What it has asked last.
    pub query: String,
    /// Whether the server is at it.
    pub active: bool,
    /// Since when it has been as it is.
    pub seconds: Option<f64>,
    /// Who holds the lock that it waits for.
    pub blockers: Option<String>,
}

impl Session {
    /// Whether it is that of a process that reads, which bears the name of its source from its first batch on.
    #[must_use]
    pub fn reads(&self) -> bool {
        self.application_name.contains("source: ")
    }

    /// Whether it has been as it is for as long.
    #[must_use]
    pub fn for_as_long_as(&self, time: Duration) -> bool {
        self.seconds.is_some_and(|seconds| seconds >= time.as_secs_f64())
    }

    /// Whether nothing has been asked through it for as long.
    #[must_use]
    pub fn is_silent(&self, time: Duration) -> bool {
        !self.active && self.for_as_long_as(time)
    }
}

/// What has been logged of errors, or of rows that could not be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Whether of errors.
    pub errors: bool,
    /// The id of its source, where it is known.
    pub source: Option<i64>,
    /// How many.
    pub number: u64,
    /// What the last of them says.
    pub message: Option<String>,
}

/// What has been stored of MySQL's log for a source, in the batch that is being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The id of the source.
    pub source: i64,
    /// The id of the last row.
    pub last: i64,
    /// The furthest of their events.
    pub until: Option<BinlogCoordinate>,
}

/// How far the logs of the catalogue go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastLogged {
    /// That of errors.
    pub errors: i64,
    /// That of discarded rows.
    pub discarded: i64,
    /// The rows that wait to be applied.
    pub stored: i64,
}

/// All that is seen in PostgreSQL at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The sources.
    pub sources: Vec<Source>,
    /// The first of the tables that are disabled.
    pub disabled: Vec<Disabled>,
    /// The sessions of daemons.
    pub sessions: Vec<Session>,
    /// What was logged since.
    pub logged: Vec<Logged>,
    /// What was stored since.
    pub stored: Vec<Stored>,
}

/// How far the logs of the catalogue go by now.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn last_logged(client: &Client) -> Result<LastLogged, Error> {
    let row = client.query_typed_one(include_str!("last_logged.sql"), &[]).await?;
    Ok(LastLogged {
        errors: row.try_get("errors")?,
        discarded: row.try_get("discarded")?,
        stored: row.try_get("stored")?,
    })
}

/// Looks once. `since`: what was logged behind that.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn look(client: &Client, since: LastLogged) -> Result<Seen, Error> {
    let sources = client.query_typed(include_str!("sources.sql"), &[]).await?;
    let disabled = client.query_typed(include_str!("disabled.sql"), &[(&NAMED, Type::INT8)]).await?;
    let behind = [(&since.errors as _, Type::INT8), (&since.discarded as _, Type::INT8)];
    let logged = client.query_typed(include_str!("logged.sql"), &behind).await?;
    let stored = client.query_typed(include_str!("stored.sql"), &[(&since.stored, Type::INT8)]).await?;
    Ok(Seen {
        sources: sources.iter().map(source).collect::<Result<_, _>>()?,
        disabled: disabled.iter().map(disabled_table).collect::<Result<_, _>>()?,
        logged: logged.iter().map(entries).collect::<Result<_, _>>()?,
        stored: stored.iter().map(rows_stored).collect::<Result<_, _>>()?,
        sessions: sessions(client).await?,
    })
}

/// The sessions of daemons on this database.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn sessions(client: &Client) -> Result<Vec<Session>, Error> {
    let session = |row: &Row| {
        Ok(Session {
            pid: row.try_get("pid")?,
            application_name: row.try_get::<_, Text>("application_name")?.0,
            query: row.try_get::<_, Text>("query")?.0,
            active: row.try_get("active")?,
            seconds: row.try_get("seconds")?,
            blockers: row.try_get::<_, Option<Text>>("blockers")?.map(String::from),
        })
    };
    client.query_typed(include_str!("sessions.sql"), &[]).await?.iter().map(session).collect()
}

fn source(row: &Row) -> Result<Source, Error> {
    let count = |column: &str| {
        row.try_get::<_, Option<i64>>(column).map(|count| count.unwrap_or_default().unsigned_abs())
    };
    Ok(Source {
        id: row.try_get("id")?,
        name: row.try_get::<_, Text>("name")?.0,
        status: row.try_get("status")?,
        consistent: row.try_get("consistent")?,
        paused: row.try_get("paused")?,
        consistent_point: coordinate(row, "point_file", "point_position")?,
        reads_on: coordinate(row, "file", "position")?,
        waiting: count("batches")?,
        applied: row.try_get("applied")?,
        replicated: count("replicated")?,
        disabled: count("disabled")?,
    })
}

fn coordinate(row: &Row, file: &str, position: &str) -> Result<Option<BinlogCoordinate>, Error> {
    let (file, position): (Option<String>, Option<i64>) = (row.try_get(file)?, row.try_get(position)?);
    Ok(file.zip(position).and_then(|(file, position)| BinlogCoordinate::parse(&file, position).ok()))
}

fn disabled_table(row: &Row) -> Result<Disabled, Error> {
    Ok(Disabled {
        source: row.try_get("id")?,
        schema: row.try_get::<_, Text>("schema")?.0,
        name: row.try_get::<_, Text>("name")?.0,
        message: row.try_get::<_, Option<Text>>("message")?.map(String::from),
    })
}

fn rows_stored(row: &Row) -> Result<Stored, Error> {
    Ok(Stored {
        source: row.try_get("id")?,
        last: row.try_get("last")?,
        until: coordinate(row, "file", "position")?,
    })
}

fn entries(row: &Row) -> Result<Logged, Error> {
    Ok(Logged {
        errors: row.try_get::<_, String>("kind")? == "error",
        source: row.try_get("id")?,
        number: row.try_get::<_, i64>("number")?.unsigned_abs(),
        message: row.try_get::<_, Option<Text>>("message")?.map(String::from),
    })
}
