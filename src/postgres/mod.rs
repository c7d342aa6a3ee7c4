//! Sessions on the PostgreSQL server of the configuration.

mod connect;
mod tls;

pub use connect::{ConnectError, Session, connect};

use std::error::Error as _;
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::{Client, Error};

/// Whether the session is gone: the server has undone its open transaction, or will.
#[must_use]
pub fn connection_lost(error: &Error) -> bool {
    // The other text of the severity is in the server's language.
    let severity = error.as_db_error().and_then(DbError::parsed_severity);
    let fatal = matches!(severity, Some(Severity::Fatal | Severity::Panic));
    let io = error.source().is_some_and(|source| source.is::<std::io::Error>());
    fatal || io || error.is_closed()
}

/// The server's message with its SQLSTATE, or what happened to the connection.
#[must_use]
pub fn describe(error: &Error) -> String {
    let Some(error) = error.as_db_error() else {
        return error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    };
    let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("{}{detail} [SQLSTATE {}]", error.message(), error.code().code())
}

/// What a role or a database sets against sessions that take long or wait: not meant for an upgrade, which may
/// replay for hours and wait for an answer at its prompt.
const TIME_LIMITS: &str = "
    SELECT set_config(name, '0', false) FROM pg_settings
    WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout',
                   'idle_session_timeout')";

/// Switches off the limits on how long a statement, a transaction or a pause of this session may take.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn without_time_limits(client: &Client) -> Result<(), Error> {
    client.batch_execute(TIME_LIMITS).await
}
