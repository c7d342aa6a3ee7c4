//! Replays what 2.0 has listed, by its own function and as its daemon would: it commits as it goes, and 2.0 can go on from
//! any point of it. §way-back-first.
//!
//! The session is as the role has it, and waits for locks for ever: within the function a lock that is not had in time is an
//! event that can't be applied, and disables its table.

use crate::catalogue::v2;
use crate::config::Configuration;
use crate::ending::Ending;
use crate::facts::snapshot::NewSourceId;
use crate::facts::way_back::{Catalogues, NewSource};
use crate::finding::Finding;
use crate::postgres::{Text, under_our_own, wait_for_locks};
use crate::wording::sentence;
use std::time::Duration;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// What 2.0 has listed of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The source.
    pub source: NewSourceId,
    /// Its name.
    pub name: String,
    /// How many events wait.
    pub events: u64,
    /// How many batches they are in.
    pub batches: u64,
    /// How many events one call may take: `replay_max_rows`.
    pub events_a_call: u64,
    /// Whether an event that can't be applied ends it: `on_error_replay`. Else its table is disabled.
    pub ends_at_errors: bool,
}

impl Listed {
    /// That of every source that has any. A batch that is listed without events has yet to be closed too.
    #[must_use]
    pub fn all(catalogues: &Catalogues, configuration: &Configuration) -> Vec<Self> {
        let of_source = |source: &NewSource| {
            let configured = configuration.sources.iter().find(|it| it.name == source.name);
            (source.waiting_batches > 0).then(|| Self {
                source: source.id,
                name: source.name.clone(),
                events: source.waiting_events,
                batches: source.waiting_batches,
                events_a_call: configured.map_or(10_000, |source| source.replay_max_rows),
                ends_at_errors: configured.is_some_and(|source| source.replay_ends_at_errors),
            })
        };
        catalogues.new.iter().filter_map(of_source).collect()
    }
}

/// Why the replay stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The function ends at an event, as `on_error_replay` says.
    #[error("an event of {table} in the source {source_name} can't be applied: {message}")]
    Event {
        /// The source.
        source_name: String,
        /// Schema and table.
        table: String,
        /// What PostgreSQL says.
        message: String,
    },
    /// The function always asks for one more call.
    #[error("the replay of the source {0} does not end")]
    Endless(String),
    /// The server can't go on, or the connection was lost.
    #[error("{}", crate::postgres::describe(.0))]
    Postgres(#[from] Error),
}

/// Replays all of it, and names the tables that this has disabled, each with the reason.
///
/// # Errors
/// [`ReplayError`]; what was replayed until then is committed.
pub async fn replay(client: &Client, listed: &Listed) -> Result<Vec<String>, ReplayError> {
    wait_for_locks(client, Duration::ZERO).await?;
    let events = i32::try_from(listed.events_a_call).unwrap_or(i32::MAX);
    let source = i32::try_from(listed.source.0).unwrap_or(i32::MAX);
    let mut disabled = Vec::new();
    // Each call takes an event at least or closes a batch.
    for _ in 0..2 * (listed.events + 2 * listed.batches) + 64 {
        let row = client
            .query_typed_one(
                "SELECT b_continue, b_error, v_table_error FROM sch_chameleon.fn_replay_mysql($1, $2, $3)",
                &[(&events, Type::INT4), (&source, Type::INT4), (&listed.ends_at_errors, Type::BOOL)],
            )
            .await?;
        if row.try_get("b_error")? {
            return Err(failed(client, listed).await?);
        }
        let tables: Option<Vec<Text>> = row.try_get("v_table_error")?;
        disabled.extend(tables.unwrap_or_default().into_iter().map(String::from));
        if !row.try_get::<_, bool>("b_continue")? {
            return Ok(disabled);
        }
    }
    Err(ReplayError::Endless(listed.name.clone()))
}

/// The event that it ended at is the last in the error log.
async fn failed(client: &Client, listed: &Listed) -> Result<ReplayError, Error> {
    let source = [(&listed.source.0 as _, Type::INT8)];
    let asked = client.query_typed_opt(include_str!("last_error.sql"), &source);
    let row = under_our_own(client, asked).await?;
    let text = |column: &str| -> Result<String, Error> {
        let text: Option<Option<Text>> = row.as_ref().map(|row| row.try_get(column)).transpose()?;
        Ok(text.flatten().map_or_else(|| "unknown".to_owned(), String::from))
    };
    Ok(ReplayError::Event {
        source_name: listed.name.clone(),
        table: text("table_name")?,
        message: text("message")?,
    })
}

impl ReplayError {
    /// What is wrong with what waits; none when it is the server that stopped it.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        let remedy = match self {
            Self::Postgres(_) => return None,
            Self::Event { table, .. } => format!(
                "2.0 stops at it in the same way. Mend what the server complains of in {table}; or bring the table with 2.0's \
                 sync_tables; or set on_error_replay to continue, and the table is disabled and left out. Then run again."
            ),
            Self::Endless(source) => {
                format!("Start the 2.0 replica of {source} once, to see what it makes of its batches.")
            }
        };
        Some(Finding::error("replay", format!("{}.", sentence(&self.to_string())), remedy))
    }

    /// How the rollback ends of it.
    #[must_use]
    pub fn ending(&self, interrupted: bool) -> Ending {
        let begin = match self {
            _ if interrupted => "Interrupted during the replay of what 2.0 has listed".to_owned(),
            Self::Postgres(_) => "Failed during the replay of what 2.0 has listed".to_owned(),
            Self::Event { .. } => "Refused: an event can't be replayed".to_owned(),
            Self::Endless(_) => "Refused: the replay does not end".to_owned(),
        };
        Ending::Refused(format!(
            "{begin}. sch_chameleon is the {} catalogue; what was replayed until then stays replayed, as 2.0 would have done \
             it, and 2.0 can go on from there. Run it again.",
            v2::VERSION
        ))
    }
}
