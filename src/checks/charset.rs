//! The MySQL server knows the character set that the new replica will ask for.

use super::{Facts, Finding};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let unknown = facts.answers().filter(|(_, answer)| !answer.settings.knows_charset);
    unknown
        .map(|(asked, _)| {
            Finding::error(
                "mysql-charset",
                format!(
                    "Source {}: the MySQL server at {} knows no character set {:?}.",
                    asked.name, asked.place, asked.charset
                ),
                "Correct db_conn.charset of the source: utf8mb4 is right for every server since MySQL 5.5.",
            )
        })
        .collect()
}
