//! What the harness asks the server of a run: which catalogue stands, and whether the sessions of the run have ended.

use crate::server::{ServerError, in_full};
use postgres::Client;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the server may take to notice that an upgrader is gone.
const SESSIONS_END: Duration = Duration::from_secs(60);

/// What `sch_chameleon` says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// 1.7.
    Old,
    /// 2.0.10.
    New,
    /// Anything else, also nothing.
    Other(String),
}

/// The harness got no answer to a question of its own; says what the server said.
#[derive(Debug, thiserror::Error)]
#[error("the server does not answer the harness: {0}")]
pub struct AskingError(String);

impl From<postgres::Error> for AskingError {
    fn from(error: postgres::Error) -> Self {
        Self(in_full(&error))
    }
}

impl From<ServerError> for AskingError {
    fn from(error: ServerError) -> Self {
        Self(error.to_string())
    }
}

/// What the catalogue says that it is.
///
/// # Errors
/// What the server answers.
pub fn version(client: &mut Client) -> Result<Version, postgres::Error> {
    let schemas = client
        .query_one(
            "SELECT coalesce(string_agg(nspname, ', '), 'no schema') FROM pg_namespace WHERE nspname LIKE '%chameleon%'",
            &[],
        )?
        .get::<_, String>(0);
    let there = client.query_one("SELECT to_regclass('sch_chameleon.v_version') IS NOT NULL", &[])?;
    if !there.get::<_, bool>(0) {
        return Ok(Version::Other(format!("it has no v_version (there are: {schemas})")));
    }
    let row = client.query_opt("SELECT t_version::text FROM sch_chameleon.v_version", &[])?;
    Ok(match row.map(|row| row.get::<_, String>(0)).as_deref() {
        Some("1.7") => Version::Old,
        Some("2.0.10") => Version::New,
        other => Version::Other(format!("v_version says {other:?} (there are: {schemas})")),
    })
}

/// Waits until no session of an upgrader is left: a server notices a lost client in its own time.
///
/// # Errors
/// What the server answers.
pub fn await_end_of_sessions(client: &mut Client) -> Result<(), postgres::Error> {
    let began = Instant::now();
    loop {
        let left: i64 = client
            .query_one(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
                   AND application_name <> 'chameleon-harness'",
                &[],
            )?
            .get(0);
        if left == 0 || began.elapsed() > SESSIONS_END {
            return Ok(());
        }
        sleep(Duration::from_millis(5));
    }
}
