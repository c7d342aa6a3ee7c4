//! What asking the MySQL servers of the configuration has shown.

use crate::binlog::{BinaryLogs, BinlogCoordinate, BinlogFile};
use crate::facts::mysql::{Checksums, NoSession, Question, Reading, Settings, TableName, Unreadable};
use crate::gtid::Misread;
use crate::identity::Verdict;
use crate::plan::Advance;
use crate::structure::Difference;
use crate::window::{Ahead, Narrowed};
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
    pub answer: Result<Answer, NoSession>,
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
    /// How far the source may start, when the window was read.
    #[must_use]
    pub fn advance(&self) -> Option<Advance> {
        let answer = self.answer.as_ref().ok()?;
        let narrowed = &answer.window.as_ref()?.as_ref().ok()?.narrowed;
        let starts = narrowed.starts.clone();
        let gtids = answer.gtids.as_ref().and_then(|gtids| gtids.as_ref().ok());
        Some(match gtids.and_then(|gtids| Some((gtids, gtids.set.as_ref().ok()?))) {
            Some((gtids, set)) => {
                Advance { starts, batch_start: gtids.start.clone(), gtid_set: Some(set.clone()) }
            }
            None => Advance { starts, batch_start: narrowed.batch_start.clone(), gtid_set: None },
        })
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
