//! Every replicated table is in its destination schema, with a primary key.
//!
//! 1.8.2's sync_tables leaves a table without one. The daemon finds rows by their key columns either way,
//! but nothing then keeps a row from being there twice.

use super::{Facts, Finding, counted};
use crate::catalogue::names::quote_identifier;
use crate::facts::postgres::{Unfit, UnfitTables};
use crate::wording::first_of;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let missing = &catalogue.tables.missing;
    let without_key = &catalogue.tables.without_primary_key;
    let mut findings = Vec::new();
    if missing.count > 0 {
        findings.push(Finding::warning(
            "destination-tables",
            format!("{} not in the destination schema: {}.", are(missing), list(missing)),
            "They are brought over as they are, and pg_chameleon 2 disables each at its first event. Sync them again \
             with 1.8.2's sync_tables before the upgrade, or with sync_tables of 2.0 after it.",
        ));
    }
    if without_key.count > 0 {
        findings.push(Finding::warning(
            "primary-keys",
            format!("{} without a primary key in the destination schema: {}.", are(without_key), list(without_key)),
            format!(
                "1.8.2's sync_tables leaves tables so. Add the primary keys before the upgrade: an insert that is read twice \
                 then fails, instead of doubling the row. {}",
                keys(without_key)
            ),
        ));
    }
    findings
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

fn are(tables: &UnfitTables) -> String {
    let verb = if tables.count == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(tables.count, "replicated table"))
}

/// The first tables by name, and how many more there are.
pub(super) fn list(tables: &UnfitTables) -> String {
    let first: Vec<_> =
        tables.first.iter().map(|table| format!("{}.{}", table.schema, table.table)).collect();
    first_of(&first, tables.count)
}
