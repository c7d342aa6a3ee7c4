//! Faults, injected between an upgrade and its server by a proxy that works on whole messages of PostgreSQL's
//! protocol, so that 'the n-th message' is exact and repeatable. Three nouns: a [`Fault`] is a value (what
//! happens, and at which [`Place`]), a [`Proxy`] applies faults to what passes through it, and a
//! [`Transcript`] tells what passed and which faults happened.
//!
//! Every fault first waits until the server has answered all earlier messages of its connection and the
//! client has been sent these answers: what the client knows at that moment does not depend on timing.

mod action;
mod connection;
mod conversation;
mod description;
mod kind;
mod message;
mod proxy;
mod sqlstate;
mod step;
mod transcript;
mod unanswered;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt;

pub use action::{HoldAction, NoAction, Surroundings};
pub use description::FaultDescription;
pub use kind::{FaultKind, NoFaultKind};
pub use message::MessageKind;
pub use proxy::{Proxy, ProxyError};
pub use sqlstate::{NoSqlState, SqlState};
pub use transcript::{FaultReport, NotHappened, Occurrence, SeenMessage, StepMessage, Transcript};

/// Where a fault happens: at a frontend message, counted from 1. Messages count from the end of
/// authentication on, over all connections of the run, in the order in which they arrive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Count within this step rather than within the run. The query `SAVEPOINT <step>` is its first message;
    /// the COMMIT is the only one of the step `commit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(deserialize_with = "counted_from_one")]
    #[schemars(range(min = 1))]
    message: u64,
}

impl Place {
    /// The message with this number in the whole run.
    #[must_use]
    pub fn message(number: u64) -> Self {
        Self { step: None, message: number }
    }

    /// The message with this number in `step`, the first time that the step has that many.
    #[must_use]
    pub fn in_step(step: impl Into<String>, number: u64) -> Self {
        Self { step: Some(step.into()), message: number }
    }

    fn is(&self, number: u64, step: Option<&StepMessage>) -> bool {
        match &self.step {
            None => self.message == number,
            Some(name) => step.is_some_and(|step| step.name == *name && step.number == self.message),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {}", self.message)?;
        self.step.as_ref().map_or(Ok(()), |step| write!(f, " of step {step}"))
    }
}

fn counted_from_one<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    std::num::NonZeroU64::deserialize(deserializer).map(std::num::NonZeroU64::get)
}

/// Something that goes wrong once, at one place.
pub struct Fault {
    at: Place,
    effect: Effect,
}

/// What a [`Fault`] does.
enum Effect {
    StatementFails(SqlState),
    CutBefore,
    CutDuring,
    CutAfter,
    Hold { name: String, action: Action },
}

/// What runs while a message is held. It may block; it runs on a thread of its own.
///
/// An action that kills a program must wait for its end: a message of a client that is gone is not forwarded.
pub type Action = Box<dyn FnOnce() -> Result<Resume, ActionError> + Send>;

/// Why an action could not be done. The fault counts as not happened.
pub type ActionError = Box<dyn Error + Send + Sync>;

/// What becomes of a message after it was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// It goes on to the server, unless its client or the server is gone.
    Forward,
    /// It doesn't, and its connection is closed.
    Cut,
}

impl Fault {
    /// The server itself fails the statement with this SQLSTATE, in the transaction that the session is in.
    /// A simple query is replaced by one that raises the error; among extended messages the error is raised in
    /// place of the message, and the server discards the rest up to the Sync, as after any error. A failing
    /// COMMIT ends the transaction, as a real one does.
    ///
    /// Does not happen in a transaction that has failed already (the server answers 25P02) nor, with another
    /// SQLSTATE than 57014, within the data of a COPY, nor at a Terminate.
    #[must_use]
    pub fn statement_fails(at: Place, sqlstate: SqlState) -> Self {
        Self { at, effect: Effect::StatementFails(sqlstate) }
    }

    /// The connection is cut on both sides; the server never gets any of the message.
    #[must_use]
    pub fn cut_before(at: Place) -> Self {
        Self { at, effect: Effect::CutBefore }
    }

    /// The client's connection is cut when the whole message has been sent to the server, which works on it
    /// to its end; then the server's side is closed.
    #[must_use]
    pub fn cut_during(at: Place) -> Self {
        Self { at, effect: Effect::CutDuring }
    }

    /// The connection is cut on both sides after the server has answered the message; the client gets
    /// nothing of this answer. Data of a COPY has no answer: it is cut when all of it was sent.
    #[must_use]
    pub fn cut_after(at: Place) -> Self {
        Self { at, effect: Effect::CutAfter }
    }

    /// The message is held while `action` runs; other connections go on, and so do answers of the server.
    #[must_use]
    pub fn hold(
        at: Place,
        name: impl Into<String>,
        action: impl FnOnce() -> Result<Resume, ActionError> + Send + 'static,
    ) -> Self {
        Self { at, effect: Effect::Hold { name: name.into(), action: Box::new(action) } }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.effect, self.at)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({self})")
    }
}
