//! Every replicated table is in its destination schema.

use super::{Check, Examined, Finding, Severity, counted, listed};
use crate::facts::postgres::UnfitTables;

pub(super) const CHECK: Check = Check {
    id: "destination-tables",
    about: "Every replicated table is in its destination schema",
    rule: "§checks",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let missing = facts.catalogue.as_ref().map(|catalogue| &catalogue.tables.missing);
    missing.filter(|missing| missing.count > 0).map(finding).into_iter().collect()
}

fn finding(missing: &UnfitTables) -> Finding {
    CHECK.warning(
        format!("{} not in the destination schema: {}.", are(missing), listed(missing)),
        "They are brought over as they are, and pg_chameleon 2 disables each at its first event. Sync them again \
         with 1.8.2's sync_tables before the upgrade, or with sync_tables of 2.0 after it.",
    )
}

/// `1 replicated table is`, `2 replicated tables are`.
pub(super) fn are(tables: &UnfitTables) -> String {
    let verb = if tables.count == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(tables.count, "replicated table"))
}
