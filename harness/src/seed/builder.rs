//! The short way to describe a seed in Rust.

use super::description::{
    Batch, BatchState, Columns, Coordinate, Counters, Destination, Event, Kind, Row, Rows, Seed, Source,
    SourceSchema, Status, Table,
};
use crate::server::quoting::identifier;
use serde_json::Value;

impl Seed {
    /// A seed of these sources.
    #[must_use]
    pub fn of(sources: impl IntoIterator<Item = Source>) -> Self {
        Self { sources: sources.into_iter().collect(), ..Self::default() }
    }

    /// Adds a statement to be run at the end.
    #[must_use]
    pub fn statement(mut self, sql: &str) -> Self {
        self.statements.push(sql.to_owned());
        self
    }

    /// What `v_version` says.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }
}

impl Source {
    /// A stopped source of this name, without tables and batches.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            source_schema: SourceSchema::default(),
            dest_schema: None,
            status: Status::default(),
            last_received: None,
            last_replay: None,
            tables: Vec::new(),
            batches: Vec::new(),
        }
    }

    /// `t_source_schema`, or NULL.
    #[must_use]
    pub fn source_schema(mut self, schema: Option<&str>) -> Self {
        self.source_schema =
            schema.map_or(SourceSchema::Null, |schema| SourceSchema::Named(schema.to_owned()));
        self
    }

    /// `t_dest_schema`.
    #[must_use]
    pub fn dest_schema(mut self, schema: &str) -> Self {
        self.dest_schema = Some(schema.to_owned());
        self
    }

    /// `enm_status`.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// `ts_last_received` and `ts_last_replay`.
    #[must_use]
    pub fn last(mut self, received: &str, replay: &str) -> Self {
        self.last_received = Some(received.to_owned());
        self.last_replay = Some(replay.to_owned());
        self
    }

    /// Adds a table.
    #[must_use]
    pub fn table(mut self, table: Table) -> Self {
        self.tables.push(table);
        self
    }

    /// Adds a batch, newer than those before it.
    #[must_use]
    pub fn batch(mut self, batch: Batch) -> Self {
        self.batches.push(batch);
        self
    }

    /// The schema in PostgreSQL.
    #[must_use]
    pub fn destination(&self) -> &str {
        self.dest_schema.as_deref().unwrap_or(&self.name)
    }

    /// The schema in MySQL, when the catalogue holds one.
    #[must_use]
    pub fn mysql_schema(&self) -> Option<String> {
        match &self.source_schema {
            SourceSchema::FromName => Some(format!("my_{}", self.name)),
            SourceSchema::Null => None,
            SourceSchema::Named(schema) => Some(schema.clone()),
        }
    }
}

impl Table {
    /// An empty table with the columns `id integer` (its key) and `data text`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            count: None,
            key: vec!["id".to_owned()],
            columns: Columns::default(),
            at: None,
            destination: Destination::default(),
            rows: Rows::default(),
        }
    }

    /// A family of `count` tables, `<name>_1`, `<name>_2`, …
    #[must_use]
    pub fn family(name: &str, count: u32) -> Self {
        Self { count: Some(count), ..Self::new(name) }
    }

    /// The key columns.
    #[must_use]
    pub fn key(mut self, columns: &[&str]) -> Self {
        self.key = columns.iter().map(|&column| column.to_owned()).collect();
        self
    }

    /// Adds a column. The first one replaces the columns a table has by default.
    #[must_use]
    pub fn column(mut self, name: &str, kind: &str) -> Self {
        self.columns.0.push((name.to_owned(), kind.to_owned()));
        self
    }

    /// The table's own coordinate, `file:position`.
    ///
    /// # Panics
    /// When the text is no coordinate.
    #[must_use]
    pub fn at(mut self, coordinate: &str) -> Self {
        self.at = Some(written(coordinate));
        self
    }

    /// What stands in the destination schema.
    #[must_use]
    pub fn destination(mut self, destination: Destination) -> Self {
        self.destination = destination;
        self
    }

    /// Starts the destination table with this many generated rows.
    #[must_use]
    pub fn rows(mut self, count: u32) -> Self {
        self.rows = Rows::Generated(count);
        self
    }

    /// Starts the destination table with exactly these rows (JSON objects).
    #[must_use]
    pub fn given(mut self, rows: impl IntoIterator<Item = Value>) -> Self {
        self.rows = Rows::Given(rows.into_iter().map(object).collect());
        self
    }

    /// The names of the tables: one, or those of the family.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self.count {
            None => vec![self.name.clone()],
            Some(count) => (1..=count).map(|n| format!("{}_{n}", self.name)).collect(),
        }
    }

    /// The key columns as `v_table_pkey` holds them: double quotes around each, commas between,
    /// nothing escaped.
    #[must_use]
    pub fn key_text(&self) -> String {
        self.key.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(",")
    }

    /// The columns and the primary key as `CREATE TABLE` takes them.
    pub(super) fn definition(&self) -> String {
        let columns = self.all_columns();
        let mut parts: Vec<_> =
            columns.iter().map(|(name, kind)| format!("{} {kind}", identifier(name))).collect();
        if self.destination == Destination::Table && !self.key.is_empty() {
            let key: Vec<_> = self.key.iter().map(|name| identifier(name)).collect();
            parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
        }
        parts.join(", ")
    }

    /// The columns with their types, also when none are given.
    pub(super) fn all_columns(&self) -> Vec<(String, String)> {
        if !self.columns.0.is_empty() {
            return self.columns.0.clone();
        }
        let key = self.key.iter().map(|name| (name.clone(), "integer".to_owned()));
        key.chain([("data".to_owned(), "text".to_owned())]).collect()
    }
}

impl Batch {
    /// A batch in some state, at `file:position`.
    ///
    /// # Panics
    /// When the text is no coordinate.
    #[must_use]
    pub fn new(state: BatchState, coordinate: &str) -> Self {
        Self {
            at: written(coordinate),
            state,
            id: None,
            started: None,
            processed: None,
            listed: None,
            replayed: None,
            created: None,
            counters: None,
            discarded: 0,
            events: Vec::new(),
        }
    }

    /// An open batch that is not started.
    #[must_use]
    pub fn open(coordinate: &str) -> Self {
        Self::new(BatchState::Open, coordinate)
    }

    /// An open batch that is started.
    #[must_use]
    pub fn started(coordinate: &str) -> Self {
        Self::new(BatchState::Started, coordinate)
    }

    /// A batch that is processed and not listed.
    #[must_use]
    pub fn processed(coordinate: &str) -> Self {
        Self::new(BatchState::Processed, coordinate)
    }

    /// A batch whose events are listed and wait.
    #[must_use]
    pub fn listed(coordinate: &str) -> Self {
        Self::new(BatchState::Listed, coordinate)
    }

    /// A batch that was replayed.
    #[must_use]
    pub fn replayed(coordinate: &str) -> Self {
        Self::new(BatchState::Replayed, coordinate)
    }

    /// `i_id_batch`.
    #[must_use]
    pub fn id(mut self, id: i64) -> Self {
        self.id = Some(id);
        self
    }

    /// So many rows in `t_discarded_rows`.
    #[must_use]
    pub fn discarded(mut self, rows: u32) -> Self {
        self.discarded = rows;
        self
    }

    /// `ts_created`.
    #[must_use]
    pub fn created(mut self, timestamp: &str) -> Self {
        self.created = Some(timestamp.to_owned());
        self
    }

    /// `i_replayed`, `i_skipped` and `i_ddl`.
    #[must_use]
    pub fn counters(mut self, replayed: i64, skipped: i64, ddl: i64) -> Self {
        self.counters = Some(Counters { replayed, skipped, ddl });
        self
    }

    /// Whether `t_batch_events` has a row for it.
    pub(super) fn is_listed(&self) -> bool {
        self.listed.unwrap_or(self.state == BatchState::Listed)
    }

    /// Adds an event.
    #[must_use]
    pub fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }
}

impl Event {
    /// An insert of a row (a JSON object).
    ///
    /// # Panics
    /// When the value is no JSON object.
    #[must_use]
    pub fn insert(table: &str, row: Value) -> Self {
        Self::Insert { table: table.to_owned(), row: object(row) }
    }

    /// An update from a row, or its key columns, to a row (JSON objects).
    ///
    /// # Panics
    /// When a value is no JSON object.
    #[must_use]
    pub fn update(table: &str, before: Value, after: Value) -> Self {
        Self::Update { table: table.to_owned(), before: object(before), after: object(after) }
    }

    /// A delete of a row (a JSON object).
    ///
    /// # Panics
    /// When the value is no JSON object.
    #[must_use]
    pub fn delete(table: &str, row: Value) -> Self {
        Self::Delete { table: table.to_owned(), row: object(row) }
    }

    /// A statement that concerns a table.
    #[must_use]
    pub fn ddl(table: &str, statement: &str) -> Self {
        Self::Ddl { statement: statement.to_owned(), table: table.to_owned() }
    }

    /// So many generated events, the kinds of the mix in turn.
    #[must_use]
    pub fn bulk_of(table: &str, count: u32, mix: &[Kind]) -> Self {
        Self::Bulk { table: table.to_owned(), count, mix: mix.to_vec() }
    }
}

#[expect(clippy::panic, reason = "a seed is written by the author of a test, who sees it at once")]
fn written(coordinate: &str) -> Coordinate {
    coordinate.parse().unwrap_or_else(|refused| panic!("{refused}"))
}

#[expect(clippy::panic, reason = "a seed is written by the author of a test, who sees it at once")]
fn object(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        other => panic!("{other} is no row: write a JSON object"),
    }
}
