//! What became of a transaction that takes the catalogue from one version to another: one state machine for whatever
//! commits. §truthful: a connection lost around COMMIT is looked into before anything is said.
//!
//! | last commit that was sent   | what is in place when asked  | outcome                               |
//! |-----------------------------|------------------------------|---------------------------------------|
//! | the work's                  | the version to go to         | [`Outcome::Done`], found out          |
//! | the work's                  | the version to go from       | [`Outcome::Undone`], entirely         |
//! | the work's                  | no answer, or something else | [`Outcome::Unknown`]                  |
//! | that of what is unfinished  | the version to go from       | [`Outcome::Undone`], kept if it is there |
//! | that of what is unfinished  | the version to go to         | [`Outcome::Unknown`]: another's work  |
//! | that of what is unfinished  | no answer, or something else | [`Outcome::Unconfirmed`], maybe kept  |
//! | none                        | the version to go from       | [`Outcome::Undone`], entirely         |
//! | none                        | the version to go to         | [`Outcome::Unknown`]: another's work  |
//! | none                        | no answer, or something else | [`Outcome::Unconfirmed`]              |
//!
//! Where the connection holds, nothing has to be asked: a COMMIT that is answered is [`Outcome::Done`], a failure that is
//! undone [`Outcome::Undone`], a second look that finds something [`Outcome::Refused`].

use crate::catalogue::version;
use crate::config::PostgresConnection;
use crate::facts::postgres::CatalogueVersion;
use crate::finding::Finding;
use crate::names::{SCHEMA, VERSION2};
use crate::postgres::{self, DURABLE};
use std::time::{Duration, Instant};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// What became of it.
#[derive(Debug)]
pub enum Outcome {
    /// The new version is in place.
    Done {
        /// The connection was lost at the commit, and the server said afterwards that it was done.
        found_out: bool,
    },
    /// Nothing was changed: under the lock something was found that was not there before.
    Refused(Vec<Finding>),
    /// The old version is in place.
    Undone(Undone),
    /// The old version is in place, for the work's commit was never sent; the server has not confirmed it.
    Unconfirmed {
        /// Why it could not be asked.
        reason: String,
        /// What is unfinished may have been kept for inspection.
        may_be_kept: bool,
    },
    /// It is not known whether the transaction was committed.
    Unknown {
        /// Its id, for `txid_status`.
        transaction: i64,
        /// Why the server could not be asked.
        reason: String,
    },
}

/// What an undone transaction has left.
#[derive(Debug)]
pub enum Undone {
    /// Nothing: all was rolled back.
    Entirely,
    /// What is unfinished, kept as `_sch_chameleon_version2`.
    KeptForInspection,
    /// Nothing, since keeping what is unfinished failed too, for this reason.
    EntirelyAfter(Error),
}

/// The last commit that was sent before the connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// None.
    Nothing,
    /// That of what is unfinished, kept beside the old version.
    Unfinished,
    /// That of the work.
    Work,
}

/// What the server says is in place, once the transaction has ended. `S` is what the transaction changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InPlace<S = CatalogueVersion> {
    /// This is.
    State {
        /// Which.
        state: S,
        /// Whether there is a `_sch_chameleon_version2`.
        kept: bool,
    },
    /// The server could not be asked, for this reason.
    NoAnswer(String),
}

/// From what to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<S = CatalogueVersion> {
    /// What is in place until the commit.
    pub from: S,
    /// What is in place after it.
    pub to: S,
}

impl<S: PartialEq> Change<S> {
    /// The outcome of a transaction whose connection was lost.
    #[must_use]
    pub fn outcome(&self, sent: Sent, in_place: InPlace<S>, transaction: i64) -> Outcome {
        let unknown = |reason| Outcome::Unknown { transaction, reason };
        match in_place {
            InPlace::State { state, .. } if state == self.to => match sent {
                Sent::Work => Outcome::Done { found_out: true },
                _ => unknown("what was to be is in place, and this run did not commit it".to_owned()),
            },
            InPlace::State { state, kept } if state == self.from => {
                let kept = kept && sent == Sent::Unfinished;
                Outcome::Undone(if kept { Undone::KeptForInspection } else { Undone::Entirely })
            }
            other => {
                let reason = match other {
                    InPlace::NoAnswer(reason) => reason,
                    InPlace::State { .. } => {
                        "what is in place is neither what was there before nor what was to be".to_owned()
                    }
                };
                match sent {
                    Sent::Work => unknown(reason),
                    _ => Outcome::Unconfirmed { reason, may_be_kept: sent == Sent::Unfinished },
                }
            }
        }
    }
}

/// Begins a transaction whose outcome can be found out: its id, for `txid_status`.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn begin(client: &Client) -> Result<i64, Error> {
    client.batch_execute(&format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {DURABLE}")).await?;
    client.query_typed_one("SELECT txid_current()", &[]).await?.try_get(0)
}

/// Between two attempts to ask.
const PAUSE: Duration = Duration::from_millis(200);

/// How long an attempt may take at least.
const ATTEMPT: Duration = Duration::from_secs(2);

/// Asks the server what is in place until it knows, for at most `patience`: a server that crashed has to recover first, and
/// one that was not told of the lost connection still holds the transaction open.
///
/// `txid_status` tells when the transaction has ended; what it has left is read from the catalogue itself. (A crash may undo
/// a transaction without a trace of its id, which then goes to another one.)
pub async fn in_place<S>(
    connection: &PostgresConnection,
    transaction: i64,
    patience: Duration,
    look: impl AsyncFn(&Client) -> Result<S, Error>,
) -> InPlace<S> {
    let began = Instant::now();
    loop {
        let left = patience.saturating_sub(began.elapsed()).max(ATTEMPT);
        let answer = tokio::time::timeout(left, ask(connection, transaction, &look)).await;
        let reason = match answer {
            Ok(Ok(Some(in_place))) => return in_place,
            Ok(Ok(None)) => "the server has not ended the transaction yet".to_owned(),
            Ok(Err(reason)) => reason,
            Err(_) => "the server does not answer".to_owned(),
        };
        tracing::info!(reason, "the outcome is not known yet");
        if began.elapsed() >= patience {
            return InPlace::NoAnswer(reason);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// None while the transaction is still open on the server.
async fn ask<S>(
    connection: &PostgresConnection,
    transaction: i64,
    look: &impl AsyncFn(&Client) -> Result<S, Error>,
) -> Result<Option<InPlace<S>>, String> {
    let session = postgres::connect(connection).await.map_err(|error| error.to_string())?;
    let client = session.client();
    let in_place = async {
        postgres::prepare(client, Duration::ZERO).await?;
        if !has_ended(client, transaction).await? {
            return Ok(None);
        }
        Ok(Some(InPlace::State { state: look(client).await?, kept: is_kept(client).await? }))
    }
    .await;
    postgres::leave(session).await;
    in_place.map_err(|error| postgres::describe(&error))
}

async fn has_ended(client: &Client, transaction: i64) -> Result<bool, Error> {
    let status = client.query_typed_one("SELECT txid_status($1)", &[(&transaction, Type::INT8)]).await;
    match status {
        Ok(row) => Ok(row.try_get::<_, Option<String>>(0)?.as_deref() != Some("in progress")),
        // "in the future": the server crashed before anything of it came to the disk.
        Err(error) if error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Which version of the catalogue is in place: what most transactions change.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn version(client: &Client) -> Result<CatalogueVersion, Error> {
    version::read(client, SCHEMA).await
}

async fn is_kept(client: &Client) -> Result<bool, Error> {
    let kept = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
    client.query_typed_one(kept, &[(&VERSION2, Type::TEXT)]).await?.try_get(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use CatalogueVersion::{Foreign, V1_7, V2_0_10};

    /// The table at the top, line by line, for either direction.
    #[test]
    fn what_is_found_in_place_decides_with_what_was_sent() {
        for (from, to) in [(V1_7, V2_0_10), (V2_0_10, V1_7)] {
            let change = Change { from: from.clone(), to: to.clone() };
            let word = |sent, version: &CatalogueVersion, kept| {
                let found = InPlace::State { state: version.clone(), kept };
                told(&change.outcome(sent, found, 7))
            };
            for kept in [false, true] {
                assert_eq!(word(Sent::Work, &to, kept), "done, found out");
                assert_eq!(word(Sent::Work, &from, kept), "undone");
                assert_eq!(word(Sent::Work, &Foreign, kept), "unknown 7");
                assert_eq!(word(Sent::Unfinished, &to, kept), "unknown 7");
                assert_eq!(word(Sent::Unfinished, &Foreign, kept), "unconfirmed, maybe kept");
                assert_eq!(word(Sent::Nothing, &from, kept), "undone");
                assert_eq!(word(Sent::Nothing, &to, kept), "unknown 7");
                assert_eq!(word(Sent::Nothing, &Foreign, kept), "unconfirmed");
            }
            assert_eq!(word(Sent::Unfinished, &from, true), "undone, kept");
            assert_eq!(word(Sent::Unfinished, &from, false), "undone");
            let silent = |sent| told(&change.outcome(sent, InPlace::NoAnswer("gone".into()), 7));
            assert_eq!(silent(Sent::Work), "unknown 7");
            assert_eq!(silent(Sent::Unfinished), "unconfirmed, maybe kept");
            assert_eq!(silent(Sent::Nothing), "unconfirmed");
        }
    }

    fn told(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Done { found_out: true } => "done, found out".into(),
            Outcome::Undone(Undone::Entirely) => "undone".into(),
            Outcome::Undone(Undone::KeptForInspection) => "undone, kept".into(),
            Outcome::Unconfirmed { may_be_kept: true, .. } => "unconfirmed, maybe kept".into(),
            Outcome::Unconfirmed { may_be_kept: false, .. } => "unconfirmed".into(),
            Outcome::Unknown { transaction, .. } => format!("unknown {transaction}"),
            other => format!("{other:?}"),
        }
    }
}
