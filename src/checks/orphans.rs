//! Open batches that a later, applied one has passed: their events were lost long ago.

use super::{Facts, Finding};
use crate::batches::{self, BatchState};
use crate::catalogue::v1::snapshot::{OldBatch, OldSource};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let orphans_of =
        |source| batches::in_state(source, BatchState::Orphan).map(move |batch| finding(source, batch));
    catalogue.snapshot.sources.iter().flat_map(orphans_of).collect()
}

fn finding(source: &OldSource, batch: &OldBatch) -> Finding {
    let place =
        batch.coordinate.read().map_or_else(|_| "no coordinate".to_owned(), |place| place.to_string());
    let found = format!(
        "The batch {} of the source {} ({place}) is still open though a later batch was applied: 1.8.2 will never apply \
         it. It is left out of the upgrade.",
        batch.id, source.name
    );
    let remedy = if batch.tables_named.is_empty() {
        format!(
            "It holds no events of {} that could be named; nothing need be synced because of it.",
            source.name
        )
    } else {
        format!(
            "Its events are missing from these tables; sync them again, best before the upgrade: {}.",
            batch.tables_named.join(", ")
        )
    };
    Finding::warning("orphan-batches", found, remedy)
}
