//! The names of the new sources can be stored in the database, whatever its encoding.

use super::{Check, Examined, Finding, Severity};

pub(super) const CHECK: Check = Check {
    id: "encoding",
    about: "The names of the new sources can be stored in the database",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    facts.unwritable.iter().map(|(source, encoding)| unwritable(source, encoding)).collect()
}

fn unwritable(source: &str, encoding: &str) -> Finding {
    CHECK.error(format!(
            "The name of the source {source} can't be stored: the database's encoding {encoding} lacks a character of it."
        ),
        "Give the source another name in the configuration.",
    )
}
