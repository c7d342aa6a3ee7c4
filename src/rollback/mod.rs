//! Undoes a successful upgrade: §way-back. The 1.7 catalogue, which the upgrade has put aside,
//! takes its place again, and the 2.0 one is kept as `_sch_chameleon_version2`, in one transaction.

mod obstacles;

pub use obstacles::{Facts, Progress, Said, obstacles};

use crate::catalogue::names::{SCHEMA, VERSION1, VERSION2};
use crate::catalogue::v1::read;
use crate::config::PostgresConnection;
use crate::facts::postgres::CatalogueVersion;
use crate::facts::postgres::Server;
use crate::finding::{Finding, has_errors};
use crate::postgres;
use crate::upgrade::outcome::{self, Found};
use crate::upgrade::transaction::DURABLE;
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

/// Why there was no rollback.
#[derive(Debug)]
pub enum NotRolledBack {
    /// Something is in the way now that was not when it was looked at first.
    Refused(Vec<Finding>),
    /// The server refused: the 2.0 catalogue is in place.
    Failed(Error),
    /// The lock on the catalogues was not obtained in time; these held it.
    Locked(Error, Vec<String>),
    /// The connection was lost before the commit was sent: the server undoes all.
    Lost(Error),
    /// The connection was lost around the commit, and the server could not be asked.
    Unknown {
        /// The id for `txid_status`.
        transaction: i64,
        /// Why it could not be asked.
        reason: String,
    },
}

/// Reads what the decision needs beside the server's facts.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn facts(client: &Client, server: Server) -> Result<Facts, Error> {
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
    Ok(Facts { server, sessions, put_aside, elsewhere, progress })
}

async fn version_put_aside(client: &Client) -> Result<CatalogueVersion, Error> {
    match read::version(client, VERSION1).await {
        Ok(version) => Ok(CatalogueVersion::of(version)),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(CatalogueVersion::Foreign),
        Err(error) => Err(error),
    }
}

/// Puts 1.7 back, when nothing is in the way once nobody can write any more.
///
/// # Errors
/// [`NotRolledBack`].
pub async fn roll_back(
    client: &Client,
    connection: &PostgresConnection,
    said: Said,
    patience: Duration,
) -> Result<(), NotRolledBack> {
    let failed = |error: Error| {
        if postgres::connection_lost(&error) {
            NotRolledBack::Lost(error)
        } else {
            NotRolledBack::Failed(error)
        }
    };
    let transaction = begin(client).await.map_err(failed)?;
    if let Err(error) = client.batch_execute(include_str!("lock.sql")).await {
        return Err(if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
            locked(client, error).await
        } else {
            failed(error)
        });
    }
    let server = read::server(client).await.map_err(failed)?;
    let findings = obstacles(&facts(client, server).await.map_err(failed)?, said);
    if has_errors(&findings) {
        client.batch_execute("ROLLBACK").await.map_err(failed)?;
        return Err(NotRolledBack::Refused(findings));
    }
    let rename =
        format!("ALTER SCHEMA {SCHEMA} RENAME TO {VERSION2}; ALTER SCHEMA {VERSION1} RENAME TO {SCHEMA}");
    client.batch_execute(&rename).await.map_err(failed)?;
    let Err(error) = client.batch_execute("COMMIT").await else { return Ok(()) };
    if !postgres::connection_lost(&error) {
        return Err(NotRolledBack::Failed(error));
    }
    match outcome::find_out(connection, transaction, patience).await {
        Found::RolledBack { .. } => Ok(()),
        Found::Upgraded => Err(NotRolledBack::Lost(error)),
        Found::Unknown(reason) => Err(NotRolledBack::Unknown { transaction, reason }),
    }
}

/// Whose locks are in the way.
async fn locked(client: &Client, error: Error) -> NotRolledBack {
    let holders = async {
        client.batch_execute("ROLLBACK").await?;
        let new = postgres::holders_in_schema(client, SCHEMA).await?;
        Ok::<_, Error>(new.into_iter().chain(postgres::holders_in_schema(client, VERSION1).await?).collect())
    };
    match holders.await {
        Ok(holders) => NotRolledBack::Locked(error, holders),
        Err(lost) => NotRolledBack::Failed(lost),
    }
}

async fn begin(client: &Client) -> Result<i64, Error> {
    client.batch_execute(&format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {DURABLE}")).await?;
    client.query_typed_one("SELECT txid_current()", &[]).await?.try_get(0)
}
