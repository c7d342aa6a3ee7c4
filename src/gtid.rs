//! The set of GTIDs from which the daemon of pg_chameleon 2.0.21 starts when its configuration enables them.
//!
//! §gtid: the daemon then passes over the coordinates of its batch. What the set is to hold follows from the
//! batch start; what the daemon can read of a set was seen on the real one. MySQL only supplies sets and transactions.

use crate::binlog::BinlogCoordinate;
use crate::facts::mysql::NameCase;
use crate::window::Transaction;
use std::collections::BTreeMap;
use std::fmt;

/// The bytes of a UUID.
const UUID: usize = 16;
/// The bytes of a number in a Previous_gtids event.
const NUMBER: usize = 8;

/// A set of GTIDs: for each server, by its UUID, intervals of the numbers of transactions, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GtidSet {
    intervals: BTreeMap<String, Vec<(u64, u64)>>,
    /// Whether it has GTIDs with tags. They are not kept.
    tagged: bool,
}

/// A text, or bytes, that are no set of GTIDs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no set of GTIDs: {0}")]
pub struct NoGtidSet(String);

impl GtidSet {
    /// Reads what MySQL shows: `uuid:1-5:7,\nuuid:tag:3`.
    ///
    /// # Errors
    /// [`NoGtidSet`].
    pub fn parse(text: &str) -> Result<Self, NoGtidSet> {
        let mut set = Self::default();
        let wrong = || NoGtidSet(text.to_owned());
        for server in text.split(',').map(str::trim).filter(|server| !server.is_empty()) {
            let (uuid, rest) = server.split_once(':').ok_or_else(wrong)?;
            let mut behind_a_tag = false;
            for interval in rest.split(':').map(str::trim) {
                if interval.starts_with(|letter: char| !letter.is_ascii_digit()) {
                    (set.tagged, behind_a_tag) = (true, true);
                    continue;
                }
                let (first, last) = interval.split_once('-').unwrap_or((interval, interval));
                let (first, last) = (first.trim().parse(), last.trim().parse());
                let (Ok(first), Ok(last)) = (first, last) else { return Err(wrong()) };
                if !behind_a_tag {
                    set.add(&uuid.to_lowercase(), first, last);
                }
            }
        }
        Ok(set)
    }

    /// Reads what a Previous_gtids event holds: the number of servers, and for each its UUID, the number of its
    /// intervals and these, the second number of each being the first that is not in it.
    ///
    /// # Errors
    /// [`NoGtidSet`].
    pub fn of_previous(bytes: &[u8]) -> Result<Self, NoGtidSet> {
        let mut rest = bytes;
        let number = |rest: &mut &[u8]| {
            let (bytes, behind) = rest.split_first_chunk::<NUMBER>().ok_or_else(too_short)?;
            *rest = behind;
            Ok(u64::from_le_bytes(*bytes))
        };
        let servers = number(&mut rest)?;
        // Since MySQL 8.3 the last byte of the number says in which form the rest is; that with tags is another one.
        if servers >> 56 != 0 {
            return Ok(Self { tagged: true, ..Self::default() });
        }
        let mut set = Self::default();
        for _ in 0..servers {
            let (bytes, behind) = rest.split_first_chunk::<UUID>().ok_or_else(too_short)?;
            rest = behind;
            let uuid = uuid(bytes);
            for _ in 0..number(&mut rest)? {
                let (first, end) = (number(&mut rest)?, number(&mut rest)?);
                set.add(&uuid, first, end.saturating_sub(1));
            }
        }
        Ok(set)
    }

    /// Adds the transactions of a server from one number to another.
    pub fn add(&mut self, uuid: &str, first: u64, last: u64) {
        if last < first {
            return;
        }
        let intervals = self.intervals.entry(uuid.to_owned()).or_default();
        intervals.push((first, last));
        intervals.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(intervals.len());
        for (first, last) in intervals.drain(..) {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        *intervals = joined;
    }

    /// Adds a transaction whose GTID has a tag.
    pub fn add_tagged(&mut self) {
        self.tagged = true;
    }

    /// Whether every transaction of it is in the other.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.intervals.iter().all(|(uuid, own)| {
            let others = other.intervals.get(uuid).map(Vec::as_slice).unwrap_or_default();
            own.iter().all(|(first, last)| others.iter().any(|other| other.0 <= *first && *last <= other.1))
        })
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty() && !self.tagged
    }

    /// The set as the daemon reads it, on a server that has executed `executed`.
    ///
    /// # Errors
    /// Why the daemon would take it for another one.
    pub fn for_the_daemon(&self, executed: &Self) -> Result<String, Misread> {
        if self.tagged || executed.tagged {
            return Err(Misread::Tags);
        }
        let mut servers = Vec::new();
        for (uuid, executed) in &executed.intervals {
            let Some(own) = self.intervals.get(uuid) else { return Err(Misread::Later(uuid.clone())) };
            // The daemon takes the first number from what the server has executed, and the last from the set.
            let ([(first, last)], [(executed_first, _)]) = (own.as_slice(), executed.as_slice()) else {
                return Err(Misread::Gap(uuid.clone()));
            };
            if first != executed_first {
                return Err(Misread::Gap(uuid.clone()));
            }
            servers.push(format!("{uuid}:{first}-{last}"));
        }
        if servers.is_empty() { Err(Misread::Nothing) } else { Ok(servers.join(",\n")) }
    }
}

fn too_short() -> NoGtidSet {
    NoGtidSet("its bytes end too early".to_owned())
}

/// A UUID as MySQL writes it.
#[must_use]
pub fn uuid(bytes: &[u8; UUID]) -> String {
    let mut text = String::with_capacity(36);
    for (number, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&number) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Why the daemon can't start from a set of GTIDs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misread {
    /// Some have tags.
    Tags,
    /// Transactions of this server are missing between others.
    Gap(String),
    /// All transactions of this server come later; the daemon would take all of them for read.
    Later(String),
    /// The server has executed none with a GTID.
    Nothing,
}

impl fmt::Display for Misread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags => formatter.write_str("some of the server's GTIDs have tags, which it can't read"),
            Self::Gap(uuid) => write!(
                formatter,
                "of the transactions of {uuid} some are missing between others, and it would read the later ones again"
            ),
            Self::Later(uuid) => write!(
                formatter,
                "all transactions of {uuid} come after the batch start, and it would take them for read: they would be lost"
            ),
            Self::Nothing => formatter.write_str("the server has executed no transaction with a GTID"),
        }
    }
}

/// Whether a transaction is read before `start`: it has ended there, or nothing of a mapped schema follows in it.
#[must_use]
pub fn is_read_before(
    transaction: &Transaction,
    start: &BinlogCoordinate,
    schemas: &[String],
    name_case: NameCase,
) -> bool {
    if transaction.end <= *start {
        return true;
    }
    if transaction.start >= *start {
        return false;
    }
    let mapped = |schema: &str| schemas.iter().any(|own| name_case.same_schema(own, schema));
    let follows = |end: &BinlogCoordinate| end > start;
    let rows = transaction.rows.iter().any(|(table, end)| mapped(&table.schema) && follows(end));
    let ddl = transaction.ddl.iter().any(|ddl| mapped(&ddl.default_schema) && follows(&ddl.end));
    let statements = transaction.statements.iter().any(|it| mapped(&it.default_schema) && follows(&it.end));
    !(rows || ddl || statements || transaction.unnamed_rows.as_ref().is_some_and(follows))
}

#[cfg(test)]
mod tests;
