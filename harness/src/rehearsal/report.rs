//! What came of a rehearsal: the one truth that the page, the JUnit file and the console are made from. §rehearsal.

use crate::replica::report::{Severity, StepTime};
use crate::sweep::Findings;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The version of the form. A new key doesn't change it; a key that goes, or means something else, does.
pub const VERSION: u32 = 2;

/// What came of a rehearsal. Times are in seconds, sizes in bytes, points in time in UTC (RFC 3339).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "What chameleon-harness rehearse --report writes")]
pub struct RehearsalReport {
    /// The version of the form.
    pub version: u32,
    /// The version of the program that made it.
    pub chameleon_harness: String,
    /// When it began.
    pub began: String,
    /// How long it took.
    pub seconds: f64,
    /// The configuration, as the command line named it.
    pub configuration: String,
    /// The command that rehearses the same again.
    pub repeat: String,
    /// Whether the day will go well.
    pub verdict: Verdict,
    /// Why it will not, or not without more: a sentence each.
    pub because: Vec<String>,
    /// What was rehearsed, in its order.
    pub steps: Vec<RehearsedStep>,
    /// All that was found, each once, in the order of the steps.
    pub findings: Vec<StepFinding>,
    /// What it was taken from.
    pub production: Production,
    /// Where it was rehearsed.
    pub throwaway: Throwaway,
    /// What the upgrade does with the sources; none when nothing could be planned.
    pub plan: Option<Plan>,
    /// The replicated tables with their coordinates after the upgrade, those that are alike together.
    pub tables: Vec<TablesAlike>,
    /// The upgrade of the copy, undisturbed; none when it did not come to that.
    pub upgrade: Option<UpgradeRun>,
    /// The daemons of pg_chameleon 2 on the copy.
    pub daemons: Vec<DaemonRun>,
    /// How long the replica will stand still on the day.
    pub forecast: Option<Forecast>,
    /// What the sweep found, when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Findings>,
    /// The commands of the day, in their order.
    pub day: Vec<DayCommand>,
}

/// Whether the day will go well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It will.
    Go,
    /// It will; something should be known, or done, before or after.
    GoWithWarnings,
    /// It won't, as things are.
    NoGo,
}

/// A part of the rehearsal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RehearsedStep {
    /// Which.
    pub step: StepName,
    /// How it ended.
    pub outcome: StepOutcome,
    /// When it began, since the beginning of the rehearsal.
    pub at: f64,
    /// How long it took.
    pub seconds: f64,
    /// What was seen, or why it was left out: one line.
    pub seen: String,
}

/// The parts of a rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// `check` against production itself.
    Check,
    /// The dump of production.
    Dump,
    /// Its restore on the throwaway server.
    Restore,
    /// The upgrade, undisturbed.
    Upgrade,
    /// The daemons of pg_chameleon 2.
    Daemon,
    /// The comparison of the tables with MySQL.
    Verify,
    /// The way back.
    WayBack,
    /// The upgrade after the way back.
    UpgradeAgain,
    /// The upgrade on further copies, for the forecast.
    Measure,
    /// The upgrade with faults.
    Faults,
}

/// How a part ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// As it should.
    Passed,
    /// As it should, and something is to be known.
    Warned,
    /// It did not go well.
    Failed,
    /// It was left out.
    LeftOut,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepFinding {
    /// In which part.
    pub step: StepName,
    /// The id of the check, or of what was seen.
    pub check: String,
    /// How much it weighs.
    pub severity: Severity,
    /// What was found, and where.
    pub found: String,
    /// What to do; none where nothing need be done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
}

/// What the rehearsal was taken from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Production {
    /// The file of the dump, when it was given; else it was taken from production.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub given_dump: Option<String>,
    /// The version of its PostgreSQL, where it is known.
    pub postgresql: Option<String>,
    /// The versions of the MySQL servers of its sources, by their names, where they were asked.
    pub mysql: BTreeMap<String, String>,
    /// The hosts of all servers, as the configuration names them.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The accounts on all servers.
    #[serde(default)]
    pub users: Vec<String>,
    /// The database of the catalogue.
    #[serde(default)]
    pub databases: Vec<String>,
    /// The size of its database, where it is known.
    pub database_bytes: Option<u64>,
    /// The size of the dump.
    pub dump_bytes: u64,
    /// Which rows of the destination tables came along.
    pub rows: RowsTaken,
}

/// Which rows of the destination tables a dump holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowsTaken {
    /// Whatever is in the dump that was given.
    #[default]
    AsGiven,
    /// Of all tables.
    All,
    /// Of the tables for which events wait.
    Waiting,
    /// Of none.
    None,
}

/// Where it was rehearsed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Throwaway {
    /// The kind of server, as `--server` takes it.
    pub server: String,
    /// The version of its PostgreSQL.
    pub postgresql: String,
    /// What the dump holds and this server could not take, a line each.
    pub left_out: Vec<String>,
}

/// What an upgrade does with the sources, as the report of the upgrade has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The new sources.
    pub sources: Vec<PlannedSource>,
}

/// A new source. Coordinates are file:position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedSource {
    /// Its name.
    pub name: String,
    /// The schema of PostgreSQL for each of MySQL.
    pub mappings: BTreeMap<String, String>,
    /// The old sources that go into it.
    pub parts: Vec<PlannedPart>,
    /// Where its first batch starts.
    pub batch_start: Option<String>,
    /// From where on all its tables are consistent with each other.
    pub consistent_point: Option<String>,
    /// Where MySQL's log ended when it was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end_of_log: Option<String>,
}

/// An old source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedPart {
    /// Its name.
    pub name: String,
    /// From where the old replica would read on.
    pub start: Option<String>,
    /// Where the first transaction begins that concerns it.
    #[serde(default)]
    pub advanced: Option<String>,
    /// The furthest coordinate that one of its tables has of its own.
    pub furthest_own: Option<String>,
    /// How many tables it brings.
    pub tables: u64,
}

/// Tables of one schema that are alike but for their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TablesAlike {
    /// Their new source.
    pub source: String,
    /// Their schema in PostgreSQL.
    pub schema: String,
    /// From where on they are replicated, as file:position; none: from where the source is read.
    pub coordinate: Option<String>,
    /// Whether their replication is enabled.
    pub enabled: bool,
    /// Their names.
    pub names: Vec<String>,
}

/// The upgrade of the copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpgradeRun {
    /// How it ended; none when a signal ended it.
    pub exit_code: Option<i32>,
    /// How long it took.
    pub seconds: f64,
    /// How much of that the replay of what waited took.
    pub replay_seconds: f64,
    /// The steps of its transaction.
    pub steps: Vec<StepTime>,
    /// All that it wrote.
    pub output: String,
}

/// A daemon on the copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonRun {
    /// Its source.
    pub source: String,
    /// The server id under which it read.
    pub server_id: u32,
    /// The version of pg_chameleon.
    pub version: String,
    /// Whether it ran to the end of the rehearsal.
    pub alive: bool,
    /// Whether it has read and applied all that was on MySQL when it was started.
    pub caught_up: bool,
    /// How long it ran.
    pub seconds: f64,
    /// How long it took to catch up.
    pub caught_up_after: Option<f64>,
    /// Where it had come to, as file:position.
    pub position: Option<String>,
    /// How far the last applied row was behind MySQL's clock, in the end.
    pub lag_seconds: Option<f64>,
    /// The tables whose replication it has disabled.
    pub disabled: Vec<String>,
    /// The end of its log.
    pub log: String,
}

/// How long the replica will stand still: from the end of 1.8.2 to the beginning of 2.0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// Its parts, in their order.
    pub parts: Vec<ForecastPart>,
    /// All of it.
    pub total: Range,
}

/// A part of the stand-still.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ForecastPart {
    /// What is done.
    pub part: String,
    /// How long it takes.
    pub seconds: Range,
    /// What the figures come from.
    pub basis: String,
}

/// A time that is not known exactly, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Range {
    /// At least.
    pub low: f64,
    /// Most likely.
    pub likely: f64,
    /// At most.
    pub high: f64,
}

/// A command of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DayCommand {
    /// To be copied.
    pub command: String,
    /// What it is for.
    pub about: String,
}

impl RehearsalReport {
    /// Its JSON schema, as docs/schemas/rehearsal.json holds it.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        let generator: SchemaGenerator = SchemaSettings::draft2020_12().for_serialize().into();
        generator.into_root_schema_for::<Self>().to_value()
    }

    /// Whether the day will go well.
    #[must_use]
    pub fn went_well(&self) -> bool {
        self.verdict != Verdict::NoGo
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Go => "Go",
            Self::GoWithWarnings => "Go, with warnings",
            Self::NoGo => "No go",
        })
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Check => "check of production",
            Self::Dump => "dump of production",
            Self::Restore => "restore on a throwaway server",
            Self::Upgrade => "upgrade",
            Self::Daemon => "daemon of pg_chameleon 2",
            Self::Verify => "comparison with MySQL",
            Self::WayBack => "way back",
            Self::UpgradeAgain => "upgrade after the way back",
            Self::Measure => "upgrade on further copies",
            Self::Faults => "upgrade with faults",
        })
    }
}
