//! What is known of the MySQL servers, for the checks.

use super::connect::ConnectError;
use crate::binlog::{BinlogCoordinate, BinlogFile};
use crate::gtid::Misread;
use crate::identity::Verdict;
use crate::structure::Difference;
use crate::window::{Ahead, Letters, Narrowed, TableName};
use std::collections::BTreeMap;
use std::time::Duration;

/// What MySQL was asked.
#[derive(Debug)]
pub enum MySql {
    /// Nothing: this look is at PostgreSQL alone.
    NotAsked,
    /// Nothing, because of `--offline`.
    Offline,
    /// Each MySQL source of the configuration, in its order.
    Asked(Vec<AskedSource>),
}

/// A source of the configuration whose MySQL server was asked.
#[derive(Debug)]
pub struct AskedSource {
    /// Its name in the configuration.
    pub name: String,
    /// The account of the configuration, `user`.
    pub user: String,
    /// Host and port.
    pub place: String,
    /// The port alone.
    pub port: u16,
    /// The connection's character set in the configuration.
    pub charset: String,
    /// How its tables compare with the replicated ones.
    pub compared: Compared,
    /// What the server said.
    pub answer: Result<Answer, ConnectError>,
}

/// How the replicated tables compare with those on MySQL. Where a definition of a table lies ahead of the new replica,
/// nothing can be said of it yet.
#[derive(Debug, Default)]
pub struct Compared {
    /// How many were compared.
    pub tables: u64,
    /// Those that differ, up to a number.
    pub differing: Vec<Differing>,
    /// How many more differ.
    pub more: u64,
    /// What kept the rest from being compared.
    pub unanswered: Option<Question>,
}

/// A replicated table that is not what it is on MySQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// The table on MySQL.
    pub table: TableName,
    /// Its old source.
    pub source: String,
    /// How it differs.
    pub differences: Vec<Difference>,
}

impl AskedSource {
    /// What reading the window has shown, when it was read.
    #[must_use]
    pub fn narrowed(&self) -> Option<&Narrowed> {
        let window = self.answer.as_ref().ok()?.window.as_ref()?;
        window.as_ref().ok().map(|read| &read.narrowed)
    }

    /// The GTIDs that the daemon starts behind, and where its batch starts for that.
    #[must_use]
    pub fn gtid_start(&self) -> Option<(&str, &BinlogCoordinate)> {
        let gtids = self.answer.as_ref().ok()?.gtids.as_ref()?.as_ref().ok()?;
        gtids.set.as_ref().ok().map(|set| (set.as_str(), &gtids.start))
    }

    /// What lies ahead of the new replica, when the window was read.
    pub fn ahead(&mut self) -> Option<&mut Ahead> {
        let window = self.answer.as_mut().ok()?.window.as_mut()?;
        window.as_mut().ok().map(|read| &mut read.narrowed.ahead)
    }
}

/// What a server said.
#[derive(Debug)]
pub struct Answer {
    /// Its settings.
    pub settings: Settings,
    /// Its binary logs; none when it writes none, or when the account may not see them.
    pub logs: Option<Result<BinaryLogs, Question>>,
    /// Schemas of the mapping that the account does not see.
    pub hidden_schemas: Vec<String>,
    /// Those of them that are not there: the server says so to an account that would see them.
    pub absent_schemas: Vec<String>,
    /// Schemas of the mapping that the server writes in other letters: as the configuration has them, and as it has.
    pub other_letters: Vec<(String, String)>,
    /// Whether it is the server that 1.8.2 read from; none when it shows no binary log.
    pub identity: Option<Result<Identity, Question>>,
    /// The window of the source; none when there is no plan, nothing to start from, or something that makes the
    /// reading pointless.
    pub window: Option<Result<WindowRead, Question>>,
    /// The GTIDs before the batch start; none when the daemon goes by file and position.
    pub gtids: Option<Result<Gtids, Question>>,
}

/// The GTIDs that the daemon starts behind.
#[derive(Debug)]
pub struct Gtids {
    /// As it reads them; or why it would misread them.
    pub set: Result<String, Misread>,
    /// Where its batch is to start: at the file that the server begins with for a replica that has them.
    pub start: BinlogCoordinate,
    /// What was read for that.
    pub reading: Reading,
}

/// What the server's events say to what the catalogue keeps of the server that it was read from.
#[derive(Debug)]
pub struct Identity {
    /// By old source; those whose coordinates the server has not got are left out.
    pub verdicts: Vec<(String, Verdict)>,
    /// What was read for that.
    pub reading: Reading,
}

impl Identity {
    /// Whether anything had to be read.
    #[must_use]
    pub fn has_read(&self) -> bool {
        self.reading != Reading::default()
    }
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
    /// The GTIDs that it has executed, when `gtid_mode` is ON.
    pub gtids: Option<String>,
    /// How names are compared (`lower_case_table_names`).
    pub letters: Letters,
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

/// The binary log files that a server has, in its order, and where it writes now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryLogs {
    /// Each file with its size in bytes.
    pub files: Vec<(BinlogFile, u64)>,
    /// Where the next event is written.
    pub current: BinlogCoordinate,
}

/// Why a replica can't begin at a coordinate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// The server's files have other names.
    OtherServer {
        /// The name of a file that it has.
        has: String,
    },
    /// The file is gone; the first that is there.
    Purged(String),
    /// The file is yet to be written; the last that is there.
    Ahead(String),
    /// The server lists no file at all, not even the one that it writes.
    NoneListed,
    /// The position lies behind the end of the file, which is so long.
    PastTheEnd(u64),
}

impl BinaryLogs {
    /// Why a replica can't begin at `coordinate`; none when it can.
    #[must_use]
    pub fn lack(&self, coordinate: &BinlogCoordinate) -> Option<Lack> {
        let file = coordinate.file();
        if let Some((_, size)) = self.files.iter().find(|(found, _)| found.name() == file.name()) {
            let past = coordinate.position().unsigned_abs() > *size;
            return past.then_some(Lack::PastTheEnd(*size));
        }
        let last = self.current.file();
        let Some((first, _)) = self.files.first() else {
            // What it writes to is there, listed or not (seen on RDS: §report-33).
            let is_there = file.name() == last.name() && coordinate.position() <= self.current.position();
            return (!is_there).then_some(Lack::NoneListed);
        };
        Some(if first.base() != file.base() {
            Lack::OtherServer { has: last.name().to_owned() }
        } else if file.number() > last.number() {
            Lack::Ahead(last.name().to_owned())
        } else {
            Lack::Purged(first.name().to_owned())
        })
    }

    /// The numbers of files that are not there, of those from one coordinate to the current file.
    #[must_use]
    pub fn holes(&self, from: &BinlogCoordinate) -> Vec<u64> {
        let numbers: Vec<_> = self.files.iter().map(|(file, _)| file.number()).collect();
        let between = from.file().number()..=self.current.file().number();
        let longest = numbers.len() + HOLES_NAMED;
        between.take(longest).filter(|number| !numbers.contains(number)).take(HOLES_NAMED).collect()
    }

    /// The bytes between two coordinates.
    #[must_use]
    pub fn bytes_between(&self, from: &BinlogCoordinate, to: &BinlogCoordinate) -> u64 {
        let (first, last) = (from.file().number(), to.file().number());
        let whole: u64 = self
            .files
            .iter()
            .filter(|(file, _)| (first..last).contains(&file.number()))
            .map(|(_, size)| size)
            .sum();
        (whole + to.position().unsigned_abs()).saturating_sub(from.position().unsigned_abs())
    }
}

/// How many holes are named.
const HOLES_NAMED: usize = 3;

/// The window of a source after it was read.
#[derive(Debug)]
pub struct WindowRead {
    /// What it has shown.
    pub narrowed: Narrowed,
    /// Of the tables whose rows lie ahead, those that are no longer on MySQL.
    pub gone: Vec<TableName>,
    /// Of those, the ones that the account may not see, if they are there.
    pub hidden: Vec<TableName>,
    /// Of the tables whose rows lie ahead, those that are no ordinary tables, with what the server calls them.
    pub others: Vec<(TableName, String)>,
    /// Of the tables whose rows lie ahead, those with a column whose values the daemon can't read.
    pub unreadable: Vec<(TableName, Unreadable)>,
    /// Whether files end their events with checksums: the first of each kind.
    pub checksums: BTreeMap<Checksums, BinlogFile>,
    /// What was read.
    pub reading: Reading,
    /// How long it took.
    pub took: Duration,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: u64, position: u64) -> BinlogCoordinate {
        BinlogFile::parse(&format!("bin.{file:06}")).expect("a file").at(position).expect("a position")
    }

    fn logs(files: &[(u64, u64)]) -> BinaryLogs {
        let (last, size) = files.last().expect("a file");
        BinaryLogs {
            files: files.iter().map(|(file, size)| (at(*file, 4).file().clone(), *size)).collect(),
            current: at(*last, *size),
        }
    }

    #[test]
    fn a_hole_in_the_files_is_found() {
        let logs = logs(&[(1, 100), (2, 100), (4, 100), (6, 100)]);
        assert_eq!(logs.holes(&at(1, 4)), [3, 5]);
        assert_eq!(logs.holes(&at(4, 4)), [5]);
        assert_eq!(logs.holes(&at(6, 4)), [0; 0]);
    }

    /// A coordinate of another server may be far away.
    #[test]
    fn not_all_holes_are_counted() {
        assert_eq!(logs(&[(u64::MAX >> 1, 100)]).holes(&at(1, 4)), [1, 2, 3]);
    }

    #[test]
    fn a_replica_can_begin_anywhere_up_to_the_end() {
        let logs = logs(&[(2, 5_000_000_000), (3, 100)]);
        assert_eq!(logs.lack(&at(2, 5_000_000_000)), None);
        assert_eq!(logs.lack(&at(2, 5_000_000_001)), Some(Lack::PastTheEnd(5_000_000_000)));
        assert_eq!(logs.lack(&at(1, 4)), Some(Lack::Purged("bin.000002".into())));
        assert_eq!(logs.lack(&at(4, 4)), Some(Lack::Ahead("bin.000003".into())));
        let other = BinlogCoordinate::parse("log.000002", 4).expect("a coordinate");
        assert_eq!(logs.lack(&other), Some(Lack::OtherServer { has: "bin.000003".into() }));
    }

    /// §report-33: RDS, whose backups were just switched on.
    #[test]
    fn a_server_may_list_no_file() {
        let logs = BinaryLogs { files: vec![], current: at(5, 1000) };
        assert_eq!(logs.lack(&at(5, 1000)), None);
        assert_eq!(logs.lack(&at(5, 1001)), Some(Lack::NoneListed));
        assert_eq!(logs.lack(&at(4, 4)), Some(Lack::NoneListed));
    }

    #[test]
    fn bytes_are_counted_across_files() {
        let logs = logs(&[(1, 1000), (2, 500), (3, 100)]);
        assert_eq!(logs.bytes_between(&at(1, 900), &at(3, 50)), 650);
        assert_eq!(logs.bytes_between(&at(2, 100), &at(2, 300)), 200);
        assert_eq!(logs.bytes_between(&at(2, 100), &at(2, 100)), 0);
    }
}
