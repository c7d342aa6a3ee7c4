//! What passed through a proxy, and what became of its faults: a run whose fault did not happen proves nothing.

use super::{Effect, Fault, MessageKind, Place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// As much of a statement as is kept, in characters.
const SQL_KEPT: usize = 80;

/// The record of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Transcript {
    /// Every frontend message after authentication, in order. Passwords are never among them.
    pub messages: Vec<SeenMessage>,
    /// The faults, in the order in which they were given to the proxy.
    pub faults: Vec<FaultReport>,
    /// Connections that sent a startup message.
    pub connections: u32,
    /// Connections that ended because the server could not be reached.
    pub unreachable: u32,
    /// Requests for TLS, each answered with no.
    pub tls_requests: u32,
    /// Requests for GSSAPI encryption, each answered with no.
    pub gss_requests: u32,
    /// Requests to cancel a statement, each forwarded.
    pub cancel_requests: u32,
}

/// A frontend message that the proxy took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeenMessage {
    /// Its number in the run, from 1.
    pub number: u64,
    /// The number of its connection, from 1.
    pub connection: u32,
    /// What it is.
    pub kind: MessageKind,
    /// Its place in a step.
    pub step: Option<StepMessage>,
    /// The beginning of its SQL (80 characters).
    pub sql: Option<String>,
}

/// A place in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepMessage {
    /// The savepoint's name.
    pub name: String,
    /// From 1, the message that sets the savepoint.
    pub number: u64,
}

/// A fault, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultReport {
    /// The fault in words.
    pub fault: String,
    /// What became of it.
    pub occurrence: Occurrence,
}

/// What became of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Occurrence {
    /// The run ended before its place.
    NotReached,
    /// It happened at this message.
    Happened {
        /// The message's number in the run.
        message: u64,
    },
    /// Its place was reached, but it could not be done.
    Missed {
        /// The message's number in the run.
        message: u64,
        /// Why.
        why: String,
    },
}

/// A fault that did not happen: the run is no proof of anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the fault `{fault}` did not happen: {why}")]
pub struct NotHappened {
    fault: String,
    why: String,
}

impl Transcript {
    /// True when the fault with this place in the proxy's list happened.
    #[must_use]
    pub fn happened(&self, fault: usize) -> bool {
        self.faults.get(fault).is_some_and(|report| matches!(report.occurrence, Occurrence::Happened { .. }))
    }

    /// Makes sure that every fault happened.
    ///
    /// # Errors
    /// [`NotHappened`] with the first one that did not, and why.
    pub fn all_happened(&self) -> Result<(), NotHappened> {
        let failed = self.faults.iter().find_map(|report| match &report.occurrence {
            Occurrence::Happened { .. } => None,
            Occurrence::NotReached => {
                Some((report, format!("only {} messages were seen", self.messages.len())))
            }
            Occurrence::Missed { message, why } => Some((report, format!("at message {message}, {why}"))),
        });
        match failed {
            Some((report, why)) => Err(NotHappened { fault: report.fault.clone(), why }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SeenMessage {
    /// `12 Query lock:3 LOCK TABLE …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.number, self.kind)?;
        if let Some(step) = &self.step {
            write!(f, " {}:{}", step.name, step.number)?;
        }
        self.sql.as_ref().map_or(Ok(()), |sql| write!(f, " {sql}"))
    }
}

/// A fault that has come to its place.
pub(super) struct Due {
    /// Its place in the proxy's list.
    pub(super) index: usize,
    pub(super) effect: Effect,
}

/// A run under way: its transcript so far and the faults still to come.
pub(super) struct Run {
    transcript: Transcript,
    to_come: Vec<Option<(Place, Effect)>>,
}

impl Run {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        let report =
            |fault: &Fault| FaultReport { fault: fault.to_string(), occurrence: Occurrence::NotReached };
        let transcript = Transcript { faults: faults.iter().map(report).collect(), ..Transcript::default() };
        let to_come = faults.into_iter().map(|fault| Some((fault.at, fault.effect))).collect();
        Self { transcript, to_come }
    }

    pub(super) fn transcript(&mut self) -> &mut Transcript {
        &mut self.transcript
    }

    /// Counts a message and keeps what there is to know of it; returns its number.
    pub(super) fn saw(
        &mut self,
        connection: u32,
        kind: MessageKind,
        step: Option<StepMessage>,
        sql: Option<&str>,
    ) -> u64 {
        let messages = &mut self.transcript.messages;
        let number = messages.last().map_or(1, |last| last.number + 1);
        let sql = sql.map(|sql| sql.chars().take(SQL_KEPT).collect());
        messages.push(SeenMessage { number, connection, kind, step, sql });
        number
    }

    /// Takes the next fault whose place is this message; it will not come again.
    pub(super) fn due(&mut self, number: u64, step: Option<&StepMessage>) -> Option<Due> {
        let is_here = |(place, _): &mut (Place, Effect)| place.is(number, step);
        let (index, effect) = self
            .to_come
            .iter_mut()
            .enumerate()
            .find_map(|(index, fault)| fault.take_if(is_here).map(|(_, effect)| (index, effect)))?;
        self.missed(index, number, "the run or its connection ended before it was done");
        Some(Due { index, effect })
    }

    pub(super) fn happened(&mut self, fault: usize, message: u64) {
        self.become_(fault, Occurrence::Happened { message });
    }

    pub(super) fn missed(&mut self, fault: usize, message: u64, why: impl Into<String>) {
        self.become_(fault, Occurrence::Missed { message, why: why.into() });
    }

    fn become_(&mut self, fault: usize, occurrence: Occurrence) {
        if let Some(report) = self.transcript.faults.get_mut(fault) {
            report.occurrence = occurrence;
        }
    }
}

/// A run that the proxy's connections share.
#[derive(Clone)]
pub(super) struct SharedRun(Arc<Mutex<Run>>);

impl SharedRun {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self(Arc::new(Mutex::new(Run::new(faults))))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Run> {
        // Nothing is left half done in a Run, whatever panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
