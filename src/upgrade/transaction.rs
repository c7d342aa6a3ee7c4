//! The one transaction of the upgrade: a savepoint a step, and what is done when a step fails.
//!
//! §procedure-6, §procedure-7. A statement that fails leaves the work up to the last savepoint for
//! inspection as `_sch_chameleon_version2`; a lost connection leaves nothing, because the server undoes all.

use super::Observer;
use super::step::Step;
use crate::names::{SCHEMA, VERSION1, VERSION2};
use crate::outcome::{Sent, Undone};
use crate::postgres::{DURABLE, connection_lost, exclusive};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// What went wrong within a step.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The server refused a statement, or the connection was lost.
    #[error("{}", crate::postgres::describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The lock on the old catalogue was not obtained in time.
    #[error(
        "{}: the catalogue's tables were held for longer than the configuration's lock_timeout ({} ms): {}. Wait until that \
         has ended, or end it, or set a longer lock_timeout, and run again",
        crate::postgres::describe(error), timeout.as_millis(), holders.as_deref().unwrap_or("who held them is gone by now")
    )]
    Locked {
        /// The server's answer.
        error: tokio_postgres::Error,
        /// `lock_timeout`.
        timeout: Duration,
        /// Who held them.
        holders: Option<String>,
    },
    /// A pooler has given the transaction another session than the one that keeps other upgrades away.
    #[error(
        "a pooler has given the transaction to another server session. Set pg_conn.host and pg_conn.port to the PostgreSQL \
         server itself, and run again"
    )]
    AnotherSession,
    /// The catalogue is no longer the one that the plan was made for.
    #[error("the catalogue changed while the upgrade was running: {0}")]
    Changed(String),
    /// What was written is not what was planned.
    #[error("the verification found: {0}")]
    Verification(String),
}

impl Cause {
    /// Whether the connection is gone, so that the server has undone the transaction, or will.
    #[must_use]
    pub fn connection_lost(&self) -> bool {
        matches!(self, Self::Postgres(error) if connection_lost(error))
    }
}

/// A step that failed.
#[derive(Debug)]
pub struct Failure {
    /// The step.
    pub step: Step,
    /// What went wrong in it.
    pub cause: Cause,
}

/// An open transaction.
pub struct Transaction<'a> {
    client: &'a Client,
    id: i64,
    /// The step whose savepoint was set last.
    savepoint: Option<Step>,
    /// The steps that have been done, with the time that each took.
    done: Vec<(Step, Duration)>,
    observer: &'a dyn Observer,
}

impl<'a> Transaction<'a> {
    /// Begins, and learns the transaction's id, by which its outcome can be found out later.
    ///
    /// # Errors
    /// What PostgreSQL answers, or that it is not the session that keeps other upgrades away.
    pub async fn begin(
        client: &'a Client,
        lock_timeout: Duration,
        observer: &'a dyn Observer,
    ) -> Result<Self, Cause> {
        let milliseconds = lock_timeout.as_millis();
        client
            .batch_execute(&format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
                 {DURABLE};
                 SET LOCAL statement_timeout = 0;
                 SET LOCAL lock_timeout = {milliseconds}"
            ))
            .await?;
        if !exclusive::holds(client).await? {
            client.batch_execute("ROLLBACK").await?;
            return Err(Cause::AnotherSession);
        }
        let id = client.query_typed_one("SELECT txid_current()", &[]).await?.try_get(0)?;
        tracing::info!(id, lock_timeout = milliseconds, "the transaction is open");
        Ok(Self { client, id, savepoint: None, done: Vec::new(), observer })
    }

    /// The session that the transaction is open in.
    #[must_use]
    pub fn client(&self) -> &'a Client {
        self.client
    }

    /// Whoever is told how far it has come.
    #[must_use]
    pub fn observer(&self) -> &'a dyn Observer {
        self.observer
    }

    /// The id for `txid_status`.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The steps done so far, with their times.
    #[must_use]
    pub fn done(&self) -> &[(Step, Duration)] {
        &self.done
    }

    /// Does one step behind a savepoint of its own.
    ///
    /// # Errors
    /// The step's failure; the transaction is still open, unless the connection was lost.
    pub async fn step<T, E: Into<Cause>>(
        &mut self,
        step: Step,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        let failed = |cause| Failure { step, cause };
        let began = Instant::now();
        tracing::info!(step = step.savepoint(), "begins");
        self.observer.step_begins(step);
        let savepoint = format!("SAVEPOINT {}", step.savepoint());
        self.client.batch_execute(&savepoint).await.map_err(|error| failed(error.into()))?;
        self.savepoint = Some(step);
        let result = work.await.map_err(|error| failed(error.into()))?;
        self.note(step, began.elapsed());
        Ok(result)
    }

    fn note(&mut self, step: Step, took: Duration) {
        self.done.push((step, took));
        self.observer.step_done(step, took);
    }

    /// Makes it permanent.
    ///
    /// # Errors
    /// The failure; when the connection was lost, whether it was committed is not known yet.
    pub async fn commit(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        self.observer.step_begins(Step::Commit);
        self.client
            .batch_execute("COMMIT")
            .await
            .map_err(|error| Failure { step: Step::Commit, cause: error.into() })?;
        self.note(Step::Commit, began.elapsed());
        Ok(())
    }

    /// Undoes everything.
    ///
    /// # Errors
    /// What PostgreSQL answers; the transaction is undone all the same, when its session ends.
    pub async fn rollback(&self) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute("ROLLBACK").await
    }

    /// Ends the transaction after a failure: the 1.7 catalogue is in place afterwards. When `keep` is set, what had
    /// been built of the new one up to the last savepoint is kept for inspection, if there is any.
    ///
    /// # Errors
    /// The connection was lost; the last commit that was sent.
    pub async fn undo(&self, failed: Step, keep: bool) -> Result<Undone, Sent> {
        match self.savepoint {
            // After a commit that failed the server has ended the transaction itself.
            Some(savepoint) if keep && failed != Step::Commit && savepoint.new_schema_stands() => {
                match self.keep_for_inspection(savepoint).await {
                    Ok(()) => Ok(Undone::KeptForInspection),
                    Err((error, sent)) if connection_lost(&error) => Err(sent),
                    Err((error, _)) => self.undo_entirely().await.map(|()| Undone::EntirelyAfter(error)),
                }
            }
            _ => self.undo_entirely().await.map(|()| Undone::Entirely),
        }
    }

    async fn undo_entirely(&self) -> Result<(), Sent> {
        match self.rollback().await {
            Err(error) if connection_lost(&error) => Err(Sent::Nothing),
            // Whatever the server has against it, it undoes all when the session ends.
            _ => Ok(()),
        }
    }

    /// Fails with what had been sent by then.
    async fn keep_for_inspection(&self, savepoint: Step) -> Result<(), (tokio_postgres::Error, Sent)> {
        let savepoint = savepoint.savepoint();
        let back = format!(
            "ROLLBACK TO SAVEPOINT {savepoint};
             ALTER SCHEMA {SCHEMA} RENAME TO {VERSION2};
             ALTER SCHEMA {VERSION1} RENAME TO {SCHEMA}"
        );
        self.client.batch_execute(&back).await.map_err(|error| (error, Sent::Nothing))?;
        self.client.batch_execute("COMMIT").await.map_err(|error| (error, Sent::Unfinished))
    }
}
