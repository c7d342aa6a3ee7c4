//! Whether a source moves: what waits, hangs, goes in circles, or has only a half of its daemon left. §after-watch

use super::ahead::Ahead;
use super::past::Past;
use super::replica::Session;
use super::{Looked, id_in, shortened};
use crate::finding::Finding;
use crate::wording::counted;
use std::time::Duration;

/// After how long without any progress a source that has something to do is called stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// After how long without a word from the process that applies it is gone: where the log has an end, and else. It asks
/// in each round, and while it applies its session is at it.
const GONE_BY_ITS_LOG: Duration = Duration::from_secs(5);
const GONE: Duration = Duration::from_secs(40);

/// After how long a session that waits for a lock is told.
const BLOCKED: Duration = Duration::from_secs(10);

impl Looked<'_> {
    /// What waits, or has not moved for long. `alone`: no other source has a daemon.
    pub(super) fn stuck(&self, past: &Past, at: Duration, alone: bool) -> Vec<Finding> {
        let name = &self.source.name;
        let mut found = Vec::new();
        if self.source.paused {
            found.push(Finding::warning(
                "paused",
                format!("{name} is paused: its daemon is told to wait."),
                "A maintenance of pg_chameleon pauses it, and lets it go on when it has ended. One that was broken off has not: see \
                 b_paused in sch_chameleon.t_sources, t_last_received and t_last_replayed.",
            ));
        }
        for session in self.sessions.iter().filter(|session| session.for_as_long_as(BLOCKED)) {
            let Some(blockers) = &session.blockers else { continue };
            found.push(Finding::error(
                "blocked",
                format!(
                    "The daemon of {name} waits for a lock (server process {}, for {:.0} s), which is held by {blockers}.",
                    session.pid,
                    session.seconds.unwrap_or_default()
                ),
                "Have that session end its transaction. At the end of lock_timeout the daemon gives the statement up, and ends or \
                 disables the table.",
            ));
        }
        found.extend(self.reads_on_alone());
        if !found.is_empty() {
            return found;
        }
        let patience = PATIENCE.max(self.known.rests * 10);
        // Its reading process bears a name from its first batch on. The one that applies asks all the time, whatever that does (seen):
        // before that batch, who asks nothing is the reading process, where it is of this source.
        let mut readers = self.sessions.iter().filter(|session| session.reads()).peekable();
        let asking = |session: &&Session| !session.active && !session.is_silent(patience);
        let asks = if readers.peek().is_some() {
            readers.any(asking)
        } else {
            let is_its_own = |session: &&Session| alone || id_in(&session.query) == Some(self.source.id);
            let hangs = |session: &&&Session| session.is_silent(patience) && is_its_own(session);
            self.sessions.iter().any(asking) && !self.sessions.iter().any(|session| hangs(&session))
        };
        if let Some(circling) = past.circling(at) {
            found.push(self.circles(circling));
        } else if self.bytes_behind().is_some_and(|bytes| bytes > 0) && at - past.since >= patience && !asks {
            found.push(Finding::error(
                "stuck",
                format!(
                    "{name} has read nothing for {} s, though MySQL has {} for it, and its reading process has asked PostgreSQL nothing: it hangs.",
                    (at - past.since).as_secs(),
                    if let Ahead::Something(what) = self.known.ahead { what } else { "more" }
                ),
                format!(
                    "See its log, and MySQL's list of sessions. To start it anew: kill its processes, then {}",
                    self.start(true)
                ),
            ));
        }
        if self.source.waiting > 0 && at - past.applied_since >= patience {
            found.push(Finding::error(
                "stuck",
                format!(
                    "Of {}, nothing has been applied for {} s ({} for {name}).",
                    if self.source.waiting == 1 { "a batch that waits" } else { "the batches that wait" },
                    (at - past.applied_since).as_secs(),
                    counted(self.source.waiting, "batch").replace("batchs", "batches"),
                ),
                "See what its session on PostgreSQL does (pg_stat_activity), and the daemon's log: one large batch takes its time, \
                 longer where replay_max_rows is large or a table has no index for its key.",
            ));
        }
        found
    }

    /// Seen: where the process that reads connects to MySQL at the moment at which it is told to end, because the other one has ended, it
    /// passes over that, and its parent waits for it for good. Both have a session still, and only that process asks anything.
    fn reads_on_alone(&self) -> Option<Finding> {
        let name = &self.source.name;
        let (readers, others): (Vec<_>, Vec<_>) =
            self.sessions.iter().copied().partition(|session| session.reads());
        let ended = self.ended();
        let gone = if ended.is_some() { GONE_BY_ITS_LOG } else { GONE }.max(self.known.rests * 4);
        let is_half = !others.is_empty()
            && others.iter().all(|session| session.is_silent(gone))
            && readers.iter().any(|session| !session.is_silent(gone));
        if !is_half {
            return None;
        }
        let mend = self.death().map_or_else(String::new, |death| format!("{} ", death.remedy));
        Some(Finding::error(
            "half-ended",
            format!(
                "Of the daemon of {name} only the process that reads is left: what it stores is not applied, whatever its status says.{}",
                ended.unwrap_or_default()
            ),
            format!(
                "Stop what is left of it, and kill its processes if they stay: `chameleon stop_replica {}`. {mend}Then: {}",
                self.options(),
                self.start(true)
            ),
        ))
    }

    /// Seen where it may not list a batch: it stores the rows of MySQL's log, fails to say so, and begins again in the next round.
    fn circles(&self, circling: Duration) -> Finding {
        let why =
            (self.known.refused)().map_or_else(String::new, |why| format!(" Its log: {}.", shortened(&why)));
        Finding::error(
            "stuck",
            format!(
                "{} goes in circles: for {} s its reading process has stored nothing but rows that it had stored before, and has come no \
                 further.{why}",
                self.source.name,
                circling.as_secs()
            ),
            format!(
                "PostgreSQL refuses it something, and it begins anew in each round: see SQLERROR in its log. Stop it before you mend that, \
                 for what it has stored twice would be applied twice: `chameleon stop_replica {}`. When it is started, it throws that \
                 away: {}",
                self.options(),
                self.start(false)
            ),
        )
    }
}
