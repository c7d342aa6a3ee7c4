//! Every source that has tables says from where to read on.

use super::{Check, Examined, Finding, Severity, counted, findings_of_refusals};
use crate::plan::Refusal;

pub(super) const CHECK: Check = Check {
    id: "start",
    about: "Every source that has tables says from where to read on",
    rule: "§start",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    findings_of_refusals(facts, |refusal| {
        match refusal {
        Refusal::NoLiveBatch { source, tables } => Some(CHECK.error(format!(
                "The source {source} has {} and no open batch: nothing says from where in the binary log to read on.",
                counted(*tables, "table")
            ),
            format!(
                "Only 1.8.2's init_replica of {source} makes one: it copies all tables of the source anew. (Starting the \
                 replica does not: without an open batch it reads nothing.)"
            ),
        )),
        _ => None,
    }
    })
}
