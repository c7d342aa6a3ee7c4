//! All that the checks look at: what was read of the configuration and of either server, and what the rules made of it.
//! [`crate::survey`] fills it.

pub mod mysql;

use crate::batches::{Between, Gap};
use crate::config::{DaemonRequirement, MisreadPassword};
use crate::daemon::installed::Installed;
use crate::facts::postgres::{
    CatalogueVersion, Dependent, LeftBehind, Pooling, Server, Session, Strays, TableExamination,
};
use crate::facts::snapshot::{OldSource, OldSourceId, Snapshot};
use crate::identity::Claim;
use crate::mapping::Target;
use crate::plan::{Advances, Plan, PlannedSource, Refusal};
use mysql::{Answer, AskedSource, MySql, WindowRead};
use std::path::PathBuf;

/// All that the checks look at.
#[derive(Debug)]
pub struct Examined {
    /// What `--config` names the configuration.
    pub configuration: String,
    /// The MySQL sources of the configuration.
    pub targets: Vec<Target>,
    /// Sources of the configuration that are of another type.
    pub other_types: Vec<OtherType>,
    /// The MySQL sources of the configuration that have `gtid_enable`.
    pub gtid_enabled: Vec<String>,
    /// What each MySQL source of the configuration is to its server.
    pub replicas: Vec<Replica>,
    /// What the daemon of pg_chameleon 2.0.21 trips over in the configuration, each with the place that it is at.
    pub daemon_requirements: Vec<(String, DaemonRequirement)>,
    /// What it makes of a password to PostgreSQL that is none.
    pub misread_password: Option<MisreadPassword>,
    /// Whether `--assume-stopped` was given.
    pub assume_stopped: bool,
    /// What stands between this program and the server.
    pub pooling: Pooling,
    /// New sources whose names the database can't store, each with the database's encoding.
    pub unwritable: Vec<(String, String)>,
    /// The server and what stands on it.
    pub server: Server,
    /// What `sch_chameleon` is.
    pub version: CatalogueVersion,
    /// The 1.7 catalogue, when there is one and the role may read it.
    pub catalogue: Option<Catalogue>,
    /// What a 2.0.10 catalogue lacks of the 1.7 one that was put aside; none where there is nothing to compare.
    pub left_behind: Option<LeftBehind>,
    /// What MySQL was asked.
    pub mysql: MySql,
    /// The pg_chameleon 2 that is installed here, when MySQL was asked and there is one that answers.
    pub installed: Option<Installed>,
    /// Who has judged the statements that lie ahead; none when MySQL was not asked.
    pub judge: Option<Judge>,
}

/// Who has judged the statements that lie ahead of the new replica.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judge {
    /// What `--daemon` names.
    pub named: Option<PathBuf>,
    /// The program of pg_chameleon 2 that is at hand.
    pub path: Option<PathBuf>,
    /// Its version, when it has judged them.
    pub version: Option<String>,
    /// Why it has not.
    pub failed: Option<String>,
}

/// A source of the configuration that is not MySQL's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherType {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its first and its last line in the file.
    pub lines: (usize, usize),
}

/// The replica that the daemon of a new source is to its MySQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// The source.
    pub source: String,
    /// `host` and `port` of its server.
    pub server: (String, u16),
    /// `my_server_id`.
    pub id: u32,
}

/// Replicated tables that a list of the configuration leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The new source.
    pub source: String,
    /// What of them the daemon doesn't read: one kind of event, or, when none, anything.
    pub event: Option<&'static str>,
    /// How many tables there are.
    pub count: u64,
    /// The first of them: schema and name on MySQL.
    pub first: Vec<(String, String)>,
}

/// A 1.7 catalogue and what touches it.
#[derive(Debug)]
pub struct Catalogue {
    /// Its sources and batches.
    pub snapshot: Snapshot,
    /// What MySQL's log has said of gaps between its batches, where the catalogue alone proves nothing.
    pub heard: Vec<(Gap, Between)>,
    /// What it says of the servers that its sources were read from.
    pub claims: Vec<(OldSourceId, Claim)>,
    /// How far MySQL's log lets the new sources start, as far as it was asked.
    pub advances: Advances,
    /// The plan that comes of all that.
    pub planned: Result<Plan, Vec<Refusal>>,
    /// Its tables that are not as they should be.
    pub tables: TableExamination,
    /// What else it holds.
    pub strays: Strays,
    /// Its tables that the configuration's lists leave out.
    pub left_out: Vec<LeftOut>,
    /// Sessions that may be writing to it.
    pub sessions: Vec<Session>,
    /// What holds locks on its tables, in words.
    pub holders: Option<String>,
    /// Objects in other schemas that refer to it.
    pub dependents: Vec<Dependent>,
}

impl Examined {
    /// The refusals of the plan, when a catalogue could be read and can't be planned.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        match self.catalogue.as_ref().map(|catalogue| &catalogue.planned) {
            Some(Err(refusals)) => refusals,
            _ => &[],
        }
    }

    /// The new sources that have something to start from.
    pub fn starting(&self) -> impl Iterator<Item = &PlannedSource> {
        let plan = self.catalogue.as_ref().and_then(|catalogue| catalogue.planned.as_ref().ok());
        plan.into_iter().flat_map(|plan| &plan.sources).filter(|source| source.batch_start.is_some())
    }

    /// The MySQL servers that were asked.
    #[must_use]
    pub fn asked(&self) -> &[AskedSource] {
        match &self.mysql {
            MySql::Asked(asked) => asked,
            MySql::NotAsked | MySql::Offline => &[],
        }
    }

    /// Those that answered.
    pub fn answers(&self) -> impl Iterator<Item = (&AskedSource, &Answer)> {
        self.asked().iter().filter_map(|asked| Some((asked, asked.answer.as_ref().ok()?)))
    }

    /// The old sources whose schemas a new source maps.
    pub fn old_sources(&self, name: &str) -> impl Iterator<Item = &OldSource> {
        let target = self.targets.iter().find(|target| target.name == name);
        let sources = self.catalogue.iter().flat_map(|catalogue| &catalogue.snapshot.sources);
        sources.filter(move |source| target.is_some_and(|target| target.maps(source)))
    }

    /// The new sources whose window was read.
    pub fn windows(&self) -> impl Iterator<Item = (&PlannedSource, &AskedSource, &WindowRead)> {
        self.starting().filter_map(|source| {
            let (asked, answer) = self.answers().find(|(asked, _)| asked.name == source.name)?;
            Some((source, asked, answer.window.as_ref()?.as_ref().ok()?))
        })
    }
}
