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
        let verb = if waiting == 1 { "waits" } else { "wait" };
        let events = counted(waiting, "event");
        Finding::info(
            "waiting-rows",
            format!("{events} of the source {} {verb} to be replayed: that is done first.", source.name),
        )
    })
}
