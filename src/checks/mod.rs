//! The checks (§checks): what each found, and what to do about it.
//!
//! Every check is a pure function of the [`Facts`]; all are run, and all findings are shown.

pub mod acceptance;
mod base_names;
mod binlog_contents;
pub mod binlog_files;
mod binlog_settings;
mod charset;
mod column_names;
mod coordinates;
mod daemon;
mod dependents;
mod destination;
mod discarded_rows;
mod encoding;
mod gtid_set;
mod keys;
mod left_behind;
mod leftovers;
mod locks;
mod mappings;
mod misplaced_tables;
mod mysql;
mod mysql_schemas;
mod mysql_version;
mod names;
mod never_initialised;
mod offline;
mod orphans;
mod own_objects;
pub(crate) mod pooler;
mod replication;
mod role;
mod server;
mod server_id;
mod server_identity;
mod source_schema;
mod source_types;
mod start;
mod stopped;
mod table_structure;
mod tables_left_out;
mod unreplayable;
mod version;
mod waiting;
mod window;
mod window_ddl;
mod window_judge;
mod window_statements;
mod window_tables;
mod zero_dates;

use crate::batches::{Between, Gap};
use crate::catalogue::v1::facts::{Dependent, Server, Session, Strays, TableExamination};
use crate::catalogue::v1::snapshot::{OldSource, OldSourceId, Snapshot};
use crate::catalogue::v2::put_aside::LeftBehind;
use crate::config::{Hindrance, MisreadPassword};
use crate::identity::Claim;
use crate::installed::Installed;
use crate::mapping::Target;
use crate::plan::{Plan, PlannedSource, Refusal};
use crate::postgres::Pooling;
use crate::source::facts::{Answer, AskedSource, MySql, WindowRead};
use serde::Serialize;
use std::path::PathBuf;

use acceptance::Acceptance;
pub use version::CatalogueVersion;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// The upgrade goes on; the administrator should know beforehand.
    Warning,
    /// The upgrade would be refused, had it not been accepted with `--accept`.
    Accepted,
    /// The upgrade is refused.
    Error,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The id of the check.
    pub check: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What was found, and where.
    pub found: String,
    /// What to do; none where nothing need be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Why it was accepted, when it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

impl Finding {
    /// A finding that refuses the upgrade.
    #[must_use]
    pub fn error(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Severity::Error, found.into(), Some(remedy.into()))
    }

    /// A finding to know of before the upgrade goes on.
    #[must_use]
    pub fn warning(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Severity::Warning, found.into(), Some(remedy.into()))
    }

    /// A finding that asks for nothing.
    #[must_use]
    pub fn info(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Severity::Info, found.into(), None)
    }

    fn new(check: &'static str, severity: Severity, found: String, remedy: Option<String>) -> Self {
        Self { check, severity, found, remedy, accepted: None }
    }
}

/// All that the checks look at.
#[derive(Debug)]
pub struct Facts {
    /// The MySQL sources of the configuration.
    pub targets: Vec<Target>,
    /// Sources of the configuration that are of another type.
    pub other_types: Vec<OtherType>,
    /// The MySQL sources of the configuration that have `gtid_enable`.
    pub gtid_enabled: Vec<String>,
    /// What each MySQL source of the configuration is to its server.
    pub replicas: Vec<Replica>,
    /// What the daemon of pg_chameleon 2.0.21 trips over in the configuration, each with the place that it is at.
    pub hindrances: Vec<(String, Hindrance)>,
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
    /// What the plan made of them, with the starts advanced when MySQL was asked.
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

type Check = fn(&Facts) -> Vec<Finding>;

/// Every check, in the order in which findings are shown.
const CHECKS: &[Check] = &[
    server::check,
    pooler::check,
    role::check,
    version::check,
    leftovers::check,
    source_types::check,
    daemon::check,
    server_id::check,
    tables_left_out::check,
    source_schema::check,
    mappings::check,
    stopped::check,
    locks::check,
    start::check,
    coordinates::check,
    base_names::check,
    names::check,
    encoding::check,
    keys::check,
    misplaced_tables::check,
    unreplayable::check,
    orphans::check,
    never_initialised::check,
    destination::check,
    discarded_rows::check,
    own_objects::check,
    dependents::check,
    waiting::check,
    mysql::check,
    server_identity::check,
    mysql_version::check,
    charset::check,
    binlog_settings::check,
    replication::check,
    binlog_files::check,
    mysql_schemas::check,
    table_structure::check,
    column_names::check,
    binlog_contents::check,
    gtid_set::check,
    window::check,
    window_tables::check,
    window_statements::check,
    window_judge::check,
    window_ddl::check,
    offline::check,
];

/// What is looked at when there is nothing to upgrade any more: the others ask what an upgrade would need.
const AFTER_AN_UPGRADE: &[Check] = &[leftovers::check, left_behind::check];

/// Runs every check. Errors that are accepted are among what is found, as accepted.
#[must_use]
pub fn run(facts: &Facts, acceptances: &[Acceptance]) -> Vec<Finding> {
    let checks = if facts.version == CatalogueVersion::V2_0_10 { AFTER_AN_UPGRADE } else { CHECKS };
    let mut findings: Vec<_> = checks.iter().flat_map(|check| check(facts)).collect();
    findings.extend(zero_dates::check(facts, &findings));
    acceptance::apply(acceptances, &mut findings);
    findings
}

/// How many of the findings refuse the upgrade.
#[must_use]
pub fn errors(findings: &[Finding]) -> u64 {
    findings.iter().filter(|finding| finding.severity == Severity::Error).count() as u64
}

/// Whether any finding refuses the upgrade.
#[must_use]
pub fn refuse(findings: &[Finding]) -> bool {
    errors(findings) > 0
}

impl Facts {
    /// The refusals of the plan, when a catalogue could be read and can't be planned.
    fn refusals(&self) -> &[Refusal] {
        match self.catalogue.as_ref().map(|catalogue| &catalogue.planned) {
            Some(Err(refusals)) => refusals,
            _ => &[],
        }
    }

    /// The new sources that have something to start from.
    fn starting(&self) -> impl Iterator<Item = &PlannedSource> {
        let plan = self.catalogue.as_ref().and_then(|catalogue| catalogue.planned.as_ref().ok());
        plan.into_iter().flat_map(|plan| &plan.sources).filter(|source| source.batch_start.is_some())
    }

    /// The MySQL servers that were asked.
    fn asked(&self) -> &[AskedSource] {
        match &self.mysql {
            MySql::Asked(asked) => asked,
            MySql::NotAsked | MySql::Offline => &[],
        }
    }

    /// Those that answered.
    fn answers(&self) -> impl Iterator<Item = (&AskedSource, &Answer)> {
        self.asked().iter().filter_map(|asked| Some((asked, asked.answer.as_ref().ok()?)))
    }

    /// The old sources whose schemas a new source maps.
    fn old_sources(&self, name: &str) -> impl Iterator<Item = &OldSource> {
        let target = self.targets.iter().find(|target| target.name == name);
        let sources = self.catalogue.iter().flat_map(|catalogue| &catalogue.snapshot.sources);
        sources.filter(move |source| target.is_some_and(|target| target.maps(source)))
    }

    /// The new sources whose window was read.
    fn windows(&self) -> impl Iterator<Item = (&PlannedSource, &AskedSource, &WindowRead)> {
        self.starting().filter_map(|source| {
            let (asked, answer) = self.answers().find(|(asked, _)| asked.name == source.name)?;
            Some((source, asked, answer.window.as_ref()?.as_ref().ok()?))
        })
    }

    /// Findings made of the refusals that a check is about.
    fn findings_of_refusals(&self, finding: impl FnMut(&Refusal) -> Option<Finding>) -> Vec<Finding> {
        self.refusals().iter().filter_map(finding).collect()
    }
}

/// The old sources with tables whose schema is not on the server that they are to be read from.
fn old_sources_without<'a>(
    facts: &'a Facts,
    asked: &'a AskedSource,
    answer: &'a Answer,
) -> impl Iterator<Item = &'a OldSource> {
    let is_absent = |source: &&OldSource| {
        let schema = source.source_schema.as_ref();
        source.tables.count > 0 && schema.is_some_and(|schema| answer.absent_schemas.contains(schema))
    };
    facts.old_sources(&asked.name).filter(is_absent)
}

/// `1 table`, `2 tables`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
