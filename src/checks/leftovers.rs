//! No schema is left over from an earlier upgrade: the next one needs both names.

use super::{Facts, Finding};
use crate::catalogue::names::{VERSION1, quote_identifier};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    facts.server.leftovers.iter().map(|schema| finding(schema)).collect()
}

fn finding(schema: &str) -> Finding {
    let origin = if schema == VERSION1 {
        "the catalogue that an earlier upgrade put aside"
    } else {
        "what an earlier upgrade that failed had built, kept for inspection"
    };
    let name = quote_identifier(schema);
    let kept = quote_identifier(&format!("{schema}_kept"));
    Finding::error(
        "leftovers",
        format!("The schema {schema} is left over: {origin}."),
        format!(
            "When it is of no more use: DROP SCHEMA {name} CASCADE; to keep it: ALTER SCHEMA {name} RENAME TO {kept};"
        ),
    )
}
