//! `limit_tables` and `skip_tables` of a source: which tables of its schemas the daemon of pg_chameleon 2.0.21 reads.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Problem;
use super::field::Field;

/// By schema, the names of tables in it.
type Tables = BTreeMap<String, BTreeSet<String>>;

/// The two lists, each of names such as `schema.table`, on MySQL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableLists {
    limit: Tables,
    skip: Tables,
}

impl TableLists {
    pub(super) fn read(source: &Field<'_>) -> Result<Self, Problem> {
        Ok(Self { limit: tables(source, "limit_tables")?, skip: tables(source, "skip_tables")? })
    }

    /// Whether the daemon reads the rows of a table. Of a schema that `limit_tables` names, it reads no others.
    #[must_use]
    pub fn are_read(&self, schema: &str, table: &str) -> bool {
        let names = |tables: &Tables| tables.get(schema).map(|names| names.contains(table));
        names(&self.skip) != Some(true) && names(&self.limit) != Some(false)
    }
}

/// What is no list of such names is passed over: this is not the place to refuse it.
fn tables(source: &Field<'_>, key: &str) -> Result<Tables, Problem> {
    let mut tables = Tables::new();
    let Some(field) = source.get(key)? else { return Ok(tables) };
    for name in field.texts() {
        let mut parts = name.split('.');
        if let (Some(schema), Some(table)) = (parts.next(), parts.next()) {
            tables.entry(schema.to_owned()).or_default().insert(table.to_owned());
        }
    }
    Ok(tables)
}
