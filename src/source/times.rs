//! Looks up the times of events that end at given places of the binary log.
//!
//! The log can be read from a place only where an event begins. Whether one does at a place that the catalogue knows shows
//! in the reading: where the server is another one, the beginning of the file is left to begin at.

use super::connect::connect;
use super::dump::{self, Begin};
use crate::binlog::BinaryLogs;
use crate::binlog::{BinlogCoordinate, BinlogFile};
use crate::config::MysqlConnection;
use crate::facts::mysql::{Checksums, Question, Reading, Settings};
use crate::identity::{Claim, Found, Stretch, Verdict, is_beginning, stretches};
use mysql::Conn;
use mysql::binlog::EventType;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// The header of an event, and what a Rotate event holds before the name of the next file.
const ROTATE_BEFORE_NAME: u64 = 19 + 8;
/// The checksum at the end of an event.
const CHECKSUM: u64 = 4;

/// Where the events of a server are looked up, each time in a session of its own: one that the log was read through is of
/// no more use.
pub(super) struct Times<'a> {
    pub(super) connection: &'a MysqlConnection,
    pub(super) settings: &'a Settings,
    pub(super) logs: &'a BinaryLogs,
    /// Is told how far the reading has come, of about so many bytes, and may stop it.
    pub(super) progress: &'a dyn Fn(Reading, u64) -> ControlFlow<()>,
    /// What was read up to now.
    pub(super) read: Reading,
    found: BTreeMap<BinlogCoordinate, Found>,
}

impl<'a> Times<'a> {
    pub(super) fn new(
        connection: &'a MysqlConnection,
        settings: &'a Settings,
        logs: &'a BinaryLogs,
        progress: &'a dyn Fn(Reading, u64) -> ControlFlow<()>,
    ) -> Self {
        Self { connection, settings, logs, progress, read: Reading::default(), found: BTreeMap::new() }
    }

    /// What the server says to each of the claims that it has the places of.
    pub(super) fn judge(&mut self, claims: &[Claim]) -> Result<Vec<(String, Verdict)>, Question> {
        let newest = claims.iter().filter_map(Claim::first).cloned();
        let known: BTreeSet<_> = claims
            .iter()
            .flat_map(|claim| claim.known.iter().chain(&claim.older).chain([&claim.newest]))
            .cloned()
            .collect();
        self.look_up(newest.collect(), &known)?;
        let is_known = |verdict: Option<Verdict>| matches!(verdict, None | Some(Verdict::Same { .. }));
        let older =
            claims.iter().filter(|claim| claim.first().is_some() && !is_known(claim.judge(&self.found)));
        let older: BTreeSet<_> = older.flat_map(|claim| claim.older.iter().cloned()).collect();
        self.look_up(older, &known)?;
        let verdict = |claim: &Claim| Some((claim.source.clone(), claim.judge(&self.found)?));
        Ok(claims.iter().filter_map(verdict).collect())
    }

    fn look_up(
        &mut self,
        mut places: BTreeSet<BinlogCoordinate>,
        known: &BTreeSet<BinlogCoordinate>,
    ) -> Result<(), Question> {
        places.retain(|place| self.logs.unavailable(place).is_none() && !self.found.contains_key(place));
        for place in places.iter().filter(|place| is_beginning(place)) {
            let found = self.end_of_the_file_before(place.file())?;
            self.found.insert(place.clone(), found);
        }
        let stretches = stretches(&places, known);
        let of = self.read.bytes + stretches.iter().map(Stretch::bytes).sum::<u64>();
        for stretch in stretches {
            self.read_stretch(stretch, of)?;
        }
        Ok(())
    }

    fn read_stretch(&mut self, stretch: Stretch, of: u64) -> Result<(), Question> {
        let again = (!stretch.is_from_the_beginning()).then(|| stretch.clone().from_the_beginning());
        let times = self.times(&stretch, of)?;
        let complete =
            stretch.wanted.iter().all(|place| times.contains_key(&place.position().unsigned_abs()));
        match again {
            // It is another server, or it has reset its log since it was at that place.
            Some(again) if !complete => self.read_stretch(again, of),
            _ => {
                for place in stretch.wanted {
                    let time = times.get(&place.position().unsigned_abs());
                    let found = time.map_or(Found::NoEvent, |time| Found::EventOf(*time));
                    self.found.insert(place, found);
                }
                Ok(())
            }
        }
    }

    /// The times of the events that end in a stretch, by their ends, as far as they are wanted.
    fn times(&mut self, stretch: &Stretch, of: u64) -> Result<BTreeMap<u64, u32>, Question> {
        let Some(last) = stretch.wanted.last() else { return Ok(BTreeMap::new()) };
        let wanted: BTreeSet<_> =
            stretch.wanted.iter().map(|place| place.position().unsigned_abs()).collect();
        let begun = self.read;
        let progress = self.progress;
        let mut read = begun;
        let mut times = BTreeMap::new();
        let to = last.position().unsigned_abs();
        let whole = dump::events(self.session()?, &stretch.from, |end, bytes, event| {
            read.bytes = begun.bytes + bytes;
            if wanted.contains(&end) {
                times.insert(end, event.header().timestamp());
            }
            if end >= to || progress(read, of).is_break() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        self.read = read;
        match whole {
            Ok(()) => Ok(times),
            // From the beginning of the file it can always be read.
            Err(Begin::NotHere(_)) if !stretch.is_from_the_beginning() => Ok(BTreeMap::new()),
            Err(Begin::NotHere(question) | Begin::Failed(question)) => Err(question),
        }
    }

    /// The event that says that the file is at its end is the last one of it, and as long as the next file's name says.
    fn end_of_the_file_before(&mut self, next: &BinlogFile) -> Result<Found, Question> {
        let is_before = |file: &BinlogFile| file.base() == next.base() && file.number() + 1 == next.number();
        let Some((file, size)) = self.logs.files.iter().find(|(file, _)| is_before(file)) else {
            return Ok(Found::NotEnded);
        };
        let name = next.name().len() as u64;
        let checksums =
            if self.settings.checksums == Some(Checksums::None) { [0, CHECKSUM] } else { [CHECKSUM, 0] };
        for checksum in checksums {
            let begin = size.checked_sub(ROTATE_BEFORE_NAME + name + checksum);
            let Some(Ok(begin)) = begin.map(|begin| file.at(begin)) else { continue };
            if is_beginning(&begin) || u32::try_from(begin.position()).is_err() {
                continue;
            }
            let mut time = None;
            let read = dump::events(self.session()?, &begin, |end, _, event| {
                if event.header().event_type() == Ok(EventType::ROTATE_EVENT) && end == *size {
                    time = Some(event.header().timestamp());
                }
                ControlFlow::Break(())
            });
            match (read, time) {
                (Err(Begin::Failed(question)), _) => return Err(question),
                (Ok(()), Some(time)) => return Ok(Found::EventOf(time)),
                // The file was cut off, or ended by a shutdown.
                (Ok(()) | Err(Begin::NotHere(_)), _) => {}
            }
        }
        Ok(Found::NotEnded)
    }

    fn session(&self) -> Result<Conn, Question> {
        connect(self.connection).map_err(|error| Question {
            doing: "connecting again to look up events",
            cause: error.to_string(),
            denied: false,
        })
    }
}
