//! Whether a transaction was committed, when the connection was lost before the server could say so.

use crate::config::PostgresConnection;
use crate::postgres;
use std::time::{Duration, Instant};
use tokio_postgres::types::Type;

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is committed.
    Committed,
    /// It is undone.
    RolledBack,
    /// The server could not be asked, for this reason.
    Unknown(String),
}

/// Between two attempts to ask.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks the server until it knows, for at most `patience`: a server that crashed has to recover first,
/// and one that was not told of the lost connection still holds the transaction open.
pub async fn find_out(connection: &PostgresConnection, transaction: i64, patience: Duration) -> Found {
    let began = Instant::now();
    loop {
        let reason = match ask(connection, transaction).await {
            Ok(Some(found)) => return found,
            Ok(None) => "the server has not ended the transaction yet".to_owned(),
            Err(reason) => reason,
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
    let row = session
        .client()
        .query_typed_one("SELECT txid_status($1)", &[(&transaction, Type::INT8)])
        .await
        .map_err(|error| postgres::describe(&error))?;
    let status: Option<String> = row.try_get(0).map_err(|error| error.to_string())?;
    match status.as_deref() {
        Some("committed") => Ok(Some(Found::Committed)),
        Some("aborted") => Ok(Some(Found::RolledBack)),
        Some(_) => Ok(None),
        None => Err("the server no longer knows the transaction".to_owned()),
    }
}
