//! Where a replica stands in MySQL's binary log, and the order of such places.
//!
//! §coordinate-order: by the number after the dot of the file name, then by position, both as
//! numbers. `mysql-bin.999999` comes before `mysql-bin.1000000`, which text order gets wrong.

mod logs;

pub use logs::{BinaryLogs, Unavailable};

use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;

/// Where the events of a file begin, behind its magic number.
pub const FIRST_EVENT: u64 = 4;

/// The name of a binary log file: a base name chosen by the server's administrator (`log_bin`),
/// a dot, and a number that grows by one with each file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BinlogFile {
    name: String,
    /// Where the last dot of `name` stands.
    dot: usize,
    number: u64,
}

/// A binary log file name that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BinlogError {
    /// There is no `<base>.<number>` in the name.
    #[error(
        "{0:?} is not the name of a binary log file (a base name, a dot and a number, such as mysql-bin.000042)"
    )]
    FileName(String),
    /// A position below zero, which MySQL never writes.
    #[error("{1} is not a position in the binary log file {0:?} (positions are bytes from its beginning)")]
    Position(String, i64),
    /// A position that no column of the catalogues can hold.
    #[error("{1} is not a position in the binary log file {0:?}: it exceeds 8 EiB")]
    TooFar(String, u64),
}

impl BinlogFile {
    /// Reads `<base>.<number>`. The number is what follows the last dot.
    ///
    /// # Errors
    /// [`BinlogError::FileName`] when there is no base name, no dot, or no number after it that
    /// fits 64 bits.
    pub fn parse(name: &str) -> Result<Self, BinlogError> {
        let refused = || BinlogError::FileName(name.to_owned());
        let dot = name.rfind('.').filter(|&dot| dot > 0).ok_or_else(refused)?;
        let digits = &name[dot + 1..];
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused());
        }
        let number = digits.parse().map_err(|_| refused())?;
        Ok(Self { name: name.to_owned(), dot, number })
    }

    /// The whole name, as MySQL gives it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name without the number: different base names mean different MySQL servers.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.name[..self.dot]
    }

    /// The number of the file among those of its server.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The place so many bytes from the beginning of the file.
    ///
    /// # Errors
    /// [`BinlogError::TooFar`] when the catalogues' columns can't hold the position.
    pub fn at(&self, position: u64) -> Result<BinlogCoordinate, BinlogError> {
        let too_far = |_| BinlogError::TooFar(self.name.clone(), position);
        Ok(BinlogCoordinate { file: self.clone(), position: i64::try_from(position).map_err(too_far)? })
    }
}

/// Whether pg_chameleon 2's daemon can read the number of files with this base name: it takes what stands between the first
/// and the second dot.
#[must_use]
pub fn is_readable_by_the_daemon(base: &str) -> bool {
    !base.contains('.')
}

/// A place in MySQL's binary log: a file and the number of bytes before the place in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BinlogCoordinate {
    file: BinlogFile,
    position: i64,
}

impl BinlogCoordinate {
    /// Reads a coordinate as the catalogues store it.
    ///
    /// # Errors
    /// [`BinlogError`] when the file name can't be read or the position is negative.
    pub fn parse(file: &str, position: i64) -> Result<Self, BinlogError> {
        if position < 0 {
            return Err(BinlogError::Position(file.to_owned(), position));
        }
        Ok(Self { file: BinlogFile::parse(file)?, position })
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &BinlogFile {
        &self.file
    }

    /// Bytes from the beginning of the file; may exceed 4 GiB.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.position
    }

    /// What is stored for a table that is complete up to this coordinate. The daemon applies an
    /// event whose end is at or after the stored position, and no event ends one byte after another.
    #[must_use]
    pub fn just_after(&self) -> Self {
        Self { file: self.file.clone(), position: self.position.saturating_add(1) }
    }

    /// The last place before this one: before an event that ends here, and behind every event before it.
    #[must_use]
    pub fn just_before(&self) -> Self {
        Self { file: self.file.clone(), position: self.position.saturating_sub(1).max(0) }
    }
}

impl Ord for BinlogCoordinate {
    /// By file number, then by position. The name comes last only so that the order agrees with
    /// equality; coordinates of different servers are never compared by the plan.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.file.number, self.position, &self.file.name).cmp(&(
            other.file.number,
            other.position,
            &other.file.name,
        ))
    }
}

impl PartialOrd for BinlogCoordinate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for BinlogCoordinate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file.name, self.position)
    }
}

impl Serialize for BinlogCoordinate {
    /// As `file:position`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for BinlogCoordinate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BinlogCoordinate".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"description": "A place in the binary log, as file:position.", "type": "string"})
    }
}

#[cfg(test)]
mod tests;
