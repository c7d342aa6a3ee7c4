//! Every source of the configuration is of type mysql: 1.7 knew no other.

use super::{Check, Examined, Finding, Severity};
use crate::examination::OtherType;

pub(super) const CHECK: Check = Check {
    id: "source-types",
    about: "Every source of the configuration is of type mysql",
    rule: "§mappings",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let mut findings: Vec<_> = facts.other_types.iter().map(finding).collect();
    if facts.targets.is_empty() && findings.is_empty() {
        findings.push(CHECK.error(
            "The configuration has no source.",
            "Add a source of type mysql under `sources`, with the schema_mappings of the old sources.",
        ));
    }
    findings
}

fn finding(OtherType { name, kind, lines: (first, last) }: &OtherType) -> Finding {
    CHECK.error(format!(
            "The source {name} of the configuration (lines {first} to {last}) is of type {kind}: a 1.7 catalogue has no such \
             source."
        ),
        format!(
            "Remove {name} from the configuration, its lines {first} to {last}. pg_chameleon's example has such a source, which \
             nobody needs for the upgrade; one that you do need can be added again afterwards, with add_source."
        ),
    )
}
