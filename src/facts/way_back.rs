//! What the way back knows of a 2.0 catalogue that a replica has gone on with, and of the 1.7 one that was put aside. As
//! the catalogues store it; what it means is decided in [`crate::way_back`].

use super::snapshot::{Batches, Named, NewSourceId, Snapshot, StoredCoordinate};
use chrono::NaiveDateTime;

/// Both catalogues at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogues {
    /// The sources of the 2.0 catalogue, in the order of their ids.
    pub new: Vec<NewSource>,
    /// The 1.7 catalogue that the upgrade has put aside.
    pub old: Snapshot,
    /// The largest position that its columns hold: they are of 32 bits, unless somebody has widened them.
    pub furthest_position: i64,
}

impl Catalogues {
    /// Events that 2.0 has listed and not yet applied.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.new.iter().map(|source| source.waiting_events).sum()
    }
}

/// A row of 2.0's `t_sources` and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSource {
    /// `i_id_source`.
    pub id: NewSourceId,
    /// `t_source`.
    pub name: String,
    /// `jsb_schema_mappings`: pairs of a schema on MySQL and one on PostgreSQL.
    pub mappings: Vec<(String, String)>,
    /// `b_consistent`.
    pub consistent: bool,
    /// From where on its tables are consistent; set while they are not.
    pub consistent_point: StoredCoordinate,
    /// `t_last_received.ts_last_received`.
    pub last_received: Option<NaiveDateTime>,
    /// `t_last_replayed.ts_last_replayed`.
    pub last_replayed: Option<NaiveDateTime>,
    /// Its batches, as far as the rule of batches needs them.
    pub batches: Batches,
    /// Whether the daemon has begun to read its newest batch.
    pub newest_is_started: bool,
    /// Batches before the newest whose reading was never finished and whose rows are gone: the daemon deletes them at its
    /// start. The newest first.
    pub emptied: Vec<Emptied>,
    /// The batches that are listed and not replayed.
    pub waiting_batches: u64,
    /// The events that they list.
    pub waiting_events: u64,
    /// How many tables are registered for each schema on PostgreSQL.
    pub tables: Vec<(String, u64)>,
}

/// A batch of 2.0 that is not processed, not the newest, and without rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emptied {
    /// `i_id_batch`.
    pub id: i64,
    /// Where it begins.
    pub coordinate: StoredCoordinate,
    /// Where the next batch of the source begins.
    pub until: StoredCoordinate,
    /// Whether a later batch of the source is replayed, or listed.
    pub followed_by_applied: bool,
    /// How many values of `i_id_batch` between it and the newest belong to no batch that is still there.
    pub gone_since: u64,
}

/// What becomes of the tables of one old source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tables {
    /// Those that are in both catalogues and stay.
    pub kept: u64,
    /// Those of the two that stay with a coordinate of their own.
    pub with_own: u64,
    /// Those that 2.0 has gained.
    pub added: Named,
    /// Those that are not in the destination, and those of a source that 2.0 no longer has.
    pub gone: Named,
    /// Those that are in the destination, and that 2.0 does not have.
    pub missing: Named,
    /// Those that 2.0 has disabled.
    pub disabled: Named,
    /// Those that may have been copied in 2.0 at a place that is no longer known.
    pub unsure: Named,
    /// Those whose key 1.7's text form can't hold.
    pub unfit: Named,
    /// Those whose own coordinate 1.7's integer can't hold.
    pub too_far: Named,
}

impl Tables {
    /// How many tables the 1.7 catalogue will have.
    #[must_use]
    pub fn replicated(&self) -> u64 {
        self.kept + self.added.count
    }

    /// How many tables are there, and 1.7 will not have: each has to be synced.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.missing.count + self.disabled.count + self.unsure.count + self.unfit.count
    }
}
