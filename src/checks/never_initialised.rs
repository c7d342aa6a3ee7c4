//! Sources without tables and without a live batch: there is nothing to bring over.

use super::{Facts, Finding};
use crate::plan;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let empty = catalogue.snapshot.sources.iter().filter(|source| plan::never_initialised(source));
    empty
        .map(|source| {
            Finding::warning(
                "never-initialised",
                format!("The source {} was never initialised: it has no tables and no open batch.", source.name),
                "Its schemas are mapped in the new source and nothing is replicated into them yet. If they shall be: \
                 init_replica, with 1.8.2 before the upgrade or with 2.0 after it.",
            )
        })
        .collect()
}
