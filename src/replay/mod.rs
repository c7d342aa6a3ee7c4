//! Replays what waits in the old catalogue before it is upgraded.
//!
//! §procedure-5: it commits as it goes, which is what 1.8.2 would do anyway, and 1.8.2 can go
//! on from any point of it.

mod backlog;
pub mod by_function;
mod ending;
mod failure_class;
pub mod parallel;
pub mod set_based;

pub use backlog::Backlog;
pub use failure_class::FailureClass;

use crate::cause::Cause;
use std::time::Duration;

/// How what waits is replayed. Both ways give the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// In sets wherever that is proven to give what the catalogue's function gives, else by the function.
    Sets(set_based::Sizes),
    /// By the function alone, as 1.8.2 does.
    Function,
}

/// Is told how far the replay has come.
pub trait Progress {
    /// The replay of a source begins.
    fn begins(&self, _backlog: &Backlog) {}

    /// `done` of the backlog's events have been replayed.
    fn replayed(&self, backlog: &Backlog, done: u64);

    /// The replay of a source has ended well.
    fn ended(&self, _backlog: &Backlog, _took: Duration) {}

    /// The replay of a source is taken up again later.
    fn put_off(&self, _backlog: &Backlog) {}

    /// Whether to stop after what is being replayed now.
    fn halted(&self) -> bool {
        false
    }
}

/// Why a replay stopped before its end. What it had replayed by then is committed, as 1.8.2 would have done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// An event can't be applied.
    #[error("the {event} can't be replayed: {cause}")]
    Event {
        /// Which event.
        event: WaitingEvent,
        /// The server's message.
        #[source]
        cause: Cause,
    },
    /// `fn_process_batch` says again and again that there is more to do, and does nothing.
    #[error(
        "the replay of the source {source_name} does not come to an end: fn_process_batch has been called {calls} times"
    )]
    Endless {
        /// The old source.
        source_name: String,
        /// How often it was called.
        calls: u64,
    },
    /// An event waits for a lock that other sessions hold.
    #[error(
        "the {event} waits for a lock on {} for longer than the configuration's lock_timeout ({} ms): {cause}. {}. Wait \
         until that has ended, or end it, or set a longer lock_timeout, and run again",
        event.table,
        timeout.as_millis(),
        holders.as_ref().map_or("Who held it is gone by now".to_owned(), |who| format!("Locks on it are held by {who}"))
    )]
    Locked {
        /// Which event.
        event: WaitingEvent,
        /// `lock_timeout`.
        timeout: Duration,
        /// The server's message.
        #[source]
        cause: Cause,
        /// Who holds locks on its table.
        holders: Option<String>,
    },
    /// The connection was lost, or the server can't go on.
    #[error("{}", crate::postgres::describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
}

/// An event in a log table of the old catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingEvent {
    /// The old source.
    pub source: String,
    /// `i_id_batch`.
    pub batch: i64,
    /// `i_id_event`.
    pub event: i64,
    /// insert, update, delete or ddl.
    pub kind: String,
    /// Schema and table.
    pub table: String,
    /// Where it stands in MySQL's binary log.
    pub place: String,
}

impl std::fmt::Display for WaitingEvent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { source, batch, event, kind, table, place } = self;
        write!(
            formatter,
            "event {event} ({kind} on {table}, {place}) in batch {batch} of the source {source}"
        )
    }
}
