//! How many events wait to be replayed, for each source.

use super::{Facts, Finding, counted};
use crate::catalogue::v1::snapshot::OldSource;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    catalogue.snapshot.sources.iter().filter_map(finding).collect()
}

fn finding(source: &OldSource) -> Option<Finding> {
    let waiting = source.waiting();
    (waiting > 0).then(|| {
        Finding::info(
            "waiting-rows",
            format!("{} of the source {} to be replayed first.", wait(waiting), source.name),
        )
    })
}

fn wait(events: u64) -> String {
    format!("{} {}", counted(events, "event"), if events == 1 { "waits" } else { "wait" })
}
