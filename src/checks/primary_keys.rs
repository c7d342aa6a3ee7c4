//! Every replicated table has a primary key in its destination schema.
//!
//! 1.8.2's sync_tables leaves a table without one. The daemon finds rows by their key columns either way,
//! but nothing then keeps a row from being there twice.

use super::destination_tables::are;
use super::{Check, Examined, Finding, Severity, listed};
use crate::facts::postgres::{Unfit, UnfitTables};
use crate::names::quote_identifier;

pub(super) const CHECK: Check = Check {
    id: "primary-keys",
    about: "Every replicated table has a primary key in its destination schema",
    rule: "§checks",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let without_key = facts.catalogue.as_ref().map(|catalogue| &catalogue.tables.without_primary_key);
    without_key.filter(|tables| tables.count > 0).map(finding).into_iter().collect()
}

fn finding(without_key: &UnfitTables) -> Finding {
    CHECK.warning(
        format!("{} without a primary key in the destination schema: {}.", are(without_key), listed(without_key)),
        format!(
            "1.8.2's sync_tables leaves tables so. Add the primary keys before the upgrade: an insert that is read twice \
             then fails, instead of doubling the row. {}",
            keys(without_key)
        ),
    )
}

/// The statements for the tables that are named.
fn keys(tables: &UnfitTables) -> String {
    let key = |table: &Unfit| {
        let key = table.key.as_deref().filter(|key| key.starts_with('"') && key.ends_with('"'))?;
        let (schema, name) = (quote_identifier(&table.schema), quote_identifier(&table.table));
        Some(format!("ALTER TABLE {schema}.{name} ADD PRIMARY KEY ({key});"))
    };
    tables.first.iter().filter_map(key).collect::<Vec<_>>().join(" ")
}
