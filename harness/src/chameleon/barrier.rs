//! A crash of 1.8.2 between two of its commits, as a kill -9 at the right moment makes it.
//!
//! A trigger lets the replica wait at the statement that would do the next commit, until the replica has been killed.
//! Then its session is ended too, as PostgreSQL would have when it noticed, and the trigger is gone: all that was
//! committed stays as 1.8.2 itself wrote it.

use super::{ChameleonError, sessions};
use crate::process::group::StartedProgram;
use crate::server::quoting::identifier;
use postgres::Client;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// The key of the advisory lock: "held".
const KEY: i32 = i32::from_be_bytes(*b"held");

/// A commit that 1.8.2 does when it has read a batch, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Commit {
    /// The next batch is created. Before it: the open batch has its rows in the log table.
    NextBatch,
    /// The time of the event where the next batch begins is stored. Before it: that of the batch before is there.
    Received,
    /// The batch is marked as processed. Before it: two open batches.
    Processed,
    /// Its events are listed in `t_batch_events`. Before it: a processed batch with rows that will never be replayed.
    Listed,
}

impl Commit {
    /// The event of the trigger.
    fn trigger(self) -> &'static str {
        match self {
            Self::NextBatch => "BEFORE INSERT ON sch_chameleon.t_replica_batch FOR EACH ROW",
            Self::Received => {
                "BEFORE UPDATE ON sch_chameleon.t_sources FOR EACH ROW
                 WHEN (NEW.ts_last_received IS DISTINCT FROM OLD.ts_last_received)"
            }
            Self::Processed => {
                "BEFORE UPDATE ON sch_chameleon.t_replica_batch FOR EACH ROW
                 WHEN (NEW.b_processed AND NOT OLD.b_processed)"
            }
            Self::Listed => "BEFORE INSERT ON sch_chameleon.t_batch_events FOR EACH ROW",
        }
    }

    fn table(self) -> &'static str {
        match self {
            Self::NextBatch | Self::Processed => "sch_chameleon.t_replica_batch",
            Self::Received => "sch_chameleon.t_sources",
            Self::Listed => "sch_chameleon.t_batch_events",
        }
    }
}

/// A trigger that holds up the session that would do a commit. Its own session holds the lock.
pub struct CommitBarrier<'a> {
    client: &'a mut Client,
    commit: Commit,
}

impl<'a> CommitBarrier<'a> {
    /// Installs the trigger.
    ///
    /// # Errors
    /// [`ChameleonError::Sql`].
    pub fn install(client: &'a mut Client, commit: Commit) -> Result<Self, ChameleonError> {
        client
            .batch_execute(&format!(
                "SELECT pg_advisory_lock({KEY});
                 CREATE FUNCTION sch_chameleon.harness_barrier() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN PERFORM pg_advisory_xact_lock({KEY}); RETURN NEW; END';
                 CREATE TRIGGER harness_barrier {} EXECUTE FUNCTION sch_chameleon.harness_barrier()",
                commit.trigger()
            ))
            .map_err(ChameleonError::sql("install the barrier"))?;
        Ok(Self { client, commit })
    }

    /// Whether a session has come to the barrier.
    ///
    /// # Errors
    /// [`ChameleonError::Sql`].
    pub fn session_waits(&mut self) -> Result<bool, ChameleonError> {
        session_waits(self.client)
    }

    /// Ends the sessions of those that wait, who must be dead by now, and removes the trigger.
    ///
    /// # Errors
    /// [`ChameleonError::Sql`].
    pub fn remove(self) -> Result<(), ChameleonError> {
        sessions::end(self.client)?;
        self.client
            .batch_execute(&format!(
                "DROP TRIGGER harness_barrier ON {}; DROP FUNCTION sch_chameleon.harness_barrier(); SELECT pg_advisory_unlock({KEY})",
                self.commit.table()
            ))
            .map_err(ChameleonError::sql("remove the barrier"))
    }
}

/// A trigger before what the 2.0 daemon of a source stores first.
pub(crate) struct StoreBarrier<'a> {
    client: &'a mut Client,
    log_tables: [String; 2],
}

impl<'a> StoreBarrier<'a> {
    pub(crate) fn install(client: &'a mut Client, source: &str) -> Result<Self, ChameleonError> {
        let table =
            |number| format!("sch_chameleon.{}", identifier(&format!("t_log_replica_{source}_{number}")));
        let log_tables = [table(1), table(2)];
        let trigger = |table: &String| {
            format!(
                "CREATE TRIGGER harness_barrier BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION public.harness_barrier();"
            )
        };
        client
            .batch_execute(&format!(
                "SELECT pg_advisory_lock({KEY});
                 CREATE FUNCTION public.harness_barrier() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN PERFORM pg_advisory_xact_lock({KEY}); RETURN NEW; END';
                 {}",
                log_tables.iter().map(trigger).collect::<String>()
            ))
            .map_err(ChameleonError::sql("install the barrier"))?;
        Ok(Self { client, log_tables })
    }

    /// Kills the daemon when it has come to the barrier, and removes the trigger.
    pub(crate) fn kill(self, daemon: &mut StartedProgram, timeout: Duration) -> Result<(), ChameleonError> {
        let Self { client, log_tables } = self;
        daemon.wait_until("being about to store what it has read", timeout, |_| session_waits(client))?;
        daemon.kill()?;
        sessions::end(client)?;
        let cleared =
            "SELECT EXISTS (SELECT FROM sch_chameleon.t_replica_tables WHERE t_binlog_name IS NULL)";
        if !client
            .query_one(cleared, &[])
            .map_err(ChameleonError::sql("look at the coordinates"))?
            .get::<_, bool>(0)
        {
            return Err(ChameleonError::Unexpected("the daemon has cleared no coordinate".to_owned()));
        }
        let away: String =
            log_tables.iter().map(|table| format!("DROP TRIGGER harness_barrier ON {table};")).collect();
        client
            .batch_execute(&format!(
                "{away} DROP FUNCTION public.harness_barrier(); SELECT pg_advisory_unlock({KEY})"
            ))
            .map_err(ChameleonError::sql("remove the barrier"))
    }
}

/// Whether a session waits for an advisory lock of the database.
pub(crate) fn session_waits(client: &mut Client) -> Result<bool, ChameleonError> {
    let waiting = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                                  WHERE l.locktype = 'advisory' AND NOT l.granted
                                    AND d.datname = current_database())";
    Ok(client.query_one(waiting, &[]).map_err(ChameleonError::sql("look at the barrier"))?.get(0))
}
