//! What is known of a table while it is being read, and how it is gone through.

use super::compare::Key;
use super::{Look, Observer, Pace, Part};
use std::time::Instant;

/// What is known of a table while it is being read.
pub(super) struct Reading {
    pub look: Look,
    /// How many rows of PostgreSQL belong to one of MySQL's.
    pub matched: u64,
    /// Whether PostgreSQL is to be looked through for what it has alone, whatever the numbers say.
    pub alone: bool,
    /// Up to which key it was read.
    pub last: Option<Key>,
    /// How many of the rows that differ and were not kept are in PostgreSQL alone.
    pub surplus_more: u64,
}

/// How a table is gone through: how fast, and who is told.
pub(super) struct Traversal<'a> {
    pub pace: Pace,
    pub observer: &'a dyn Observer,
    pub began: Instant,
    /// How many rows were read before.
    pub before: u64,
}

impl Traversal<'_> {
    /// A part was read: it is told, and the pace is kept.
    pub async fn has_read(&self, reading: &Reading) {
        if let Some(behind) = &reading.last {
            self.observer.read(&Part {
                behind: behind.clone(),
                rows: reading.look.rows,
                by_digest: reading.look.by_digest,
                matched: reading.matched,
                found: reading.look.found.clone(),
                more: reading.look.more,
                alone: reading.alone,
            });
        }
        self.pace.wait(self.began, reading.look.rows - self.before).await;
    }
}

impl Reading {
    /// The rows up to this key are as many on both sides, and have one digest.
    pub fn take_equal(&mut self, rows: u64, until: Option<i128>) {
        self.look.rows += rows;
        self.look.by_digest += rows;
        self.matched += rows;
        if let Some(until) = until {
            self.last = Some(number_key(until));
        }
    }

    /// How many rows are known to differ.
    pub fn differ(&self) -> u64 {
        self.look.found.len() as u64 + self.look.more
    }
}

/// A key that is one whole number.
pub(super) fn number_key(number: i128) -> Key {
    vec![Some(number.to_string())]
}
