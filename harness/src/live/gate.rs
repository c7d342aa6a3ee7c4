//! A crash of 1.8.2 between two of its commits, as a kill -9 at the right moment makes it.
//!
//! A trigger lets the replica wait at the statement that would do the next commit, until the replica has been killed.
//! Then its session is ended too, as PostgreSQL would have when it noticed, and the trigger is gone: all that was
//! committed stays as 1.8.2 itself wrote it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use postgres::Client;
use serde::Deserialize;

use super::LiveError;

const TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// The key of the advisory lock: "gate".
const KEY: i32 = i32::from_be_bytes(*b"gate");

/// A commit that 1.8.2 does when it has read a batch, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Commit {
    /// The next batch is created. Before it: the open batch has its rows in the log table.
    NextBatch,
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
            Self::Listed => "sch_chameleon.t_batch_events",
        }
    }
}

/// A closed gate before a commit. Its session holds the lock.
pub struct Gate<'a> {
    client: &'a mut Client,
    commit: Commit,
}

impl<'a> Gate<'a> {
    /// Closes the gate.
    ///
    /// # Errors
    /// [`LiveError::Sql`].
    pub fn close(client: &'a mut Client, commit: Commit) -> Result<Self, LiveError> {
        client
            .batch_execute(&format!(
                "SELECT pg_advisory_lock({KEY});
                 CREATE FUNCTION sch_chameleon.gate() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN PERFORM pg_advisory_xact_lock({KEY}); RETURN NEW; END';
                 CREATE TRIGGER gate {} EXECUTE FUNCTION sch_chameleon.gate()",
                commit.trigger()
            ))
            .map_err(LiveError::sql("close the gate"))?;
        Ok(Self { client, commit })
    }

    /// Whether a session has come to the gate.
    ///
    /// # Errors
    /// [`LiveError::Sql`].
    pub fn somebody_waits(&mut self) -> Result<bool, LiveError> {
        let waiting = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                                      WHERE l.locktype = 'advisory' AND NOT l.granted
                                        AND d.datname = current_database())";
        Ok(self.client.query_one(waiting, &[]).map_err(LiveError::sql("look at the gate"))?.get(0))
    }

    /// Ends the sessions of those that wait, who must be dead by now, and takes the gate away.
    ///
    /// # Errors
    /// [`LiveError::Sql`].
    pub fn turn_away(self) -> Result<(), LiveError> {
        wait_for_the_end_of_sessions(self.client)?;
        self.client
            .batch_execute(&format!(
                "DROP TRIGGER gate ON {}; DROP FUNCTION sch_chameleon.gate(); SELECT pg_advisory_unlock({KEY})",
                self.commit.table()
            ))
            .map_err(LiveError::sql("take the gate away"))
    }
}

/// Ends what is left of the sessions of killed replicas, and waits until PostgreSQL has undone what they were doing.
pub(super) fn wait_for_the_end_of_sessions(client: &mut Client) -> Result<(), LiveError> {
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name LIKE '[PGCH]%'";
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let left: i64 = client
            .query_one(end, &[])
            .map_err(LiveError::sql("end the sessions of a killed replica"))?
            .get(0);
        if left == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(LiveError::Findings(vec![format!("{left} sessions of a killed replica don't end")]));
        }
        sleep(POLL_INTERVAL);
    }
}
