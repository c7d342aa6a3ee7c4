//! What the binary log holds that the read daemon of pg_chameleon 2.0.21 does not take as it is meant:
//! §log-contents.
//!
//! Sessions keep the settings that they connected with, so every event is judged. Each kind was seen on the real daemon:
//! tests/mysql/contents.rs and scenarios/live name it.

use super::TableName;
use crate::binlog::BinlogCoordinate;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is wrong with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HazardKind {
    /// Rows without the names of their columns: they reach the replica as `UNKNOWN_COL0` and disable the table.
    UnnamedColumns,
    /// Rows that lack columns (`binlog_row_image` was not FULL): the replica sets those to NULL, or disables the table.
    AbsentColumns,
    /// An update of a part of a JSON value: passed over.
    PartialJson,
    /// Rows that MariaDB compressed: passed over.
    CompressedRows,
    /// A transaction that MySQL compressed: all its rows are passed over.
    CompressedTransaction,
    /// A definition that MariaDB compressed: passed over.
    CompressedStatement,
    /// Rows whose event does not say where it ends (`binlog_legacy_event_pos` of a MariaDB was OFF): neither version gets past them.
    Unplaced,
    /// Rows changed by a statement that was logged as such: passed over.
    RowsAsStatement,
    /// A definition of a replicated table, changed by a session with another default database: passed over.
    UnseenDefinition,
    /// A table that was made by a session with another default database: it is not replicated.
    UnseenTable,
    /// A statement, whatever it is about, with a variable that mysql-replication doesn't know: both versions end at it.
    UnknownVariable,
    /// An event of a type that is newer than what is known here: passed over by mysql-replication, whatever it says.
    UnknownEvent,
    /// The server says that it lost events here.
    EventsLost,
}

/// Events of one kind, of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hazard {
    /// What is wrong.
    pub kind: HazardKind,
    /// Whose rows or definition; none where that can't be told.
    pub table: Option<TableName>,
    /// The default database of the session, of a statement.
    pub default_schema: Option<String>,
    /// The beginning of the first statement, for messages.
    pub statement: Option<String>,
    /// Where the first ends.
    pub first: BinlogCoordinate,
    /// Where the last ends.
    pub last: BinlogCoordinate,
    /// How many there are.
    pub count: u64,
}

/// All that was found, by kind and table: it grows with the tables, not with the events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hazards(BTreeMap<(HazardKind, Option<TableName>), Hazard>);

impl Hazards {
    /// Adds what comes later in the binary log.
    pub fn push(&mut self, hazard: &Hazard) {
        let known = self.0.entry((hazard.kind, hazard.table.clone()));
        known
            .and_modify(|known| {
                known.count += hazard.count;
                known.last = hazard.last.clone();
            })
            .or_insert_with(|| hazard.clone());
    }

    /// Leaves out tables that `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&TableName) -> bool) {
        self.0.retain(|(_, table), _| table.as_ref().is_none_or(&keep));
    }

    /// Those of one kind, by the names of their tables.
    pub fn of(&self, kind: HazardKind) -> impl Iterator<Item = &Hazard> {
        self.0.values().filter(move |hazard| hazard.kind == kind)
    }
}
