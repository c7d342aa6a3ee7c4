//! The MySQL server of every source can be reached with the account of the configuration.

use super::{Facts, Finding};

const CHECK: &str = "mysql";

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    facts
        .asked()
        .iter()
        .filter_map(|asked| {
            let error = asked.answer.as_ref().err()?;
            Some(Finding::error(CHECK, format!("Source {}: {error}.", asked.name), error.remedy))
        })
        .collect()
}
