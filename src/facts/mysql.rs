//! What a MySQL server says.

use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Why there is no session with a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NoSession {
    /// What happened.
    pub reason: String,
    /// What to do.
    pub remedy: &'static str,
}

/// Settings of a server that decide whether a replica can read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `version`.
    pub version: String,
    /// Whether it writes a binary log: `log_bin`, or that it shows one all the same.
    pub log_bin: bool,
    /// Whether `log_bin` is OFF and the server shows a binary log all the same, as Aurora does.
    pub log_bin_denied: bool,
    /// Whether it knows `SHOW MASTER STATUS`, which the daemon of pg_chameleon 2.0.21 asks at every start.
    pub knows_master_status: bool,
    /// Whether it is a replica that applies changes and does not log them (`log_slave_updates` is OFF).
    pub applies_unlogged: bool,
    /// `binlog_format`; none on a server that knows rows only.
    pub format: Option<String>,
    /// `binlog_row_image`; none on a server that knows full rows only.
    pub row_image: Option<String>,
    /// `binlog_row_metadata`; none on a server that can't name columns in the binary log.
    pub row_metadata: Option<String>,
    /// Whether events are written with checksums (`binlog_checksum`); none on a server that knows none.
    pub checksums: Option<Checksums>,
    /// Settings of now under which changes are logged in a way that the new replica passes over, as the server writes them.
    pub packed: Vec<String>,
    /// Whether the events of a transaction don't say where they end (`binlog_legacy_event_pos` is OFF); only MariaDB has it, since 11.4.
    pub hides_places: bool,
    /// The GTIDs that it has executed, when `gtid_mode` is ON.
    pub gtids: Option<String>,
    /// How names are compared (`lower_case_table_names`).
    pub name_case: NameCase,
    /// After how long the server purges its binary logs; none when never, or when it does not say.
    pub purges_after: Option<Duration>,
    /// Whether it refuses to compare with a zero date (NO_ZERO_DATE in `sql_mode`), as 1.8.2 does when it copies.
    pub refuses_zero_dates: bool,
    /// What the server answers to the character set of the configuration, when it doesn't take it.
    pub charset_refused: Option<String>,
}

impl Settings {
    /// Whether whole rows are in the binary log.
    #[must_use]
    pub fn logs_whole_rows(&self) -> bool {
        self.log_bin && self.logs_rows() && self.logs_full_images()
    }

    /// Whether rows are logged, and not statements.
    #[must_use]
    pub fn logs_rows(&self) -> bool {
        self.format.as_deref().is_none_or(|format| format.eq_ignore_ascii_case("ROW"))
    }

    /// Whether every column of a row is logged.
    #[must_use]
    pub fn logs_full_images(&self) -> bool {
        self.row_image.as_deref().is_none_or(|image| image.eq_ignore_ascii_case("FULL"))
    }

    /// Whether the names of columns are logged.
    #[must_use]
    pub fn logs_column_names(&self) -> bool {
        self.row_metadata.as_deref().is_some_and(|metadata| metadata.eq_ignore_ascii_case("FULL"))
    }
}

/// Whether the events of a file end with checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checksums {
    /// `NONE`.
    None,
    /// `CRC32`.
    Crc32,
}

/// Something that the server would not answer.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {cause}")]
pub struct Question {
    /// What was asked.
    pub doing: &'static str,
    /// The server's message, or what happened to the connection.
    pub cause: String,
    /// Whether a privilege of the account is missing.
    pub denied: bool,
}

/// A column whose values the daemon can't read from the binary log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name.
    pub column: String,
    /// Its character set; none where MariaDB compresses the column.
    pub charset: Option<String>,
}

/// How far the reading of a binary log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Bytes of events that were received.
    pub bytes: u64,
    /// Transactions that were complete.
    pub transactions: u64,
}

/// A table on MySQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TableName {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.schema, self.table)
    }
}

/// How the server compares the names of schemas and tables (`lower_case_table_names`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameCase {
    /// `a` and `A` are two names.
    Sensitive,
    /// `a` and `A` are the same name.
    Insensitive,
}

impl NameCase {
    fn same(self, left: &str, right: &str) -> bool {
        match self {
            Self::Sensitive => left == right,
            Self::Insensitive => left.to_lowercase() == right.to_lowercase(),
        }
    }

    /// Whether both names are those of one table.
    #[must_use]
    pub fn same_table(self, left: &TableName, right: &TableName) -> bool {
        self.same(&left.schema, &right.schema) && self.same(&left.table, &right.table)
    }

    /// Whether both names are those of one schema.
    #[must_use]
    pub fn same_schema(self, left: &str, right: &str) -> bool {
        self.same(left, right)
    }
}
