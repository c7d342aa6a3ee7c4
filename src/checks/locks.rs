//! Nothing holds a lock on the catalogue that the upgrade would wait for.

use super::{Check, Examined, Finding, Severity};

pub(super) const CHECK: Check = Check {
    id: "locks",
    about: "Nothing holds a lock on the catalogue's tables",
    rule: "§procedure-6",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    // Those of pg_chameleon go when it is stopped.
    let held = catalogue.holders.as_ref().filter(|_| catalogue.sessions.is_empty());
    held.into_iter().map(|holders| warning(holders)).collect()
}

fn warning(holders: &str) -> Finding {
    CHECK.warning(format!("Locks on the catalogue's tables are held by {holders}."),
        "The upgrade waits for them as long as the configuration's lock_timeout says, and gives up then: wait until that has \
         ended, or end it.",
    )
}
