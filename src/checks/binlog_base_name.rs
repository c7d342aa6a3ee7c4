//! One binary log base name for each new source, that pg_chameleon 2's daemon can read.

use super::{Check, Examined, Finding, Severity, findings_of_refusals};
use crate::plan::Refusal;

pub(super) const CHECK: Check = Check {
    id: "binlog-base-name",
    about: "The old sources of a new one share the base name of their binary logs, one without a dot",
    rule: "§base-name",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    findings_of_refusals(facts, |refusal| {
        match refusal {
        Refusal::DifferentBaseNames { target, bases } => {
            let uses: Vec<_> =
                bases.iter().map(|(base, sources)| format!("{base} ({})", sources.join(", "))).collect();
            Some(CHECK.error(format!(
                    "The sources that go into {target} read binary logs of different MySQL servers: {}.",
                    uses.join("; ")
                ),
                "Give each MySQL server a source of its own in the configuration, with the schema_mappings of its \
                 old sources. Was log_bin renamed on one server: let every source (and table synced on its own) \
                 read past the change first.",
            ))
        }
        Refusal::DotInBaseName { target, base } => Some(CHECK.error(format!(
                "The binary log base name {base} (source {target}) has a dot in it: the daemon of pg_chameleon 2 can't \
                 read the number of such a file."
            ),
            "Set log_bin on the MySQL server to a name without a dot, restart it, and let the 1.8.2 replica read past \
             the change.",
        )),
        _ => None,
    }
    })
}
