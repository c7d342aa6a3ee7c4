//! The names of the new sources can be stored in the database, whatever its encoding.

use super::{Facts, Finding};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    facts.unwritable.iter().map(|(source, encoding)| unwritable(source, encoding)).collect()
}

fn unwritable(source: &str, encoding: &str) -> Finding {
    Finding::error(
        "encoding",
        format!(
            "The name of the source {source} can't be stored: the database's encoding {encoding} lacks a character of it."
        ),
        "Give the source another name in the configuration.",
    )
}
