//! The key columns of every table can be read: a list of names in double quotes.

use super::{Facts, Finding, counted, destination};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let tables = &catalogue.tables.unreadable_key;
    if tables.count == 0 {
        return vec![];
    }
    vec![Finding::error(
        "key-columns",
        format!(
            "The key columns (v_table_pkey) of {} can't be read: {}.",
            counted(tables.count, "table"),
            destination::list(tables)
        ),
        "Sync these tables again with 1.8.2's sync_tables: it writes their key columns anew.",
    )]
}
