//! What chameleon-upgrade says of a run for programs: the file of `upgrade --report` and the object of `check --format
//! json`, as far as the harness reads them. Nothing else that it looks for is taken from what a console shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// A report; parts that the run did not come to are empty.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Report {
    /// What the checks found.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The replay of each old source.
    #[serde(default)]
    pub replays: Vec<ReplayTime>,
    /// The steps of the transaction that were done.
    #[serde(default)]
    pub steps: Vec<StepTime>,
    /// What was planned, as the report has it.
    #[serde(default)]
    pub plan: Option<serde_json::Value>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Finding {
    /// The id of the check.
    pub check: String,
    /// How much it weighs.
    pub severity: Severity,
    /// What was found.
    pub found: String,
    /// What to do.
    #[serde(default)]
    pub remedy: Option<String>,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// To know before the upgrade.
    Warning,
    /// An error that was accepted.
    Accepted,
    /// The upgrade is refused.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Accepted => "accepted",
            Self::Error => "error",
        })
    }
}

/// How long the replay of an old source took.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReplayTime {
    /// The time.
    pub seconds: f64,
}

/// How long a step took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepTime {
    /// Its name.
    pub step: String,
    /// The time.
    pub seconds: f64,
}

impl Report {
    /// The report in a file; none when it was not written, as by a program that was killed.
    ///
    /// # Errors
    /// What the system answers, or that the file holds no report.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Ok(text) => Ok(serde_json::from_slice(&text).map(Some)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The report at the beginning of what a program wrote, standard output first.
    ///
    /// # Errors
    /// It begins with something else.
    pub fn at_the_beginning_of(output: &str) -> Result<Self, serde_json::Error> {
        Self::deserialize(&mut serde_json::Deserializer::from_str(output))
    }

    /// How long all replays took together.
    #[must_use]
    pub fn replay_seconds(&self) -> f64 {
        sum(self.replays.iter().map(|replay| replay.seconds))
    }

    /// How long the steps of the transaction took together.
    #[must_use]
    pub fn transaction_seconds(&self) -> f64 {
        sum(self.steps.iter().map(|step| step.seconds))
    }

    /// The ids of the checks that found errors, each once, in their order.
    #[must_use]
    pub fn failed_checks(&self) -> Vec<String> {
        let errors = self.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let mut checks: Vec<_> = errors.map(|finding| finding.check.clone()).collect();
        checks.dedup();
        checks
    }
}

/// Of none it is 0, which that of the iterator is not: it is -0, and is shown so.
fn sum(seconds: impl Iterator<Item = f64>) -> f64 {
    seconds.fold(0.0, |sum, seconds| sum + seconds)
}

impl Finding {
    /// What was found and what to do, in one text.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{} {remedy}", self.found),
            None => self.found.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_the_replay_are_summed_up() {
        let text = r#"{"chameleon_upgrade": "1", "findings": [{"check": "a", "severity": "info", "found": "b"}], "replays": [
            {"source": "shop", "events": 245, "seconds": 0.053}, {"source": "a b", "events": 1, "seconds": 1.2}],
            "steps": [{"step": "commit", "seconds": 3.0}]} and more"#;
        let report = Report::at_the_beginning_of(text).unwrap();
        assert!((report.replay_seconds() - 1.253).abs() < 1e-9);
        assert!((report.transaction_seconds() - 3.0).abs() < 1e-9);
        let of_none = Report::default();
        assert_eq!(format!("{} {}", of_none.replay_seconds(), of_none.transaction_seconds()), "0 0");
    }
}
