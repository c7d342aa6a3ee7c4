//! Every source of the configuration is of type mysql: 1.7 knew no other.

use super::{Facts, Finding};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<_> = facts.other_types.iter().map(|(name, kind)| finding(name, kind)).collect();
    if facts.targets.is_empty() && findings.is_empty() {
        findings.push(Finding::error(
            "source-types",
            "The configuration has no source.",
            "Add a source of type mysql under `sources`, with the schema_mappings of the old sources.",
        ));
    }
    findings
}

fn finding(name: &str, kind: &str) -> Finding {
    Finding::error(
        "source-types",
        format!(
            "The source {name} of the configuration is of type {kind}: a 1.7 catalogue has no such source."
        ),
        format!(
            "Take {name} out of the configuration for the upgrade; add it again afterwards with add_source."
        ),
    )
}
