//! The MySQL server of every source can be reached with the account of the configuration.

use super::{Check, Examined, Finding, Severity};

pub(super) const CHECK: Check = Check {
    id: "mysql",
    about: "The MySQL server of every source can be reached with its account",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    facts
        .asked()
        .iter()
        .filter_map(|asked| {
            let error = asked.answer.as_ref().err()?;
            Some(CHECK.error(format!("Source {}: {error}.", asked.name), error.remedy))
        })
        .collect()
}
