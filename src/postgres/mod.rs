//! Sessions on the PostgreSQL server of the configuration.

mod certificate;
mod connect;
mod environment;
pub mod exclusive;
mod handover;
mod locks;
mod origin;
mod password_file;
mod places;
mod pooler;
mod route;
mod service_file;
mod session;
mod settings;
pub mod statements;
mod text;
mod tls;

pub use connect::{ConnectError, connect};
pub use handover::{Handover, keepalives};
pub use locks::{holders_in_schema, holders_of_table};
pub use pooler::pooling;
pub use session::{Breaker, Session};
pub use settings::{
    as_the_role, at_one_moment, prepare, settings_of_a_session, under_our_own, wait_for_locks,
};
pub use text::{Text, texts};

/// A commit that was reported must survive a crash of the server, whatever its default. Whether it waits for standbys is
/// for the administrator to say: with a standby that is gone it would wait for ever, against a role set to `local`.
pub const DURABLE: &str = "
    SELECT set_config('synchronous_commit', 'local', true) WHERE current_setting('synchronous_commit') = 'off'";

use std::error::Error as _;
use std::time::Duration;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity};

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

/// How long it may take to leave a session as it was found.
const LEAVING: Duration = Duration::from_secs(2);

/// Ends the session. What was set in it and locked by it goes before: a pooler may give it to somebody else.
pub async fn leave(session: Session) {
    let left = tokio::time::timeout(LEAVING, settings::leave_nothing(session.client())).await;
    tracing::debug!(?left, "leaving the session");
    session.close().await;
}
