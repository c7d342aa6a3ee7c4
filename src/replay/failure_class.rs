//! What a statement of the replay has failed of, which decides what becomes of it: another attempt, a search for the
//! event at fault, or the end of the replay.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// What a failure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// An event that can't be applied.
    Event,
    /// A lock that was not obtained in time.
    Lock,
    /// A deadlock and its like: the same call may go well the next time.
    Passing,
    /// The connection, the server or an administrator's hand: no event's fault.
    Elsewhere,
}

impl FailureClass {
    /// By the classes of PostgreSQL's error codes (its manual, appendix A).
    #[must_use]
    pub fn of(error: &Error) -> Self {
        match error.code().map(SqlState::code) {
            _ if crate::postgres::connection_lost(error) => Self::Elsewhere,
            None => Self::Elsewhere,
            Some("55P03") => Self::Lock,
            // Read only.
            Some("25006") => Self::Elsewhere,
            Some(code) => match code.get(..2) {
                Some("40") => Self::Passing,
                // Out of disk, memory or connections; cancelled or shut down; input and output.
                Some("53" | "57" | "58") => Self::Elsewhere,
                _ => Self::Event,
            },
        }
    }
}
