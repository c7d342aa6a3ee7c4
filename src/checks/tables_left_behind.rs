//! Every table of the 1.7 catalogue that was put aside is in the 2.0 one. After our own upgrade it is, until MySQL drops
//! it; pg_chameleon's own upgrade leaves the tables of a source out that has no started batch (§original).

use super::{Check, Examined, Finding, Severity, counted};
use crate::wording::first_of;

pub(super) const CHECK: Check = Check {
    id: "tables-left-behind",
    about: "Every table of the catalogue that was put aside is in the new one",
    rule: "§complete",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    finding(facts).into_iter().collect()
}

fn finding(facts: &Examined) -> Option<Finding> {
    let left = facts.left_behind.as_ref().filter(|left| left.tables > 0)?;
    let tables = counted(left.tables, "table");
    let (are, were) = if left.tables == 1 { ("is", "it was") } else { ("are", "they were") };
    Some(CHECK.warning(format!(
            "{tables} of the 1.7 catalogue that was put aside {are} not in the 2.0 one, and so not replicated: {}.",
            first_of(&left.first, left.tables)
        ),
        format!(
            "Nothing need be done if {were} dropped on MySQL since. Else the upgrade has lost them, as \
             upgrade_replica_schema of pg_chameleon 2.0.21 can. As long as 2.0 has applied nothing: chameleon-upgrade \
             rollback, then chameleon-upgrade upgrade. After that: stop the replica, and bring them with chameleon \
             sync_tables (its --tables takes the names that MySQL has)."
        ),
    ))
}
