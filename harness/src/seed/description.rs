//! What a seed describes: the state of a 1.7 replica in the words of docs/catalogues.md, short enough
//! that the ordinary states take one line of a scenario file.
//!
//! Every type is read strictly (unknown keys are refused) and can be written as well in Rust:
//! `Source::new("orders").table(Table::new("items").rows(3)).batch(Batch::open("mysql-bin.000007:1234"))`.

use super::ordered;
use schemars::JsonSchema;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// A row, or its key columns alone: column name to value, as in `jsb_event_data`.
pub type Row = Map<String, Value>;

/// A 1.7 replica: its catalogue and its destination tables.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The rows of `t_sources`, in the order of their ids.
    pub sources: Vec<Source>,
    /// What `v_version` says; 1.7 by default.
    #[serde(default)]
    pub version: Option<String>,
    /// SQL statements that are run at the end, for what a seed has no words for: a grant, a leftover
    /// schema, an object that depends on the catalogue.
    #[serde(default)]
    pub statements: Vec<String>,
}

/// A source of 1.7: one MySQL schema.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `t_source`.
    pub name: String,
    /// `t_source_schema`; `my_<name>` by default, and NULL where it is null.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub source_schema: SourceSchema,
    /// `t_dest_schema`; the source's name by default.
    #[serde(default)]
    pub dest_schema: Option<String>,
    /// `enm_status`; stopped by default.
    #[serde(default)]
    pub status: Status,
    /// `ts_last_received`, as PostgreSQL reads a timestamp.
    #[serde(default)]
    pub last_received: Option<String>,
    /// `ts_last_replay`, as PostgreSQL reads a timestamp.
    #[serde(default)]
    pub last_replay: Option<String>,
    /// The replicated tables.
    #[serde(default)]
    pub tables: Vec<Table>,
    /// The batches, oldest first.
    #[serde(default)]
    pub batches: Vec<Batch>,
}

/// `t_source_schema`: 1.8.2 fills it when the replica starts, so a catalogue may hold none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SourceSchema {
    /// `my_` and the name of the source.
    #[default]
    FromName,
    /// NULL.
    Null,
    /// This name; may be empty.
    Named(String),
}

impl<'de> Deserialize<'de> for SourceSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Named))
    }
}

/// `enm_status` of a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the enum en_src_status")]
pub enum Status {
    Ready,
    Initialising,
    Initialised,
    #[default]
    Stopped,
    Running,
    Error,
}

impl Status {
    /// The label of `en_src_status`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Initialising => "initialising",
            Self::Initialised => "initialised",
            Self::Stopped => "stopped",
            Self::Running => "running",
            Self::Error => "error",
        }
    }
}

/// A binlog coordinate as a seed writes it, `mysql-bin.000007:1234`: the file name and, after the
/// last colon, the position. The file name is free, so that catalogues with wrong ones can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinate {
    /// `t_binlog_name`.
    pub file: String,
    /// `i_binlog_position`.
    pub position: i64,
}

impl FromStr for Coordinate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!("{text:?} is no binlog coordinate: write file:position, such as mysql-bin.000007:1234")
        };
        let (file, position) = text.rsplit_once(':').ok_or_else(refused)?;
        Ok(Self { file: file.to_owned(), position: position.trim().parse().map_err(|_| refused())? })
    }
}

impl fmt::Display for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.position)
    }
}

impl<'de> Deserialize<'de> for Coordinate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A replicated table, or a family of them when `count` is given.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// `v_table_name`; in a family the beginning of each name, `<name>_1`, `<name>_2`, …
    pub name: String,
    /// How many tables of this kind; one, with the name as it stands, by default.
    #[serde(default)]
    pub count: Option<u32>,
    /// The key columns, in their order; `id` by default.
    #[serde(default = "default_key")]
    pub key: Vec<String>,
    /// The columns and their types; the key columns as `integer` and `data text` by default.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub columns: Columns,
    /// The table's own coordinate, when it was synced later than its source.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = ":[0-9]+$"))]
    pub at: Option<Coordinate>,
    /// What stands in the destination schema.
    #[serde(default)]
    pub destination: Destination,
    /// The rows of the destination table.
    #[serde(default)]
    pub rows: Rows,
}

fn default_key() -> Vec<String> {
    vec!["id".to_owned()]
}

/// What a replicated table is in the destination schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A table with its primary key.
    #[default]
    Table,
    /// A table without a primary key, as 1.8.2's `sync_tables` leaves it.
    WithoutKey,
    /// Nothing: the catalogue names a table that isn't there.
    Missing,
}

/// Columns of a destination table in their order: name and PostgreSQL type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns(pub Vec<(String, String)>);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ordered::pairs(deserializer, "a map from column names to PostgreSQL types", "column").map(Self)
    }
}

/// The rows a destination table starts with.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number of rows to generate, or a list of rows")]
pub enum Rows {
    /// So many, generated from the types of the columns: the keys are 1, 2, 3, …
    Generated(u32),
    /// Exactly these; a column that a row leaves out is NULL.
    Given(Vec<Row>),
}

impl Default for Rows {
    fn default() -> Self {
        Self::Generated(0)
    }
}

/// A row of `t_replica_batch` and the events stored for it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Where the next read starts from.
    #[schemars(with = "String", regex(pattern = ":[0-9]+$"))]
    pub at: Coordinate,
    /// How far the batch has come.
    pub state: BatchState,
    /// `i_id_batch`; the next one by default. Ids that are left out are those of batches that are gone.
    #[serde(default)]
    pub id: Option<i64>,
    /// `b_started`, where it differs from what the state says.
    #[serde(default)]
    pub started: Option<bool>,
    /// `b_processed`, where it differs from what the state says.
    #[serde(default)]
    pub processed: Option<bool>,
    /// Whether `t_batch_events` lists the batch, where it differs from what the state says.
    #[serde(default)]
    pub listed: Option<bool>,
    /// `b_replayed`, where it differs from what the state says.
    #[serde(default)]
    pub replayed: Option<bool>,
    /// `ts_created`; a minute after the batch before by default.
    #[serde(default)]
    pub created: Option<String>,
    /// `i_replayed`, `i_skipped` and `i_ddl`; NULL by default, zero for a replayed batch.
    #[serde(default)]
    pub counters: Option<Counters>,
    /// How many rows of it are in `t_discarded_rows`.
    #[serde(default)]
    pub discarded: u32,
    /// The rows in the log table.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// How far a batch has come. Each state includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// Created: what a clean stop leaves.
    Open,
    /// The read has begun.
    Started,
    /// The read is over. With events: the crash before they were listed. Without: a quiet batch.
    Processed,
    /// The events are listed and wait to be replayed.
    Listed,
    /// Replayed to the end.
    Replayed,
}

/// What `fn_process_batch` has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// `i_replayed`.
    #[serde(default)]
    pub replayed: i64,
    /// `i_skipped`.
    #[serde(default)]
    pub skipped: i64,
    /// `i_ddl`.
    #[serde(default)]
    pub ddl: i64,
}

/// An event waiting in a log table, or many of them.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "EventFields")]
pub enum Event {
    /// `{insert: TABLE, row: {…}}`.
    Insert {
        /// The table.
        table: String,
        /// `jsb_event_data`.
        row: Row,
    },
    /// `{update: TABLE, before: {…}, after: {…}}`.
    Update {
        /// The table.
        table: String,
        /// `jsb_event_update`: the row before, or its key columns alone.
        before: Row,
        /// `jsb_event_data`.
        after: Row,
    },
    /// `{delete: TABLE, row: {…}}`.
    Delete {
        /// The table.
        table: String,
        /// `jsb_event_data`: the row, or its key columns alone.
        row: Row,
    },
    /// `{ddl: STATEMENT, table: TABLE}`.
    Ddl {
        /// `t_query`.
        statement: String,
        /// The table.
        table: String,
    },
    /// `{bulk: TABLE, count: N, mix: [insert, update, delete]}`: generated events that can be
    /// replayed, the kinds of `mix` in turn, over the table or the family of tables of that name.
    Bulk {
        /// The table or the family.
        table: String,
        /// How many events.
        count: u32,
        /// The kinds, in turn; one insert, one update and one delete by default.
        mix: Vec<Kind>,
    },
}

/// The kinds of row event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the enum en_binlog_event")]
pub enum Kind {
    Insert,
    Update,
    Delete,
}

/// An event as it is written: the key that names its kind holds the table (for ddl the statement).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EventFields {
    insert: Option<String>,
    update: Option<String>,
    delete: Option<String>,
    ddl: Option<String>,
    bulk: Option<String>,
    row: Option<Row>,
    before: Option<Row>,
    after: Option<Row>,
    table: Option<String>,
    count: Option<u32>,
    mix: Option<Vec<Kind>>,
}

impl TryFrom<EventFields> for Event {
    type Error = &'static str;

    fn try_from(fields: EventFields) -> Result<Self, &'static str> {
        let EventFields { insert, update, delete, ddl, bulk, row, before, after, table, count, mix } = fields;
        match (insert, update, delete, ddl, bulk, row, before, after, table, count, mix) {
            (Some(table), None, None, None, None, Some(row), None, None, None, None, None) => {
                Ok(Self::Insert { table, row })
            }
            (None, Some(table), None, None, None, None, Some(before), Some(after), None, None, None) => {
                Ok(Self::Update { table, before, after })
            }
            (None, None, Some(table), None, None, Some(row), None, None, None, None, None) => {
                Ok(Self::Delete { table, row })
            }
            (None, None, None, Some(statement), None, None, None, None, Some(table), None, None) => {
                Ok(Self::Ddl { statement, table })
            }
            (None, None, None, None, Some(table), None, None, None, None, Some(count), mix) => {
                Ok(Self::bulk_of(&table, count, mix.as_deref().unwrap_or(&EVERY_KIND)))
            }
            _ => Err("no such event: write {insert: TABLE, row}, {update: TABLE, before, after}, \
                      {delete: TABLE, row}, {ddl: STATEMENT, table} or {bulk: TABLE, count, mix}"),
        }
    }
}

const EVERY_KIND: [Kind; 3] = [Kind::Insert, Kind::Update, Kind::Delete];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Batch, Seed, Source};
    use super::*;

    fn read(text: &str) -> Result<Seed, String> {
        yaml_serde::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn yaml_says_what_the_builder_says() {
        let yaml = r#"
sources:
  - name: orders
  - name: stock
    source_schema: null
    dest_schema: St ock
    status: running
    last_received: 2024-05-01 10:00:00
    last_replay: 2024-05-01 09:59:59
    tables:
      - {name: t, key: [a, "b,c"], columns: {"b,c": text, a: int}, at: "mysql-bin.000001:5000000000", rows: [{a: 1}]}
      - {name: f, count: 3, destination: without_key, rows: 7}
    batches:
      - {at: "mysql-bin.1:0", state: replayed, id: 7, counters: {replayed: 1, skipped: 2, ddl: 3}, created: 2024-01-01, discarded: 2}
      - at: mysql-bin.1:9
        state: listed
        events:
          - {insert: t, row: {a: 1, b: null}}
          - {update: t, before: {a: 1}, after: {a: 2}}
          - {delete: t, row: {a: 2}}
          - {ddl: DROP TABLE x, table: t}
          - {bulk: f, count: 9, mix: [update]}
          - {bulk: f, count: 9}
version: "1.6"
statements: [SELECT 1]
"#;
        let stock = Source::new("stock")
            .source_schema(None)
            .dest_schema("St ock")
            .status(Status::Running)
            .last("2024-05-01 10:00:00", "2024-05-01 09:59:59")
            .table(
                Table::new("t")
                    .key(&["a", "b,c"])
                    .column("b,c", "text")
                    .column("a", "int")
                    .at("mysql-bin.000001:5000000000")
                    .given([json!({"a": 1})]),
            )
            .table(Table::family("f", 3).destination(Destination::WithoutKey).rows(7))
            .batch(
                Batch::replayed("mysql-bin.1:0").id(7).counters(1, 2, 3).created("2024-01-01").discarded(2),
            )
            .batch(
                Batch::listed("mysql-bin.1:9")
                    .event(Event::insert("t", json!({"a": 1, "b": null})))
                    .event(Event::update("t", json!({"a": 1}), json!({"a": 2})))
                    .event(Event::delete("t", json!({"a": 2})))
                    .event(Event::ddl("t", "DROP TABLE x"))
                    .event(Event::bulk_of("f", 9, &[Kind::Update]))
                    .event(Event::bulk_of("f", 9, &[Kind::Insert, Kind::Update, Kind::Delete])),
            );
        let seed = Seed::of([Source::new("orders"), stock]).version("1.6").statement("SELECT 1");
        assert_eq!(read(yaml), Ok(seed));
    }

    #[test]
    fn the_schemas_of_a_source_follow_its_name_unless_told() {
        let seed =
            read("sources: [{name: a}, {name: b, source_schema: ''}, {name: c, source_schema: ~}]").unwrap();
        let schemas: Vec<_> =
            seed.sources.iter().map(|source| (source.mysql_schema(), source.destination())).collect();
        assert_eq!(schemas, [(Some("my_a".to_owned()), "a"), (Some(String::new()), "b"), (None, "c")]);
    }

    #[test]
    fn what_it_does_not_know_is_refused_with_its_place() {
        for (yaml, message) in [
            ("sources: [{nam: a}]", "unknown field `nam`"),
            ("sources: []\nsource: []", "unknown field `source`"),
            ("sources: [{name: a, batches: [{at: 'b.1', state: open}]}]", "\"b.1\" is no binlog coordinate"),
            (
                "sources: [{name: a, batches: [{at: 'b.1:x', state: open}]}]",
                "\"b.1:x\" is no binlog coordinate",
            ),
            ("sources: [{name: a, batches: [{at: 'b.1:1', state: done}]}]", "unknown variant `done`"),
            (
                "sources: [{name: a, batches: [{at: 'b.1:1', state: open, events: [{insert: t}]}]}]",
                "no such event",
            ),
            (
                "sources: [{name: a, batches: [{at: 'b.1:1', state: open, events: [{insert: t, rows: {}}]}]}]",
                "unknown field `rows`",
            ),
            (
                "sources: [{name: a, tables: [{name: t, rows: many}]}]",
                "a number of rows to generate, or a list of rows",
            ),
            (
                "sources: [{name: a, tables: [{name: t, columns: {a: int, a: int}}]}]",
                "column \"a\" is given twice",
            ),
        ] {
            let refused = read(yaml).unwrap_err();
            assert!(refused.contains(message), "{yaml}: {refused}");
            assert!(refused.contains("line "), "{yaml}: {refused}");
        }
    }
}
