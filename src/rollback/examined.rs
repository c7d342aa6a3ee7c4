//! What is looked at before a rollback: plain data.

use crate::facts::postgres::{CatalogueVersion, Server, Session};
use crate::facts::snapshot::OldSourceId;
use crate::facts::way_back::{Catalogues, Tables};
use crate::way_back::{Refusal, WayBack};
use crate::wording::counted;
use std::collections::BTreeMap;

/// All that is looked at before a rollback.
#[derive(Debug)]
pub struct Examined {
    /// The server, and which schemas are on it.
    pub server: Server,
    /// Sessions of pg_chameleon.
    pub sessions: Vec<Session>,
    /// What `_sch_chameleon_version1` is.
    pub put_aside: CatalogueVersion,
    /// Schemas of other names that hold what a catalogue holds; asked for only when there is no 1.7 one to go back to.
    pub elsewhere: Vec<String>,
    /// How far the new replica has come; none where the two catalogues can't be compared.
    pub progress: Option<Progress>,
    /// The way back, where the new replica has gone on; none where the two catalogues just change places.
    pub going_on: Option<GoingOn>,
    /// The command line.
    pub options: Options,
}

/// How far the new replica has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The events that it has applied (`i_replayed` and `i_ddl` of its batches).
    pub applied: i64,
    /// The events that it could not apply (`t_error_log`).
    pub failed: i64,
    /// The sources whose first batch is gone: the daemon deletes what it has applied, after batch_retention.
    pub forgotten: i64,
    /// The tables that it has copied since the upgrade (sync_tables, refresh_schema, init_replica), or added.
    pub brought_anew: i64,
    /// The sources whose status says that they are at work.
    pub at_work: Vec<String>,
}

impl Progress {
    /// Whether 1.8.2 would no longer find the tables as it left them.
    #[must_use]
    pub fn has_gone_on(&self) -> bool {
        self.applied > 0 || self.failed > 0 || self.forgotten > 0 || self.brought_anew > 0
    }

    /// What it has done, for people.
    pub(super) fn done(&self) -> String {
        let counted = |count: i64, one: &str| counted(count.unsigned_abs(), one);
        let all = [
            (self.applied, format!("{} applied", counted(self.applied, "event"))),
            (self.failed, format!("{} in its error log", counted(self.failed, "event"))),
            (self.forgotten, format!("the first batches of {} gone by", counted(self.forgotten, "source"))),
            (self.brought_anew, format!("{} copied or added", counted(self.brought_anew, "table"))),
        ];
        let done: Vec<_> = all.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
        done.join(", ")
    }
}

/// What the command line says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// `--force`.
    pub force: bool,
    /// `--assume-stopped`.
    pub assume_stopped: bool,
}

/// The way back of a replica that 2.0 has gone on with.
#[derive(Debug)]
pub struct GoingOn {
    /// Both catalogues.
    pub catalogues: Catalogues,
    /// Where each source of 1.8.2 goes on, or why it can't.
    pub decided: Result<WayBack, Vec<Refusal>>,
    /// What becomes of the tables; empty where nothing was decided.
    pub tables: BTreeMap<OldSourceId, Tables>,
}
