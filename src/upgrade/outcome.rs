//! What became of a transaction, when the connection was lost before the server could say so.
//!
//! §truthful. `txid_status` tells when the transaction has ended; what it has left is read from
//! the catalogue itself. (A crash may undo a transaction without a trace of its id, which then goes to another one.)

use crate::catalogue::names::VERSION2;
use crate::catalogue::v2;
use crate::config::PostgresConnection;
use crate::facts::postgres::CatalogueVersion;
use crate::postgres;
use std::time::{Duration, Instant};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// What the catalogue is once the transaction has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// `sch_chameleon` is the 2.0.10 catalogue.
    Upgraded,
    /// It is the 1.7 catalogue.
    RolledBack {
        /// Whether there is a `_sch_chameleon_version2`.
        kept: bool,
    },
    /// The server could not be asked, or answers something else, for this reason.
    Unknown(String),
}

/// Between two attempts to ask.
const PAUSE: Duration = Duration::from_millis(200);

/// How long an attempt may take at least.
const ATTEMPT: Duration = Duration::from_secs(2);

/// Asks the server until it knows, for at most `patience`: a server that crashed has to recover first,
/// and one that was not told of the lost connection still holds the transaction open.
pub async fn find_out(connection: &PostgresConnection, transaction: i64, patience: Duration) -> Found {
    let began = Instant::now();
    loop {
        let left = patience.saturating_sub(began.elapsed()).max(ATTEMPT);
        let answer = tokio::time::timeout(left, ask(connection, transaction)).await;
        let reason = match answer {
            Ok(Ok(Some(found))) => return found,
            Ok(Ok(None)) => "the server has not ended the transaction yet".to_owned(),
            Ok(Err(reason)) => reason,
            Err(_) => "the server does not answer".to_owned(),
        };
        tracing::info!(reason, "the outcome is not known yet");
        if began.elapsed() >= patience {
            return Found::Unknown(reason);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// None while the transaction is still open on the server.
async fn ask(connection: &PostgresConnection, transaction: i64) -> Result<Option<Found>, String> {
    let session = postgres::connect(connection).await.map_err(|error| error.to_string())?;
    let client = session.client();
    let found = async {
        postgres::prepare(client, Duration::ZERO).await?;
        if has_ended(client, transaction).await? { look(client).await.map(Some) } else { Ok(None) }
    }
    .await;
    postgres::leave(session).await;
    found.map_err(|error| postgres::describe(&error))
}

async fn has_ended(client: &Client, transaction: i64) -> Result<bool, Error> {
    let status = client.query_typed_one("SELECT txid_status($1)", &[(&transaction, Type::INT8)]).await;
    match status {
        Ok(row) => Ok(row.try_get::<_, Option<String>>(0)?.as_deref() != Some("in progress")),
        // "in the future": the server crashed before anything of it came to the disk.
        Err(error) if error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) => Ok(true),
        Err(error) => Err(error),
    }
}

async fn look(client: &Client) -> Result<Found, Error> {
    let version =
        client.query_typed_one("SELECT t_version::text FROM sch_chameleon.v_version LIMIT 1", &[]).await?;
    let kept = client
        .query_typed_one(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)",
            &[(&VERSION2, Type::TEXT)],
        )
        .await?;
    Ok(match CatalogueVersion::of(version.try_get(0)?) {
        CatalogueVersion::V1_7 => Found::RolledBack { kept: kept.try_get(0)? },
        CatalogueVersion::V2_0_10 => Found::Upgraded,
        _ => Found::Unknown(format!("sch_chameleon is neither the 1.7 catalogue nor {}", v2::VERSION)),
    })
}
