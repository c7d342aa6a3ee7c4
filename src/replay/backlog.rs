//! What waits to be replayed, source by source.

use crate::config::Configuration;
use crate::facts::snapshot::{OldSource, OldSourceId, Snapshot};
use crate::plan::Plan;
use std::time::Duration;

/// What waits of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// The old source.
    pub source: OldSourceId,
    /// Its name.
    pub name: String,
    /// How many events wait.
    pub events: u64,
    /// How many batches they are in.
    pub batches: u64,
    /// How many events one call may take: `replay_max_rows` of the new source.
    pub events_a_call: u64,
    /// How long to wait for a lock on a destination table: `lock_timeout` of the new source; zero waits for ever.
    pub lock_timeout: Duration,
}

impl Backlog {
    /// That of every source that has one. A batch that is listed without events has yet to be closed too.
    #[must_use]
    pub fn all(configuration: &Configuration, snapshot: &Snapshot, plan: &Plan) -> Vec<Self> {
        let configured = |id| {
            let target = plan.sources.iter().find(|source| source.parts.iter().any(|part| part.id == id));
            configuration.sources.iter().find(|it| target.is_some_and(|target| target.name == it.name))
        };
        let backlog = |source: &OldSource| {
            (source.waiting.batches > 0).then(|| Self {
                source: source.id,
                name: source.name.clone(),
                events: source.waiting.events,
                batches: source.waiting.batches,
                events_a_call: configured(source.id).map_or(1, |source| source.replay_max_rows),
                lock_timeout: configured(source.id).map(|source| source.lock_timeout).unwrap_or_default(),
            })
        };
        snapshot.sources.iter().filter_map(backlog).collect()
    }
}
