//! The key columns of every table can be read: a list of names in double quotes.

use super::{Check, Examined, Finding, Severity, counted, listed};

pub(super) const CHECK: Check = Check {
    id: "key-columns",
    about: "The key columns of every table can be read",
    rule: "§key-columns",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let tables = &catalogue.tables.unreadable_key;
    if tables.count == 0 {
        return vec![];
    }
    vec![CHECK.error(
        format!(
            "The key columns (v_table_pkey) of {} can't be read: {}.",
            counted(tables.count, "table"),
            listed(tables)
        ),
        "Sync these tables again with 1.8.2's sync_tables: it writes their key columns anew.",
    )]
}
