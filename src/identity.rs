//! Whether a MySQL server is the one that 1.8.2 read from.
//!
//! §which-server: the event that ends at a source's newest open coordinate bears, on the server that
//! 1.8.2 read from, the time that `t_sources.ts_last_received` holds: local time without a zone, so that it may be apart
//! by what time zones are apart. MySQL only supplies the times of events; what they mean is decided here.

use crate::batches::Sorted;
use crate::binlog::{BinlogCoordinate, FIRST_EVENT};
use crate::facts::snapshot::{OldSource, StoredCoordinate};
use chrono::{DateTime, NaiveDateTime};
use std::collections::{BTreeMap, BTreeSet};

/// Time zones are whole quarters of an hour apart from UTC.
const QUARTER: i64 = 15 * 60;
/// How far the westernmost zone is behind UTC, and the easternmost, with its daylight saving, before it.
const ZONES: std::ops::RangeInclusive<i64> = -12 * 3600..=14 * 3600;

/// What a 1.7 catalogue says of the server that an old source was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The old source.
    pub source: String,
    /// `ts_last_received`; none when nothing was received since it was initialised.
    pub received: Option<NaiveDateTime>,
    /// Where its newest batch stands.
    pub newest: BinlogCoordinate,
    /// Where older batches stand whose time may be the one that is kept: 1.8.2 writes it in a commit of its own, after
    /// the new batch, and may have died between the two.
    pub older: BTreeSet<BinlogCoordinate>,
    /// Other places at which an event ends, if it is that server: the reading can begin there.
    pub known: BTreeSet<BinlogCoordinate>,
}

/// Places of batches that the catalogue keeps beside those that are open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptPlaces {
    /// Where the batch before the newest stands, if that was never processed.
    pub unprocessed: Option<StoredCoordinate>,
    /// The last place before the newest batch within its file at which any batch stands.
    pub before: Option<StoredCoordinate>,
}

impl Claim {
    /// What the catalogue says of a source; none when it has nothing to read on from.
    #[must_use]
    pub fn of(source: &OldSource, kept: &KeptPlaces) -> Option<Self> {
        let read = |place: &StoredCoordinate| place.read().ok();
        let sorted = Sorted::of(&source.batches);
        let (newest, older) = sorted.live.split_first()?;
        let older = older.iter().map(|batch| &batch.coordinate).chain(&kept.unprocessed);
        let own = source.tables.own_coordinates.iter().map(|own| &own.furthest);
        Some(Self {
            source: source.name.clone(),
            received: source.last_received,
            newest: read(&newest.coordinate)?,
            older: older.filter_map(read).collect(),
            known: own.chain(&kept.before).filter_map(read).collect(),
        })
    }
}

/// What a server has at a place of its binary log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// An event ends there, with this time in seconds since 1970. At the beginning of a file: the event that has ended
    /// the file before.
    EventOf(u32),
    /// No event ends there.
    NoEvent,
    /// The file before was not ended by an event that says so, or is not there any more.
    NotEnded,
}

/// What is known of the server, by what one old source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The time is the one that the catalogue has.
    Same {
        /// Where.
        at: BinlogCoordinate,
        /// `ts_last_received`.
        received: NaiveDateTime,
    },
    /// Nothing was received since the source was initialised: nothing can be compared.
    NothingReceived,
    /// The newest batch stands at the beginning of a file, and no event has ended the file before.
    NotEnded(BinlogCoordinate),
    /// The server has another event there, or none.
    Another {
        /// Where.
        at: BinlogCoordinate,
        /// `ts_last_received`.
        received: NaiveDateTime,
        /// The time of the event there, in UTC; none when no event ends there.
        event: Option<NaiveDateTime>,
    },
}

impl Claim {
    /// The place that is looked at first.
    pub fn first(&self) -> Option<&BinlogCoordinate> {
        self.received.is_some().then_some(&self.newest)
    }

    /// What the server's events say to it. `found` holds at least the first place, and, where that alone tells nothing,
    /// the older ones; none when the server has not got the first.
    #[must_use]
    pub fn judge(&self, found: &BTreeMap<BinlogCoordinate, Found>) -> Option<Verdict> {
        let Some(received) = self.received else { return Some(Verdict::NothingReceived) };
        let first = found.get(&self.newest)?;
        let bears = |at: &&BinlogCoordinate| match found.get(at) {
            Some(Found::EventOf(time)) => is_the_time(*time, received),
            _ => false,
        };
        if let Some(at) = std::iter::once(&self.newest).chain(&self.older).find(bears) {
            return Some(Verdict::Same { at: at.clone(), received });
        }
        let at = self.newest.clone();
        Some(match first {
            Found::NotEnded => Verdict::NotEnded(at),
            Found::NoEvent => Verdict::Another { at, received, event: None },
            Found::EventOf(time) => Verdict::Another { at, received, event: in_utc(*time) },
        })
    }
}

fn in_utc(time: u32) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(time.into(), 0).map(|time| time.naive_utc())
}

/// Whether a local time is that of an event, in whatever time zone.
fn is_the_time(event: u32, received: NaiveDateTime) -> bool {
    let received = received.and_utc();
    let apart = received.timestamp() - i64::from(event);
    received.timestamp_subsec_nanos() == 0 && apart % QUARTER == 0 && ZONES.contains(&apart)
}

/// A part of a binary log file that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Where an event begins, if it is the server; the beginning of the file is one in any case.
    pub from: BinlogCoordinate,
    /// The places within it whose events are asked for, in their order.
    pub wanted: Vec<BinlogCoordinate>,
}

impl Stretch {
    /// The same, from the beginning of the file.
    #[must_use]
    pub fn from_the_beginning(self) -> Self {
        let from = self.from.file().at(FIRST_EVENT).unwrap_or(self.from);
        Self { from, ..self }
    }

    /// Whether it begins where the file does.
    #[must_use]
    pub fn is_from_the_beginning(&self) -> bool {
        is_beginning(&self.from)
    }

    /// How many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let to = self.wanted.last().unwrap_or(&self.from);
        to.position().abs_diff(self.from.position())
    }
}

/// Whether a place is the beginning of a file, where no event ends.
#[must_use]
pub fn is_beginning(place: &BinlogCoordinate) -> bool {
    place.position().unsigned_abs() <= FIRST_EVENT
}

/// What is left between two stretches is read too when it is no more than this: that is quicker than to ask again.
const WORTH_A_SESSION: i64 = 1 << 20;

/// What is to be read to know the events that end at the `wanted` places: each from the last place before it at which an
/// event is known to end, if there is any, else from the beginning of its file.
#[must_use]
pub fn stretches(wanted: &BTreeSet<BinlogCoordinate>, known: &BTreeSet<BinlogCoordinate>) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = Vec::new();
    for place in wanted.iter().filter(|place| !is_beginning(place)) {
        let before = |others: &BTreeSet<BinlogCoordinate>| {
            let last = others.range(..place).rev().find(|it| it.file() == place.file());
            last.filter(|it| !is_beginning(it)).cloned()
        };
        let from = before(known).max(before(wanted));
        let from = from.or_else(|| place.file().at(FIRST_EVENT).ok()).unwrap_or(place.clone());
        let last = all.last_mut().filter(|last| {
            let end = last.wanted.last().unwrap_or(&last.from);
            end.file() == place.file() && from.position() - end.position() <= WORTH_A_SESSION
        });
        match last {
            Some(last) => last.wanted.push(place.clone()),
            None => all.push(Stretch { from, wanted: vec![place.clone()] }),
        }
    }
    all
}

#[cfg(test)]
mod tests;
