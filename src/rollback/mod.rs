//! Undoes a successful upgrade: §way-back. The 1.7 catalogue, which the upgrade has put aside,
//! takes its place again, and the 2.0 one is kept as `_sch_chameleon_version2`, in one transaction.

pub mod checks;
pub mod ending;

use crate::catalogue::v1::read;
use crate::catalogue::version;
use crate::config::PostgresConnection;
use crate::facts::postgres::{CatalogueVersion, Server};
use crate::finding::{Finding, has_errors};
use crate::names::{SCHEMA, VERSION1, VERSION2};
use crate::outcome::{self, Change, Outcome, Sent, Undone};
use crate::postgres;
use checks::{Examined, Options, Progress};
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

/// How a rollback ended.
#[derive(Debug)]
pub struct Ended {
    /// What failed, if anything did.
    pub failure: Option<Failure>,
    /// What became of the catalogue.
    pub outcome: Outcome,
}

/// Why a rollback was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server refused a statement, or the connection was lost.
    #[error("{}", postgres::describe(.0))]
    Postgres(#[from] Error),
    /// The lock on the catalogues was not obtained in time.
    #[error(
        "{}: the catalogues' tables are locked: {}. Wait until the lock is gone, or end what holds it",
        postgres::describe(error),
        if holders.is_empty() { "who held them is gone by now".to_owned() } else { format!("they are held by {}", holders.join(", ")) }
    )]
    Locked {
        /// The server's answer.
        error: Error,
        /// Who holds locks.
        holders: Vec<String>,
    },
}

/// Reads what the decision needs beside the server's facts.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn examine(client: &Client, server: Server, options: Options) -> Result<Examined, Error> {
    let sessions = read::sessions(client).await?;
    let put_aside = if server.leftovers.iter().any(|schema| schema == VERSION1) {
        version_put_aside(client).await?
    } else {
        CatalogueVersion::Missing
    };
    let progress = if put_aside == CatalogueVersion::V1_7 {
        let row = client.query_typed_one(include_str!("progress.sql"), &[]).await?;
        Some(Progress {
            applied: row.try_get("applied")?,
            failed: row.try_get("failed")?,
            forgotten: row.try_get("forgotten")?,
            brought_anew: row.try_get("brought_anew")?,
            at_work: row.try_get("at_work")?,
        })
    } else {
        None
    };
    let elsewhere = if put_aside == CatalogueVersion::V1_7 {
        vec![]
    } else {
        let rows = client.query_typed(include_str!("elsewhere.sql"), &[]).await?;
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?
    };
    Ok(Examined { server, sessions, put_aside, elsewhere, progress, options })
}

async fn version_put_aside(client: &Client) -> Result<CatalogueVersion, Error> {
    match version::read(client, VERSION1).await {
        Ok(version) => Ok(version),
        Err(error) if lacks_what_is_read(&error) => Ok(CatalogueVersion::Foreign),
        Err(error) => Err(error),
    }
}

fn lacks_what_is_read(error: &Error) -> bool {
    [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN].iter().any(|code| error.code() == Some(code))
}

/// Puts 1.7 back, when nothing is in the way once nobody can write any more.
pub async fn roll_back(
    client: &Client,
    connection: &PostgresConnection,
    options: Options,
    patience: Duration,
) -> Ended {
    let transaction = match outcome::begin(client).await {
        Ok(transaction) => transaction,
        Err(error) => return undone(error.into()),
    };
    let (error, sent) = match put_back(client, options).await {
        Ok(findings) if !findings.is_empty() => {
            // When even this fails, the end of the session undoes it.
            drop(client.batch_execute("ROLLBACK").await);
            return Ended { failure: None, outcome: Outcome::Refused(findings) };
        }
        Ok(_) => match client.batch_execute("COMMIT").await {
            Ok(()) => return Ended { failure: None, outcome: Outcome::Done { found_out: false } },
            Err(error) => (error, Sent::Work),
        },
        Err(error) => (error, Sent::Nothing),
    };
    if !postgres::connection_lost(&error) {
        return undone(why(client, error).await);
    }
    let in_place = outcome::in_place(connection, transaction, patience, outcome::version).await;
    let change = Change { from: CatalogueVersion::V2_0_10, to: CatalogueVersion::V1_7 };
    Ended { failure: Some(error.into()), outcome: change.outcome(sent, in_place, transaction) }
}

fn undone(failure: Failure) -> Ended {
    Ended { failure: Some(failure), outcome: Outcome::Undone(Undone::Entirely) }
}

/// Locks, looks again, and renames; what is found instead, when something is in the way now.
async fn put_back(client: &Client, options: Options) -> Result<Vec<Finding>, Error> {
    client.batch_execute(include_str!("lock.sql")).await?;
    let server = read::server(client).await?;
    let findings = checks::run(&examine(client, server, options).await?);
    if has_errors(&findings) {
        return Ok(findings);
    }
    let rename =
        format!("ALTER SCHEMA {SCHEMA} RENAME TO {VERSION2}; ALTER SCHEMA {VERSION1} RENAME TO {SCHEMA}");
    client.batch_execute(&rename).await.map(|()| vec![])
}

/// Whose locks are in the way, when they are.
async fn why(client: &Client, error: Error) -> Failure {
    let ended = client.batch_execute("ROLLBACK").await;
    if ended.is_err() || error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) {
        return error.into();
    }
    let holders = async {
        let new = postgres::holders_in_schema(client, SCHEMA).await?;
        Ok::<_, Error>(new.into_iter().chain(postgres::holders_in_schema(client, VERSION1).await?).collect())
    };
    match holders.await {
        Ok(holders) => Failure::Locked { error, holders },
        Err(lost) => lost.into(),
    }
}
