//! Which open batches of a 1.7 source will be read again, and which never.
//!
//! §batches, §live-batches: a batch is *applied* when it is replayed or listed, *empty* when it is neither
//! and has no rows in the log tables, else *open*. The newest, by `i_id_batch`, is never processed in 1.8.2's life: it is
//! *live*, with rows or without. An older open one is live as long as each batch from it to the newest is directly
//! succeeded by the next; one before that is an orphan. Neither the time of creation, which jumps with the clock, nor the
//! applied batches, which `batch_retention` removes, decide.

use crate::binlog::BinlogCoordinate;
use crate::facts::snapshot::{Batches, OldBatch, StoredCoordinate, Succession};

/// The open batches of a source, by what will become of them; each the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sorted<'a> {
    /// Nothing of them has been applied, and the next read starts from the coordinate of one of them.
    pub live: Vec<&'a OldBatch>,
    /// A later batch was applied: 1.8.2 will never apply them, their events were lost then.
    pub orphans: Vec<&'a OldBatch>,
    /// They are orphans too, unless each is directly succeeded by the next: that is not proven.
    pub unproven: Vec<&'a OldBatch>,
    /// The newest stands before one that is older: 1.8.2 has gone back in the log. It reads on from the largest
    /// `ts_created`, which is an old orphan's when the clock was put back since.
    pub gone_back: bool,
}

impl<'a> Sorted<'a> {
    /// Sorts the open batches of a source.
    #[must_use]
    pub fn of(batches: &'a Batches) -> Self {
        let mut sorted = Self::default();
        let mut unbroken = false;
        if let Some(newest) = &batches.newest {
            // A batch that is processed is not read on from.
            unbroken = !newest.processed;
            if unbroken {
                sorted.live.push(newest);
            } else if newest.last_row.is_some() && !newest.applied {
                sorted.unproven.push(newest);
            }
        }
        sorted.gone_back = gone_back(batches).unwrap_or(false);
        for batch in &batches.open {
            if batch.followed_by_applied {
                sorted.orphans.push(batch);
                continue;
            }
            unbroken = unbroken && directly_succeeded(batch);
            if unbroken { &mut sorted.live } else { &mut sorted.unproven }.push(batch);
        }
        sorted
    }

    /// The live batches whose rows tell where a table was first read: up to the first of them, by age, that has
    /// discarded rows, which may have been rows of any table. §cleared-coordinate.
    #[must_use]
    pub fn telling(&self) -> Vec<i64> {
        let by_age = self.live.iter().rev().take_while(|batch| !batch.discarded);
        by_age.filter(|batch| batch.last_row.is_some()).map(|batch| batch.id).collect()
    }
}

fn gone_back(batches: &Batches) -> Option<bool> {
    let newest = batches.newest.as_ref()?.coordinate.read().ok()?;
    Some(batches.furthest_before.as_ref()?.read().ok()? > newest)
}

/// A part of MySQL's log between a batch's last row and the next batch with rows, or the newest: where it holds nothing of
/// the schema, the next directly succeeds the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// `i_id_batch`.
    pub batch: i64,
    /// Where the last row ends.
    pub from: BinlogCoordinate,
    /// Where the next one stands.
    pub until: BinlogCoordinate,
}

/// What the log holds in a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Between {
    /// Nothing of the schema.
    Nothing,
    /// This first, in words, which ends there.
    Holds {
        /// What it is.
        what: String,
        /// Where it ends.
        at: BinlogCoordinate,
    },
    /// The log could not be read, for this reason.
    Unread(String),
}

/// The gaps that decide whether batches are live: where the catalogue alone doesn't prove it, and the log can. A batch
/// behind which it can't is proven by nothing, and so are those before it.
#[must_use]
pub fn gaps(batches: &Batches) -> Vec<Gap> {
    if batches.newest.as_ref().is_none_or(|newest| newest.processed) {
        return vec![];
    }
    let mut gaps = Vec::new();
    for batch in batches.open.iter().take_while(|batch| !batch.followed_by_applied) {
        if directly_succeeded(batch) {
            continue;
        }
        let Some(gap) = gap(batch) else { break };
        gaps.push(gap);
    }
    gaps
}

fn gap(batch: &OldBatch) -> Option<Gap> {
    let succession = batch.succession.as_ref()?;
    if batch.stored_twice || succession.clock_put_back {
        return None;
    }
    let (from, until) = (batch.last_row.as_ref()?.read().ok()?, succession.until.read().ok()?);
    (from.file().base() == until.file().base()).then_some(Gap { batch: batch.id, from, until })
}

/// Takes what was heard of gaps, as far as they are still the same.
pub fn take_heard(batches: &mut Batches, heard: &[(Gap, Between)]) {
    for batch in &mut batches.open {
        let Some(gap) = gap(batch) else { continue };
        let heard = heard.iter().find(|(heard, _)| *heard == gap);
        let Some(((_, between), succession)) = heard.zip(batch.succession.as_mut()) else { continue };
        succession.log_is_silent = match between {
            Between::Nothing => Some(true),
            Between::Holds { .. } => Some(false),
            Between::Unread(_) => None,
        };
    }
}

/// Whether each batch from this one to the next with rows, or the newest, is directly succeeded by the next.
///
/// Where 1.8.2 may have read this one again, which it does when the clock was put back, its last row is where that reading
/// ended, however much was applied between: then the ids alone prove it.
fn directly_succeeded(batch: &OldBatch) -> bool {
    let Some(succession) = &batch.succession else { return false };
    let no_batch_is_gone = succession.gone_before_next == 0 && succession.gone_after_next == 0;
    if batch.stored_twice || succession.clock_put_back {
        return no_batch_is_gone;
    }
    let by_place = stands_at_the_end_of(batch, succession) && succession.gone_after_next == 0;
    no_batch_is_gone || by_place || succession.log_is_silent == Some(true)
}

/// Whether the next batch stands exactly where the last row of this one ends. That it stands at the beginning of the
/// next file proves nothing.
fn stands_at_the_end_of(batch: &OldBatch, succession: &Succession) -> bool {
    let known = |place: &StoredCoordinate| place.file.is_some() && place.position.is_some();
    batch.last_row.as_ref().is_some_and(|end| known(end) && *end == succession.next)
}

#[cfg(test)]
mod tests;
