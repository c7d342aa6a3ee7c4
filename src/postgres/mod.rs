//! Sessions on the PostgreSQL server of the configuration.

mod certificate;
mod connect;
mod environment;
mod locks;
mod password_file;
mod places;
mod route;
mod service_file;
mod session;
mod tls;

pub use connect::{ConnectError, connect};
pub use locks::{holders_in_schema, holders_of_table};
pub use session::{Breaker, Session};

use std::error::Error as _;
use std::time::Duration;
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

/// What a role or a database may set that is not meant for an upgrade, which may replay for hours, wait for an answer
/// at its prompt. (Read-only by default is another thing: somebody wants nothing to be written; a check refuses.)
const SETTINGS: &str = "
    SELECT set_config(name, value, false)
    FROM (VALUES ('statement_timeout', '0'), ('transaction_timeout', '0'),
                 ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'),
                 ('default_transaction_isolation', 'read committed'))
         AS wanted (name, value)
    JOIN pg_settings USING (name)";

/// Has the server notice within a second that a client is gone, also while it waits for a lock.
const NOTICE_THE_END: &str = "
    SELECT set_config(name, '1000', false) FROM pg_settings WHERE name = 'client_connection_check_interval'";

/// Makes the session independent of what the role or the database sets. It waits for a lock for `lock_timeout`, for
/// ever when that is zero.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn prepare(client: &Client, lock_timeout: Duration) -> Result<(), Error> {
    client.batch_execute(SETTINGS).await?;
    wait_for_locks(client, lock_timeout).await?;
    match client.batch_execute(NOTICE_THE_END).await {
        // Some systems can't tell.
        Err(error) if connection_lost(&error) => Err(error),
        _ => Ok(()),
    }
}

/// From now on the session waits for a lock for `longest`, for ever when that is zero.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn wait_for_locks(client: &Client, longest: Duration) -> Result<(), Error> {
    client.batch_execute(&format!("SET lock_timeout = {}", longest.as_millis())).await
}
