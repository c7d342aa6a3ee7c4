//! The report of an upgrade as JSON: findings, plan, steps, status and how it ended.

use crate::backup::Backup;
use crate::catalogue::v2::status::SourceStatus;
use crate::ending::Ending;
use crate::finding::Finding;
use crate::plan::Plan;
use crate::report::documents;
use crate::report::place::Kind;
use crate::upgrade::step::Step;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// All that is known of an upgrade; parts that it did not come to are left out.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "The file of upgrade --report"))]
pub struct Report {
    /// The version of this program. (The first key, by which a file is known to be a report.)
    pub chameleon_upgrade: &'static str,
    /// The version of the form.
    pub version: u32,
    /// The configuration that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<PathBuf>,
    /// The database of the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Whether all was rolled back on purpose.
    pub dry_run: bool,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// What was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// What was written before anything was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupFile>,
    /// The replay of each source.
    pub replays: Vec<ReplayTime>,
    /// The steps that were done.
    pub steps: Vec<StepTime>,
    /// The new sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<SourceStatus>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<EndingReport>,
}

/// A backup.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BackupFile {
    /// Where it is.
    pub file: PathBuf,
    /// What it holds.
    #[serde(flatten)]
    pub holds: Backup,
}

/// The replay of an old source.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReplayTime {
    /// Its name.
    pub source: String,
    /// The events that waited.
    pub events: u64,
    /// How long it took.
    pub seconds: f64,
}

/// A step that was done.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepTime {
    /// The step.
    pub step: Step,
    /// How long it took.
    pub seconds: f64,
}

/// How the upgrade ended.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndingReport {
    /// The name of the ending.
    pub ending: &'static str,
    /// The exit code.
    pub exit_code: u8,
    /// The last line.
    pub message: String,
}

impl Report {
    /// A report of what has yet to begin.
    #[must_use]
    pub fn new(dry_run: bool) -> Self {
        Self {
            chameleon_upgrade: env!("CARGO_PKG_VERSION"),
            version: documents::VERSION,
            dry_run,
            ..Self::default()
        }
    }

    /// Notes the steps with their times.
    pub fn steps(&mut self, steps: &[(Step, Duration)]) {
        self.steps
            .extend(steps.iter().map(|(step, took)| StepTime { step: *step, seconds: took.as_secs_f64() }));
    }

    /// As the file has it.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        // Nothing in it can fail: no map has other keys than texts.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Notes how it ended.
    pub fn ends(&mut self, ending: &Ending) {
        self.ending = Some(EndingReport {
            ending: ending.name(),
            exit_code: ending.code(),
            message: ending.message().to_owned(),
        });
    }
}

/// A report as a file.
pub const KIND: Kind = Kind { what: "report", beginning: b"{\n  \"chameleon_upgrade\"", mode: 0o666 };
