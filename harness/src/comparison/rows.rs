//! Whether ours has written the same catalogue as the original, row for row, but for what the rules of
//! docs/specification.md do otherwise on purpose. Each such difference has a name here, and is allowed in the columns
//! and in the form that it has, nowhere else.

use super::before::Before;
use crate::live::LiveError;
use crate::server::quoting::identifier;
use postgres::Client;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

const TABLES: &str = "
    SELECT relname::text FROM pg_class
    WHERE relnamespace = 'sch_chameleon'::regnamespace AND relkind IN ('r', 'v') AND relname NOT IN ('v_idx_cons', 'v_fkeys')
    ORDER BY relname";

/// A difference that is there on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnPurpose {
    /// `t_replica_tables.i_binlog_position`: the point + 1, because the daemon compares with `>=`.
    PositionPlusOne,
    /// `t_last_received`, `t_last_replayed`: the times of 1.7, so that show_status keeps its lag. The original leaves
    /// them empty.
    LagCarriedOver,
    /// `t_sources.enm_status`: stopped, as the replica is. The original writes ready.
    Stopped,
    /// `t_replica_batch.ts_created`: the time of the upgrade.
    TimeOfTheUpgrade,
    /// `t_replica_tables.i_id_table`: the same numbers for the same tables, given out in another order. Nothing refers
    /// to them, and the original gives them out in the order in which its join finds the tables.
    OrderOfTables,
}

impl OnPurpose {
    /// What it is, for the document.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::PositionPlusOne => {
                "`t_replica_tables.i_binlog_position` is one higher: the daemon applies an event that ends at the stored position"
            }
            Self::LagCarriedOver => {
                "`t_last_received` and `t_last_replayed` hold the times of the 1.7 catalogue, so that show_status keeps its lag; the \
                 original leaves them empty"
            }
            Self::Stopped => {
                "`t_sources.enm_status` is stopped, as the replica is; the original writes ready"
            }
            Self::TimeOfTheUpgrade => "`t_replica_batch.ts_created` is the time of the upgrade",
            Self::OrderOfTables => {
                "`t_replica_tables.i_id_table` numbers the tables in another order; nothing refers to it, and the original's order is \
                 that in which a join finds them"
            }
        }
    }

    fn of(table: &str, column: &str, original: &Value, ours: &Value, before: &Before) -> Option<Self> {
        let carried_over =
            || original.is_null() && ours.as_str().is_some_and(|time| before.times.contains(time));
        match (table, column) {
            ("t_replica_tables", "i_binlog_position") => {
                let both = original.as_i64().zip(ours.as_i64());
                both.is_some_and(|(original, ours)| ours == original + 1).then_some(Self::PositionPlusOne)
            }
            ("t_last_received", "ts_last_received") | ("t_last_replayed", "ts_last_replayed") => {
                carried_over().then_some(Self::LagCarriedOver)
            }
            ("t_sources", "enm_status") => {
                (original == "ready" && ours == "stopped").then_some(Self::Stopped)
            }
            ("t_replica_tables", "i_id_table") => {
                (original.is_i64() && ours.is_i64()).then_some(Self::OrderOfTables)
            }
            ("t_replica_batch", "ts_created") => {
                (original.is_string() && ours.is_string()).then_some(Self::TimeOfTheUpgrade)
            }
            _ => None,
        }
    }
}

/// The rows of a catalogue by its tables.
#[derive(Debug, Clone)]
pub(super) struct Catalogue(BTreeMap<String, Vec<Map<String, Value>>>);

impl Catalogue {
    pub(super) fn read(client: &mut Client) -> Result<Self, LiveError> {
        let doing = || LiveError::sql("read the rows of the catalogue");
        let mut rows = BTreeMap::new();
        for table in client.query(TABLES, &[]).map_err(doing())? {
            let name: String = table.get(0);
            let select =
                format!("SELECT to_jsonb(t) FROM ONLY sch_chameleon.{} t ORDER BY 1", identifier(&name));
            let found = client.query(&select, &[]).map_err(doing())?;
            let objects = found.iter().filter_map(|row| match row.get(0) {
                Value::Object(object) => Some(object),
                _ => None,
            });
            let mut objects: Vec<_> = objects.collect();
            objects.sort_by_key(identity);
            rows.insert(name, objects);
        }
        Ok(Self(rows))
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// What ours does otherwise on purpose; or what it does otherwise for no reason that is known.
    pub(super) fn compare(
        original: &Self,
        ours: &Self,
        before: &Before,
    ) -> Result<BTreeSet<OnPurpose>, Vec<String>> {
        let mut on_purpose = BTreeSet::new();
        let mut unexplained = Vec::new();
        if original.0.keys().ne(ours.0.keys()) {
            unexplained.push(format!("the tables are {:?} and {:?}", original.0.keys(), ours.0.keys()));
        }
        for (table, theirs) in &original.0 {
            let same = ours.0.get(table).map(Vec::as_slice).unwrap_or_default();
            if theirs.len() != same.len() {
                unexplained.push(format!("{table} has {} rows and {}", theirs.len(), same.len()));
            }
            for (theirs, same) in theirs.iter().zip(same) {
                for (column, value) in theirs {
                    let other = same.get(column).unwrap_or(&Value::Null);
                    if value == other {
                        continue;
                    }
                    match OnPurpose::of(table, column, value, other, before) {
                        Some(known) => drop(on_purpose.insert(known)),
                        None => unexplained.push(format!("{table}.{column} is {value} and {other}")),
                    }
                }
            }
        }
        if unexplained.is_empty() { Ok(on_purpose) } else { Err(unexplained) }
    }
}

/// What a row is of: its source and its table, as far as it has them.
fn identity(row: &Map<String, Value>) -> String {
    ["i_id_source", "v_schema_name", "v_table_name"]
        .map(|column| row.get(column).unwrap_or(&Value::Null).to_string())
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn before() -> Before {
        Before { schema: 1, tables: BTreeSet::new(), times: BTreeSet::from(["2026-01-01T00:00:00".into()]) }
    }

    fn catalogue(table: &str, row: Value) -> Catalogue {
        let Value::Object(row) = row else { panic!("not a row: {row}") };
        Catalogue(BTreeMap::from([(table.to_owned(), vec![row])]))
    }

    fn compare(table: &str, original: Value, ours: Value) -> Result<BTreeSet<OnPurpose>, Vec<String>> {
        Catalogue::compare(&catalogue(table, original), &catalogue(table, ours), &before())
    }

    #[test]
    fn what_is_on_purpose_has_a_form() {
        let allowed = [
            ("t_replica_tables", "i_binlog_position", json!(100), json!(101), OnPurpose::PositionPlusOne),
            ("t_sources", "enm_status", json!("ready"), json!("stopped"), OnPurpose::Stopped),
            (
                "t_last_received",
                "ts_last_received",
                Value::Null,
                json!("2026-01-01T00:00:00"),
                OnPurpose::LagCarriedOver,
            ),
        ];
        for (table, column, original, ours, known) in allowed {
            assert_eq!(
                compare(table, json!({column: original}), json!({column: ours})),
                Ok(BTreeSet::from([known]))
            );
        }
        for (table, column, original, ours) in [
            ("t_replica_tables", "i_binlog_position", json!(100), json!(102)),
            ("t_replica_batch", "i_binlog_position", json!(100), json!(101)),
            ("t_sources", "enm_status", json!("ready"), json!("running")),
            ("t_last_received", "ts_last_received", Value::Null, json!("2026-01-02T00:00:00")),
            ("t_replica_batch", "ts_created", json!("2026-01-02T00:00:00"), Value::Null),
        ] {
            assert!(compare(table, json!({column: original}), json!({column: ours})).is_err());
        }
    }

    #[test]
    fn a_row_too_many_is_unexplained() {
        let two = catalogue("t_sources", json!({"i_id_source": 1}));
        let none = Catalogue(BTreeMap::from([("t_sources".to_owned(), vec![])]));
        assert!(Catalogue::compare(&none, &two, &before()).is_err());
    }
}
