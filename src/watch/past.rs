//! What was seen of a source before: since when it has stood where it stands, and whether it only stores again what it had stored.
//! §after-watch

use super::replica::Source;
use crate::binlog::BinlogCoordinate;
use std::time::Duration;

/// After how long, and how often it must have begun anew, a reading process that has stored nothing but what it had stored before
/// goes in circles. One that was started anew begins anew once.
const CIRCLING: Duration = Duration::from_secs(20);
const ROUNDS: u32 = 3;

/// What was seen of a source before.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    reads_on: Option<BinlogCoordinate>,
    /// When it came there.
    pub since: Duration,
    applied: Option<String>,
    /// When so much of it had been applied.
    pub applied_since: Duration,
    /// How far it has stored at most, reading on from there, and how far at last.
    furthest: Option<BinlogCoordinate>,
    stored: Option<BinlogCoordinate>,
    again: Option<Again>,
}

/// What was stored had been stored before.
#[derive(Debug, Clone, Copy)]
struct Again {
    since: Duration,
    rounds: u32,
}

impl Past {
    /// Nothing is known before `at`.
    pub fn beginning(at: Duration) -> Self {
        Self { since: at, applied_since: at, ..Self::default() }
    }

    /// Takes note of where the source stands, `at` so long after the beginning.
    pub fn note(&mut self, source: &Source, stored: Option<&BinlogCoordinate>, at: Duration) {
        if self.reads_on != source.reads_on {
            (self.reads_on, self.since) = (source.reads_on.clone(), at);
            (self.furthest, self.stored, self.again) = (None, None, None);
        }
        if self.applied != source.applied {
            (self.applied, self.applied_since) = (source.applied.clone(), at);
        }
        let Some(until) = stored else { return };
        if self.furthest.as_ref().is_none_or(|furthest| until > furthest) {
            (self.furthest, self.again) = (Some(until.clone()), None);
        } else if self.stored.as_ref().is_some_and(|before| until <= before) {
            self.again.get_or_insert(Again { since: at, rounds: 0 }).rounds += 1;
        }
        self.stored = Some(until.clone());
    }

    /// For how long it has gone in circles.
    pub fn circling(&self, at: Duration) -> Option<Duration> {
        let Again { since, rounds } = self.again?;
        (rounds >= ROUNDS && at - since >= CIRCLING).then(|| at - since)
    }
}
