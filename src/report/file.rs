//! The report of an upgrade as a JSON file: findings, plan, steps, status and how it ended.

use crate::catalogue::v2::status::SourceStatus;
use crate::checks::Finding;
use crate::ending::Ending;
use crate::plan::Plan;
use crate::upgrade::step::Step;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All that is known of an upgrade; parts that it did not come to are left out.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The version of this program.
    pub chameleon_upgrade: &'static str,
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

/// The replay of an old source.
#[derive(Debug, Serialize)]
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
pub struct StepTime {
    /// The step.
    pub step: Step,
    /// How long it took.
    pub seconds: f64,
}

/// How the upgrade ended.
#[derive(Debug, Serialize)]
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
        Self { chameleon_upgrade: env!("CARGO_PKG_VERSION"), dry_run, ..Self::default() }
    }

    /// Notes the steps with their times.
    pub fn steps(&mut self, steps: &[(Step, Duration)]) {
        self.steps
            .extend(steps.iter().map(|(step, took)| StepTime { step: *step, seconds: took.as_secs_f64() }));
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

/// A file that is known to be writable before anything is done.
pub struct ReportFile {
    file: File,
}

impl ReportFile {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// What the system answers.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::create(path)? })
    }

    /// Writes the report.
    ///
    /// # Errors
    /// What the system answers.
    pub fn write(mut self, report: &Report) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.file, report)?;
        writeln!(self.file)
    }
}
