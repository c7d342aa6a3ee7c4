//! Which batches of a 1.7 source have been applied, which will be, and which never will.
//!
//! SPEC.md, "Batches of one 1.7 source": in the order of their creation, a batch is *applied* when it
//! is processed and nothing of it can be missing; every other batch is open. An open batch that was
//! created after the last applied one is *live*, one created before it is an *orphan*.

use crate::catalogue::v1::snapshot::{OldBatch, OldSource};

/// What will become of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// Its events are in PostgreSQL, or wait in the list that 1.8.2 replays.
    Applied,
    /// The next read starts from its coordinate, or from that of another live batch.
    Live,
    /// 1.8.2 will never apply it: its events were lost when a later batch was applied without it.
    Orphan,
}

/// The batches of a source in the order of their creation, each with its state.
#[must_use]
pub fn in_order(source: &OldSource) -> Vec<(&OldBatch, BatchState)> {
    let mut batches: Vec<&OldBatch> = source.batches.iter().collect();
    batches.sort_by_key(|batch| (batch.created, batch.id));
    let open_from = batches.iter().rposition(|batch| is_applied(batch)).map_or(0, |last| last + 1);
    let state = |(place, batch): (usize, &OldBatch)| match (is_applied(batch), place < open_from) {
        (true, _) => BatchState::Applied,
        (false, true) => BatchState::Orphan,
        (false, false) => BatchState::Live,
    };
    batches.iter().enumerate().map(|(place, batch)| (*batch, state((place, batch)))).collect()
}

/// The batches of a source that are in `wanted`, in the order of their creation.
pub fn in_state(source: &OldSource, wanted: BatchState) -> impl Iterator<Item = &OldBatch> {
    in_order(source).into_iter().filter(move |(_, state)| *state == wanted).map(|(batch, _)| batch)
}

/// A processed batch without rows and without a list closed empty: that is normal.
fn is_applied(batch: &OldBatch) -> bool {
    batch.processed && (batch.replayed || batch.listed || !batch.has_rows)
}
