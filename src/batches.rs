//! Which open batches of a 1.7 source will be read again, and which never.
//!
//! SPEC.md, "Batches of one 1.7 source": a batch is *applied* when it is replayed or listed, *empty* when it is neither
//! and has no rows in the log tables, else *open*. The newest, by `i_id_batch`, is never processed in 1.8.2's life: it is
//! *live*, with rows or without. An older open one is live as long as each batch from it to the newest is directly
//! succeeded by the next; one before that is an orphan. Neither the time of creation, which jumps with the clock, nor the
//! applied batches, which `batch_retention` removes, decide.

use crate::catalogue::v1::snapshot::{Batches, OldBatch, StoredCoordinate, Succession};

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
    /// discarded rows, which may have been rows of any table. SPEC.md, "Point of a table".
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
