//! `limit_tables`, `skip_tables` and `skip_events` of a source: which tables of its schemas the daemon of pg_chameleon
//! 2.0.21 reads, and what of them. It goes through whatever stands there as Python does: a text letter by letter, a mapping
//! by its keys. Each form was tried on the real daemon.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Problem;
use super::field::{Field, Form};
use crate::mapping::MappingPair;

/// The kinds of events that `skip_events` knows.
pub const EVENTS: [&str; 3] = ["insert", "update", "delete"];

/// By schema, the names of tables in it.
type Tables = BTreeMap<String, BTreeSet<String>>;

/// Which tables of a source the daemon reads, by their names on MySQL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableLists {
    limit: Tables,
    skip: Tables,
    /// By the kind of event.
    events: BTreeMap<&'static str, Selection>,
}

/// Some of a source's tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// All tables of these schemas,
    pub schemas: BTreeSet<String>,
    /// but for these.
    pub but: BTreeSet<(String, String)>,
    /// These tables.
    pub tables: BTreeSet<(String, String)>,
}

impl Selection {
    /// Every name in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let pairs = self.but.iter().chain(&self.tables);
        let halves = pairs.flat_map(|(schema, table)| [schema.as_str(), table.as_str()]);
        self.schemas.iter().map(String::as_str).chain(halves)
    }

    /// The same without what bears one of these names.
    #[must_use]
    pub fn without(mut self, names: &BTreeSet<String>) -> Self {
        let bears = |(schema, table): &(String, String)| names.contains(schema) || names.contains(table);
        self.schemas.retain(|schema| !names.contains(schema));
        self.but.retain(|pair| !bears(pair));
        self.tables.retain(|pair| !bears(pair));
        self
    }
    /// Whether it can't hold any table.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schemas.is_empty() && self.tables.is_empty()
    }

    /// The schemas that it names.
    pub fn named_schemas(&self) -> impl Iterator<Item = &str> {
        self.schemas.iter().chain(self.tables.iter().map(|(schema, _)| schema)).map(String::as_str)
    }
}

impl TableLists {
    /// The lists of a source that maps these schemas.
    pub(super) fn read(source: &Field<'_>, mappings: &[MappingPair]) -> Result<Self, Problem> {
        Ok(Self {
            limit: tables(source, "limit_tables")?,
            skip: tables(source, "skip_tables")?,
            events: events(source, mappings)?,
        })
    }

    /// Whether the daemon reads the rows of a table. Of a schema that `limit_tables` names, it reads no others.
    #[must_use]
    pub fn are_read(&self, schema: &str, table: &str) -> bool {
        let names = |tables: &Tables| tables.get(schema).map(|names| names.contains(table));
        names(&self.skip) != Some(true) && names(&self.limit) != Some(false)
    }

    /// The tables whose rows the daemon doesn't read.
    #[must_use]
    pub fn left_out(&self) -> Selection {
        Selection {
            schemas: self.limit.keys().cloned().collect(),
            but: pairs(&self.limit).collect(),
            tables: pairs(&self.skip).collect(),
        }
    }

    /// By the kind of event, the tables of which the daemon doesn't read it.
    pub fn skipped_events(&self) -> impl Iterator<Item = (&'static str, &Selection)> {
        self.events.iter().map(|(event, selection)| (*event, selection))
    }
}

fn pairs(tables: &Tables) -> impl Iterator<Item = (String, String)> + '_ {
    tables.iter().flat_map(|(schema, names)| names.iter().map(|name| (schema.clone(), name.clone())))
}

/// What Python goes through, one by one; none where it can't, or where there is nothing.
fn entries(field: &Field<'_>) -> Vec<String> {
    match field.form() {
        Form::List(items) => items.iter().filter_map(Field::as_text).collect(),
        Form::Mapping(keys) => keys,
        Form::Text(text) => text.chars().map(String::from).collect(),
        Form::Null | Form::Number { .. } => vec![],
    }
}

fn tables(source: &Field<'_>, key: &str) -> Result<Tables, Problem> {
    let mut tables = Tables::new();
    let Some(field) = source.get(key)? else { return Ok(tables) };
    for entry in entries(&field) {
        let mut parts = entry.split('.');
        let names = tables.entry(parts.next().unwrap_or_default().to_owned()).or_default();
        names.extend(parts.next().map(str::to_owned));
    }
    Ok(tables)
}

/// A table's event is skipped when the schema, or the schema and the table with a dot between, is in what stands there: one of
/// a list, or part of a text.
fn events(
    source: &Field<'_>,
    mappings: &[MappingPair],
) -> Result<BTreeMap<&'static str, Selection>, Problem> {
    let mut events = BTreeMap::new();
    let Some(skipped) = source.get("skip_events")?.filter(|field| matches!(field.form(), Form::Mapping(_)))
    else {
        return Ok(events);
    };
    for event in EVENTS {
        let Some(field) = skipped.get(event)? else { continue };
        let mut selection = Selection::default();
        if let Form::Text(text) = field.form() {
            let schemas = mappings.iter().map(|pair| &pair.source_schema);
            selection.schemas.extend(schemas.filter(|schema| text.contains(*schema)).cloned());
            events.insert(event, selection);
            continue;
        }
        for entry in entries(&field) {
            match entry.split_once('.') {
                Some((schema, table)) => _ = selection.tables.insert((schema.to_owned(), table.to_owned())),
                None => _ = selection.schemas.insert(entry),
            }
        }
        events.insert(event, selection);
    }
    Ok(events)
}

/// Entries of the lists whose schemas the source doesn't map, each list with its field.
pub(super) fn of_other_schemas<'d>(
    source: &Field<'d>,
    mappings: &[MappingPair],
) -> Result<Vec<(Field<'d>, String)>, Problem> {
    let mut lists = Vec::new();
    for key in ["limit_tables", "skip_tables"] {
        lists.extend(source.get(key)?.map(|field| (field, key.to_owned())));
    }
    if let Some(skipped) = source.get("skip_events")?.filter(|field| matches!(field.form(), Form::Mapping(_)))
    {
        for event in EVENTS {
            lists.extend(skipped.get(event)?.map(|field| (field, format!("skip_events.{event}"))));
        }
    }
    let is_mapped = |entry: &String| {
        mappings.iter().any(|pair| entry.split('.').next() == Some(pair.source_schema.as_str()))
    };
    let others = lists.into_iter().filter_map(|(field, key)| {
        let Form::List(items) = field.form() else { return None };
        let others: Vec<_> =
            items.iter().filter_map(Field::as_text).filter(|entry| !is_mapped(entry)).collect();
        (!others.is_empty()).then(|| (field, format!("{key} names {}", others.join(", "))))
    });
    Ok(others.collect())
}

/// Why the daemon ends at a list of tables; none when it doesn't.
pub(super) fn ends_at(field: &Field<'_>) -> Option<String> {
    match field.form() {
        Form::Number { truthy: true } => return Some("and the daemon asks for a list".to_owned()),
        Form::List(items) if items.iter().any(|item| item.as_text().is_none()) => {
            return Some("and holds something that is no text".to_owned());
        }
        _ => {}
    }
    let mut seen = BTreeSet::new();
    for entry in entries(field) {
        let mut parts = entry.split('.');
        let schema = parts.next().unwrap_or_default().to_owned();
        let known = !seen.insert(schema.clone());
        if known && parts.next().is_none() {
            return Some(if matches!(field.form(), Form::Text(_)) {
                "which the daemon goes through letter by letter".to_owned()
            } else {
                format!("and names {schema:?} without a table after another entry of that schema")
            });
        }
    }
    None
}
