//! Undoes a successful upgrade: §way-back. The 1.7 catalogue, which the upgrade has put aside, takes its place again, and
//! the 2.0 one is kept as `_sch_chameleon_version2`, in one transaction. Where 2.0 has gone on, 1.7 is brought to where it
//! stands first.

pub mod checks;
pub mod ending;
pub mod examined;
pub mod going_on;
pub mod replay;
pub mod tables;
mod write;

use crate::catalogue::v1::read;
use crate::catalogue::{v2, version};
use crate::config::PostgresConnection;
use crate::facts::postgres::{CatalogueVersion, Server};
use crate::finding::{Finding, has_errors};
use crate::names::{SCHEMA, VERSION1};
use crate::outcome::{self, Change, Outcome, Sent, Undone};
use crate::postgres;
use crate::way_back::{self, WayBack};
use examined::{Examined, GoingOn, Options, Progress};

use std::collections::BTreeMap;
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
    /// What was written is not what was decided.
    #[error("the verification found: {0}")]
    Verification(String),
}

/// What the administrator agreed to.
#[derive(Debug, Clone, Copy)]
pub struct Agreed<'a> {
    /// Where 1.8.2 goes on; none where the catalogues just change places.
    pub back: Option<&'a WayBack>,
    /// The command line.
    pub options: Options,
    /// Roll back at the end instead of committing.
    pub dry_run: bool,
    /// How long to go on asking a server that can't be reached what became of the transaction.
    pub patience: Duration,
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
    let has_gone_on = progress.as_ref().is_some_and(Progress::has_gone_on);
    let going_on = if has_gone_on && !options.force { Some(going_on(client).await?) } else { None };
    Ok(Examined { server, sessions, put_aside, elsewhere, progress, going_on, options })
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

/// Where 1.8.2 goes on, and what becomes of the tables.
async fn going_on(client: &Client) -> Result<GoingOn, Error> {
    let catalogues = v2::read::catalogues(client).await?;
    tracing::trace!(?catalogues, "read both catalogues");
    let decided = way_back::decide(&catalogues);
    tracing::debug!(?decided);
    let tables = match &decided {
        Ok(back) => tables::count(client, back).await?,
        Err(_) => BTreeMap::new(),
    };
    Ok(GoingOn { catalogues, decided, tables })
}

/// Puts 1.7 back, when nothing is in the way once nobody can write any more.
pub async fn roll_back(client: &Client, connection: &PostgresConnection, agreed: Agreed<'_>) -> Ended {
    let transaction = match outcome::begin(client).await {
        Ok(transaction) => transaction,
        Err(error) => return undone(error.into()),
    };
    let (failure, sent) = match put_back(client, agreed).await {
        Ok(findings) if !findings.is_empty() => {
            // When even this fails, the end of the session undoes it.
            drop(client.batch_execute("ROLLBACK").await);
            return Ended { failure: None, outcome: Outcome::Refused(findings) };
        }
        Ok(_) => match client.batch_execute(if agreed.dry_run { "ROLLBACK" } else { "COMMIT" }).await {
            Ok(()) => return Ended { failure: None, outcome: Outcome::Done { found_out: false } },
            Err(error) => (error.into(), if agreed.dry_run { Sent::Nothing } else { Sent::Work }),
        },
        Err(failure) => (failure, Sent::Nothing),
    };
    let error = match failure {
        Failure::Postgres(error) => error,
        other => {
            // When even this fails, the end of the session undoes it.
            drop(client.batch_execute("ROLLBACK").await);
            return undone(other);
        }
    };
    if !postgres::connection_lost(&error) {
        return undone(why(client, error).await);
    }
    let in_place = outcome::in_place(connection, transaction, agreed.patience, outcome::version).await;
    let change = Change { from: CatalogueVersion::V2_0_10, to: CatalogueVersion::V1_7 };
    Ended { failure: Some(error.into()), outcome: change.outcome(sent, in_place, transaction) }
}

fn undone(failure: Failure) -> Ended {
    Ended { failure: Some(failure), outcome: Outcome::Undone(Undone::Entirely) }
}

/// Locks, looks again, writes and renames; what is found instead, when something is in the way now.
async fn put_back(client: &Client, agreed: Agreed<'_>) -> Result<Vec<Finding>, Failure> {
    client.batch_execute(include_str!("lock.sql")).await?;
    let server = read::server(client).await?;
    let examined = examine(client, server, agreed.options).await?;
    let findings = checks::run(&examined);
    if has_errors(&findings) {
        return Ok(findings);
    }
    let now = examined.going_on.as_ref();
    let back = now.and_then(|going_on| going_on.decided.as_ref().ok());
    let same = match (back, agreed.back) {
        (Some(now), Some(then)) => now.same_but_for_the_lag(then),
        (now, then) => now.is_none() && then.is_none(),
    };
    let waits = now.is_some_and(|going_on| going_on.catalogues.waiting() > 0);
    if !same || waits && !agreed.dry_run {
        return Ok(vec![changed()]);
    }
    if let Some(back) = back {
        write::write(client, back).await?;
    }
    write::rename(client).await?;
    if let (Some(back), Some(going_on)) = (back, now) {
        write::verify(client, back, &going_on.tables).await?;
    }
    Ok(vec![])
}

fn changed() -> Finding {
    Finding::error(
        "recheck",
        "The 2.0 catalogue changed while the rollback was running.",
        "Make sure that every 2.0 replica of this database is stopped, and run again.",
    )
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
