//! The binary log files that a server has, and whether a replica can begin at a coordinate in them.

use super::{BinlogCoordinate, BinlogFile};

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
pub enum Unavailable {
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
    pub fn unavailable(&self, coordinate: &BinlogCoordinate) -> Option<Unavailable> {
        let file = coordinate.file();
        if let Some((_, size)) = self.files.iter().find(|(found, _)| found.name() == file.name()) {
            let past = coordinate.position().unsigned_abs() > *size;
            return past.then_some(Unavailable::PastTheEnd(*size));
        }
        let last = self.current.file();
        let Some((first, _)) = self.files.first() else {
            // What it writes to is there, listed or not (seen on RDS: §report-33).
            let is_there = file.name() == last.name() && coordinate.position() <= self.current.position();
            return (!is_there).then_some(Unavailable::NoneListed);
        };
        Some(if first.base() != file.base() {
            Unavailable::OtherServer { has: last.name().to_owned() }
        } else if file.number() > last.number() {
            Unavailable::Ahead(last.name().to_owned())
        } else {
            Unavailable::Purged(first.name().to_owned())
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
        assert_eq!(logs.unavailable(&at(2, 5_000_000_000)), None);
        assert_eq!(logs.unavailable(&at(2, 5_000_000_001)), Some(Unavailable::PastTheEnd(5_000_000_000)));
        assert_eq!(logs.unavailable(&at(1, 4)), Some(Unavailable::Purged("bin.000002".into())));
        assert_eq!(logs.unavailable(&at(4, 4)), Some(Unavailable::Ahead("bin.000003".into())));
        let other = BinlogCoordinate::parse("log.000002", 4).expect("a coordinate");
        assert_eq!(logs.unavailable(&other), Some(Unavailable::OtherServer { has: "bin.000003".into() }));
    }

    /// §report-33: RDS, whose backups were just switched on.
    #[test]
    fn a_server_may_list_no_file() {
        let logs = BinaryLogs { files: vec![], current: at(5, 1000) };
        assert_eq!(logs.unavailable(&at(5, 1000)), None);
        assert_eq!(logs.unavailable(&at(5, 1001)), Some(Unavailable::NoneListed));
        assert_eq!(logs.unavailable(&at(4, 4)), Some(Unavailable::NoneListed));
    }

    #[test]
    fn bytes_are_counted_across_files() {
        let logs = logs(&[(1, 1000), (2, 500), (3, 100)]);
        assert_eq!(logs.bytes_between(&at(1, 900), &at(3, 50)), 650);
        assert_eq!(logs.bytes_between(&at(2, 100), &at(2, 300)), 200);
        assert_eq!(logs.bytes_between(&at(2, 100), &at(2, 100)), 0);
    }
}
