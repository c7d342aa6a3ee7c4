//! The account of the configuration sees the schemas that it shall replicate.

use super::{Facts, Finding};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let hidden = facts.answers().filter(|(_, answer)| !answer.hidden_schemas.is_empty());
    hidden
        .map(|(asked, answer)| {
            Finding::warning(
                "mysql-schemas",
                format!(
                    "Source {}: the account {} sees no schema {} on the MySQL server at {}.",
                    asked.name,
                    asked.user,
                    answer.hidden_schemas.join(", "),
                    asked.place
                ),
                "If it exists, grant the account SELECT on it: without that the new replica knows none of its tables. If \
                 it was dropped, drop its source with 1.8.2's drop_source and take it out of schema_mappings.",
            )
        })
        .collect()
}
