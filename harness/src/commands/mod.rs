//! The verbs of `chameleon-harness`, one file each.

pub mod bench_reference;
pub mod demo;
pub mod interruption;
pub mod list;
pub mod manual;
pub mod output;
mod progress;
pub mod rehearse;
pub mod report;
mod results_file;
pub mod run;
pub mod sweep;

use crate::benchmark::BenchmarkError;
use crate::fault::FaultKind;
use crate::replica::upgrader::Upgrader;
use crate::scenario::{FileError, ScenarioError};
use crate::server::Kind;
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// How a verb ends: nothing to complain of, something found, or it could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All is as it should be.
    Well,
    /// The upgrader does something that it should not.
    Found,
}

/// Why a verb could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Wrong use: an argument, a scenario file.
    #[error("{0}")]
    WrongUse(String),
    /// The harness could not do its work.
    #[error("{0}")]
    Harness(String),
}

/// Writes a line to standard output.
macro_rules! say {
    ($($text:tt)*) => { $crate::commands::output::line(format_args!($($text)*)).map_err($crate::commands::CommandError::from) };
}
use say;

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::harness(&error)
    }
}

impl CommandError {
    /// The exit code that it ends with.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::WrongUse(_) => 2,
            Self::Harness(_) => 3,
        }
    }

    pub(crate) fn harness(error: &dyn std::error::Error) -> Self {
        Self::Harness(error.to_string())
    }
}

impl From<FileError> for CommandError {
    fn from(error: FileError) -> Self {
        Self::WrongUse(error.to_string())
    }
}

impl From<BenchmarkError> for CommandError {
    fn from(error: BenchmarkError) -> Self {
        Self::harness(&error)
    }
}

impl From<ScenarioError> for CommandError {
    fn from(error: ScenarioError) -> Self {
        Self::harness(&error)
    }
}

/// What every verb that runs an upgrader takes.
#[derive(Debug, Args)]
pub struct CommonArguments {
    /// local, local:16, docker, docker:IMAGE:TAG or the URL of a server.
    #[arg(long, value_name = "SERVER", default_value = "local")]
    pub server: Kind,
    /// How many runs at a time; by default as many as there are processors.
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// The program that upgrades, with its arguments; chameleon-upgrade by default, and `original` for pg_chameleon
    /// 2.0.21's own upgrade. It is given `--config upgraded`, a home folder with
    /// .pg_chameleon/configuration/upgraded.yml, and YES on standard input.
    #[arg(long, value_name = "CMD")]
    pub upgrader: Option<String>,
}

impl CommonArguments {
    /// How many runs at a time.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }

    /// The program that upgrades.
    ///
    /// # Errors
    /// When it isn't there.
    pub fn upgrader(&self) -> Result<Upgrader, CommandError> {
        let found = match &self.upgrader {
            None => Upgrader::beside_this_program(),
            Some(command) => Upgrader::of_command(command),
        };
        found.map_err(|error| CommandError::WrongUse(format!("there is no upgrader: {error}")))
    }
}

/// The scenario files that are meant when none are named.
fn scenarios_or_all(files: &[PathBuf]) -> Vec<PathBuf> {
    if files.is_empty() { vec![PathBuf::from("scenarios")] } else { files.to_vec() }
}

/// The kinds of fault that are meant when none are named.
fn named_or_all(faults: &[FaultKind]) -> Vec<FaultKind> {
    if faults.is_empty() { FaultKind::all().collect() } else { faults.to_vec() }
}
