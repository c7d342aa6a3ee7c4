//! The window between the start of a new source and its consistent point, and how it is closed.
//!
//! §window, §advance: an old source that has nothing new keeps an old coordinate, so the
//! smallest of all can lie far back. Each start is advanced to the first transaction that concerns the schema of its
//! source, or to the consistent point when there is none; what is left of the window is examined, and what lies ahead
//! behind it. MySQL only supplies the [`Transaction`]s; what they mean is decided here.

use crate::binlog::BinlogCoordinate;
use crate::facts::mysql::{NameCase, TableName};
use crate::facts::snapshot::OldSourceId;
use crate::plan::PlannedSource;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

mod ahead;
mod hazard;

use ahead::Applied;
pub use ahead::{Ahead, Consequence, Judged, Kept, Met, Statements};
pub use hazard::{Hazard, HazardKind, Hazards};

/// How many DDL statements of a window are kept by name; the others are counted.
const DDL_NAMED: usize = 20;

/// A statement that changes the definition of tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ddl {
    /// The default database of the session that issued it: what both pg_chameleons go by.
    pub default_schema: String,
    /// What it does, such as `ALTER TABLE`.
    pub kind: String,
    /// Its beginning, for messages.
    pub text: String,
    /// Where its event ends.
    pub end: BinlogCoordinate,
}

/// A transaction of the binary log, or the part of it that a reader saw who began inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Where its first event begins: a reader that starts here sees all of it.
    pub start: BinlogCoordinate,
    /// Where its last event ends.
    pub end: BinlogCoordinate,
    /// The tables whose rows it changes, each with the end of its last row event. 1.8.2's coordinates are ends of row
    /// events and so lie inside transactions: what comes before them in the transaction has been applied.
    pub rows: BTreeMap<TableName, BinlogCoordinate>,
    /// The end of the last row event of a table that was named before the reading began.
    pub unnamed_rows: Option<BinlogCoordinate>,
    /// Its statements that change definitions.
    pub ddl: Vec<Ddl>,
    /// Its statements, but for those around a transaction.
    pub statements: Vec<Met>,
    /// What of it the daemon does not take as it is meant.
    pub hazards: Vec<Hazard>,
    /// Of the tables that are watched, those that its definitions may be about, each with the end of the last.
    pub redefined: BTreeMap<TableName, BinlogCoordinate>,
}

/// An old source that has a start.
#[derive(Debug, Clone)]
struct Reader {
    id: OldSourceId,
    name: String,
    schema: String,
    start: BinlogCoordinate,
    /// The furthest point of a table that was synced later.
    furthest: Option<BinlogCoordinate>,
    /// Where the first transaction begins that concerns it; never before its start.
    first: Option<BinlogCoordinate>,
}

/// The window of a new source while it is being read, transaction by transaction, in the order of the binary log.
/// What it keeps does not grow with the transactions, only with the tables and, up to a number, the DDL in them.
#[derive(Debug, Clone)]
pub struct Window {
    name_case: NameCase,
    from: BinlogCoordinate,
    to: BinlogCoordinate,
    readers: Vec<Reader>,
    /// Every schema that the new source maps.
    schemas: Vec<String>,
    rows: BTreeMap<TableName, BinlogCoordinate>,
    ddl: Vec<DdlLeft>,
    more_ddl: u64,
    ahead: Ahead,
}

/// What reading the window has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    /// From where each old source has something to read, in the order of the plan.
    pub starts: Vec<(OldSourceId, BinlogCoordinate)>,
    /// The smallest of them.
    pub batch_start: BinlogCoordinate,
    /// The tables whose rows the new replica meets again although they have been applied.
    pub rows: Vec<RowsLeft>,
    /// The first DDL statements that the new replica meets before the consistent point.
    pub ddl: Vec<DdlLeft>,
    /// How many more there are.
    pub more_ddl: u64,
    /// What the new replica meets on its way to the end of the binary log.
    pub ahead: Ahead,
}

/// Rows that have been applied and that the new replica meets again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsLeft {
    /// Whose rows.
    pub table: TableName,
    /// Where the last of them ends.
    pub last: BinlogCoordinate,
    /// The old sources that keep the new replica from starting behind them.
    pub lagging: Vec<String>,
}

/// DDL that the new replica meets before the consistent point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DdlLeft {
    /// The statement.
    pub ddl: Ddl,
    /// Whether 1.8.2 has applied it.
    pub applied: bool,
}

impl Window {
    /// The window of a source; none when it has nothing to start from.
    #[must_use]
    pub fn of(source: &PlannedSource, name_case: NameCase) -> Option<Self> {
        let reader = |part: &crate::plan::Part| {
            Some(Reader {
                id: part.id,
                name: part.name.clone(),
                schema: part.pair.source_schema.clone(),
                start: part.start.clone()?,
                furthest: part.furthest_own.clone(),
                first: None,
            })
        };
        let readers: Vec<_> = source.parts.iter().filter_map(reader).collect();
        Some(Self {
            name_case,
            from: readers.iter().map(|reader| &reader.start).min()?.clone(),
            to: source.consistent_point.clone()?,
            readers,
            schemas: source.parts.iter().map(|part| part.pair.source_schema.clone()).collect(),
            rows: BTreeMap::new(),
            ddl: Vec::new(),
            more_ddl: 0,
            ahead: Ahead::default(),
        })
    }

    /// Where it begins: the smallest start of the catalogue.
    #[must_use]
    pub fn from(&self) -> &BinlogCoordinate {
        &self.from
    }

    /// Where it ends: the consistent point. The transaction that it lies in belongs to the window.
    #[must_use]
    pub fn to(&self) -> &BinlogCoordinate {
        &self.to
    }

    /// Takes the next transaction. What begins behind the window moves no start; it lies ahead of the new replica.
    pub fn take(&mut self, transaction: &Transaction) {
        if transaction.start >= self.to {
            let from = self.first().unwrap_or_else(|| self.to.clone());
            self.look_ahead(transaction, &from);
            return;
        }
        for number in 0..self.readers.len() {
            let reader = &self.readers[number];
            if reader.first.is_none() && self.concerns(transaction, reader) {
                let first = transaction.start.clone().max(reader.start.clone());
                self.readers[number].first = Some(first);
            }
        }
        // Transactions come in order, so the first one found begins what is left.
        let Some(left_from) = self.first() else { return };
        self.keep_rows(transaction, &left_from);
        self.keep_ddl(transaction, &left_from);
        self.look_ahead(transaction, &left_from);
    }

    /// What ends behind `from` lies ahead of the new replica.
    fn look_ahead(&mut self, transaction: &Transaction, from: &BinlogCoordinate) {
        let readers = &self.readers;
        let name_case = self.name_case;
        let applied = |schema: &str, end: &BinlogCoordinate| {
            let Some(reader) =
                readers.iter().find(|reader| self.name_case.same_schema(schema, &reader.schema))
            else {
                return Applied::No;
            };
            match &reader.furthest {
                _ if *end <= reader.start => Applied::Yes,
                Some(furthest) if end <= furthest => Applied::Perhaps,
                _ => Applied::No,
            }
        };
        self.ahead.take(transaction, from, &self.schemas, name_case, applied);
        for (table, end) in transaction.redefined.iter().filter(|(_, end)| *end > from) {
            if self.reader_of(&table.schema).is_some_and(|reader| *end > reader.start) {
                self.ahead.redefined.insert(table.clone());
            }
        }
        // The rows of a table that its source has applied are passed over, however they are logged.
        let applied = |hazard: &Hazard| {
            let reader = hazard.table.as_ref().and_then(|table| self.reader_of(&table.schema));
            reader.is_some_and(|reader| hazard.last <= reader.start)
        };
        let ahead: Vec<_> = transaction.hazards.iter().filter(|it| it.last > *from && !applied(it)).collect();
        for hazard in ahead {
            self.ahead.take_hazard(hazard, &self.schemas, self.name_case);
        }
    }

    /// Where what is left begins; none while nothing has been found that concerns a source.
    fn first(&self) -> Option<BinlogCoordinate> {
        self.readers.iter().filter_map(|reader| reader.first.clone()).min()
    }

    fn concerns(&self, transaction: &Transaction, reader: &Reader) -> bool {
        let new = |end: &BinlogCoordinate| *end > reader.start;
        let own = |schema: &str| self.name_case.same_schema(schema, &reader.schema);
        transaction.rows.iter().any(|(table, end)| own(&table.schema) && new(end))
            || transaction.ddl.iter().any(|ddl| own(&ddl.default_schema) && new(&ddl.end))
            || transaction.unnamed_rows.as_ref().is_some_and(new)
    }

    fn reader_of(&self, schema: &str) -> Option<&Reader> {
        self.readers.iter().find(|reader| self.name_case.same_schema(schema, &reader.schema))
    }

    fn keep_rows(&mut self, transaction: &Transaction, left_from: &BinlogCoordinate) {
        for (table, end) in &transaction.rows {
            let applied =
                self.reader_of(&table.schema).is_some_and(|reader| transaction.start < reader.start);
            if applied && end > left_from {
                self.rows.insert(table.clone(), end.clone());
            }
        }
    }

    fn keep_ddl(&mut self, transaction: &Transaction, left_from: &BinlogCoordinate) {
        for ddl in transaction.ddl.iter().filter(|ddl| ddl.end > *left_from) {
            let Some(reader) = self.reader_of(&ddl.default_schema) else { continue };
            if self.ddl.len() < DDL_NAMED {
                let applied = ddl.end <= reader.start;
                self.ddl.push(DdlLeft { ddl: ddl.clone(), applied });
            } else {
                self.more_ddl += 1;
            }
        }
    }

    /// The whole window has been read.
    #[must_use]
    pub fn close(self) -> Narrowed {
        let Self { to, readers, rows, ddl, more_ddl, mut ahead, .. } = self;
        ahead.settle(|statement| statement.judged.clone());
        let lagging = |last: &BinlogCoordinate| {
            let behind = |reader: &&Reader| reader.first.as_ref().is_some_and(|first| first < last);
            readers.iter().filter(behind).map(|reader| reader.name.clone()).collect()
        };
        let rows =
            rows.into_iter().map(|(table, last)| RowsLeft { table, lagging: lagging(&last), last }).collect();
        let starts: Vec<_> = readers
            .iter()
            .map(|reader| (reader.id, reader.first.clone().unwrap_or_else(|| to.clone())))
            .collect();
        let batch_start = starts.iter().map(|(_, start)| start).min().unwrap_or(&to).clone();
        Narrowed { starts, batch_start, rows, ddl, more_ddl, ahead }
    }
}

/// How much of the binary log lies between two coordinates, as far as they alone tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    /// The files that are touched; none when the coordinates are equal.
    pub files: u64,
    /// The bytes, when both lie in one file.
    pub bytes: Option<u64>,
}

impl Width {
    /// From one coordinate to a later one.
    #[must_use]
    pub fn between(from: &BinlogCoordinate, to: &BinlogCoordinate) -> Self {
        if from >= to {
            return Self { files: 0, bytes: Some(0) };
        }
        let files = to.file().number() - from.file().number() + 1;
        let bytes = (files == 1).then(|| to.position().abs_diff(from.position()));
        Self { files, bytes }
    }
}

impl fmt::Display for Width {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.files, self.bytes) {
            (0, _) => formatter.write_str("nothing"),
            (_, Some(bytes)) => write!(formatter, "{} within one file", Bytes(bytes)),
            (files, None) => write!(formatter, "{files} files"),
        }
    }
}

/// A number of bytes, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = *self;
        let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.iter().find(|(unit, _)| bytes >= *unit) {
            #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
            Some((unit, name)) => write!(formatter, "{:.1} {name}", bytes as f64 / *unit as f64),
            None if bytes == 1 => formatter.write_str("1 byte"),
            None => write!(formatter, "{bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests;
