//! The rehearsal of an upgrade on a dump of production: §rehearsal. The database is restored on a throwaway server and
//! upgraded there with the administrator's own configuration, in which only `pg_conn` is replaced.

pub mod dump;
pub mod report;

use crate::chameleon::home::Configuration;
use crate::fault::FaultKind;
use crate::replica::attempt::{self, Attempt, AttemptError};
use crate::replica::report::Report;
use crate::replica::template::ReplicaTemplate;
use crate::replica::upgrader::Upgrader;
use crate::replica::{Origin, ReplicaError};
use crate::server::{Kind, SharedServer};
use crate::sweep::case::Case;
use crate::sweep::{self, Findings, Retries, Spread, Sweep, SweepError, Work};
use chameleon_upgrade::config::{ConfigurationError, location};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why there was no rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The server, or the dump.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The undisturbed run.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The sweep.
    #[error(transparent)]
    Sweep(#[from] SweepError),
}

/// A configuration that can't be used for a rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum UnusableConfiguration {
    /// It can't be read.
    #[error(transparent)]
    Unreadable(#[from] ConfigurationError),
    /// Its connection can't be replaced.
    #[error(
        "the configuration {} has no pg_conn at the beginning of a line, which would be replaced by the throwaway \
         server's: write it as a block of its own", .0.display()
    )]
    NoConnection(PathBuf),
}

/// What is rehearsed.
pub struct Rehearsal {
    /// A file of pg_dump.
    pub dump: PathBuf,
    /// The configuration for the throwaway server.
    pub configuration: Configuration,
    /// The administrator's own file, which messages shall name.
    pub configuration_file: PathBuf,
    /// The kind of server.
    pub server: Kind,
    /// The program.
    pub upgrader: Upgrader,
    /// Whether `--assume-stopped` will be given.
    pub assume_stopped: bool,
    /// The kinds of fault of the sweep; none leaves the sweep out.
    pub faults: Vec<FaultKind>,
    /// Only these cases of the sweep.
    pub only: Vec<Case>,
    /// How many runs of the sweep at a time.
    pub jobs: usize,
}

/// The version of the form of what a rehearsal writes for programs.
const VERSION: u32 = 1;

/// What came of a rehearsal.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "What chameleon-harness rehearse --report writes")]
pub struct RehearsalReport {
    /// The version of the form.
    pub version: u32,
    /// How the undisturbed upgrade ended; none when a signal ended it.
    pub exit_code: Option<i32>,
    /// How long it took.
    pub seconds: f64,
    /// How much of that the replay of what waited took.
    pub replay_seconds: f64,
    /// All that it wrote.
    pub output: String,
    /// What the dump holds and the throwaway server could not take, a line each.
    pub left_out: Vec<String>,
    /// What the sweep found, when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Findings>,
}

impl RehearsalReport {
    /// Its JSON schema, as docs/schemas/rehearsal.json holds it.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        let generator: SchemaGenerator = SchemaSettings::draft2020_12().for_serialize().into();
        generator.into_root_schema_for::<Self>().to_value()
    }

    /// Whether the undisturbed upgrade succeeded, and no fault did harm.
    #[must_use]
    pub fn went_well(&self) -> bool {
        let harmless = |findings: &Findings| findings.violations().next().is_none();
        self.exit_code == Some(0) && self.sweep.as_ref().is_none_or(harmless)
    }
}

impl Rehearsal {
    /// Upgrades undisturbed, and then under the sweep when that went well and there are faults to sweep.
    ///
    /// # Errors
    /// [`RehearsalError`]; an upgrade that does not succeed is a result.
    pub fn run(&self, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<RehearsalReport, RehearsalError> {
        let mut rehearsed = self.undisturbed()?;
        if !self.faults.is_empty() && rehearsed.exit_code == Some(0) {
            rehearsed.sweep = Some(sweep::run(&self.sweep(), progress)?);
        }
        Ok(rehearsed)
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["upgrade".to_owned(), "--yes".to_owned()];
        arguments.extend(self.assume_stopped.then(|| "--assume-stopped".to_owned()));
        arguments
    }

    fn undisturbed(&self) -> Result<RehearsalReport, RehearsalError> {
        let server = SharedServer::new(self.server.start().map_err(ReplicaError::from)?);
        let template = ReplicaTemplate::new(server, &Origin::Dump(self.dump.clone()))?;
        let mut replica = template.replica(&self.configuration)?;
        let arguments = self.arguments();
        let attempt = Attempt {
            upgrader: &self.upgrader,
            arguments: &arguments,
            configuration: &self.configuration,
            faults: &[],
            environment: &BTreeMap::new(),
        };
        let outcome = attempt::run(&mut replica, template.server(), &attempt)?;
        let copied = replica.home.configuration().display().to_string();
        let output = outcome.output.replace(&copied, &self.configuration_file.display().to_string());
        Ok(RehearsalReport {
            version: VERSION,
            exit_code: outcome.code(),
            seconds: outcome.took.as_secs_f64(),
            replay_seconds: outcome.report.as_ref().map_or(0.0, Report::replay_seconds),
            output,
            left_out: template.left_out().to_vec(),
            sweep: None,
        })
    }

    fn sweep(&self) -> Sweep {
        Sweep {
            server: self.server.clone(),
            upgrader: self.upgrader.clone(),
            arguments: self.arguments(),
            work: Work::Upgrade,
            origin: Origin::Dump(self.dump.clone()),
            configuration: self.configuration.clone(),
            kinds: self.faults.clone(),
            pairs: 0,
            random_seed: 1,
            only: self.only.clone(),
            jobs: self.jobs,
            retries: Retries::OncePerState,
            spread: Spread::SqlStatesInTurn,
        }
    }
}

/// The configuration at `path`, with the throwaway server's connection instead of its own.
///
/// # Errors
/// [`UnusableConfiguration`].
pub fn configuration(path: &Path) -> Result<Configuration, UnusableConfiguration> {
    let text = location::read(path)?;
    around_connection(&text).ok_or_else(|| UnusableConfiguration::NoConnection(path.to_owned()))
}

/// Takes out the lines of the top-level key `pg_conn`: up to the next line that begins with something else than a
/// space, a comment or a brace. All other lines stay as they are and where they are, and so mean what they meant.
fn around_connection(text: &str) -> Option<Configuration> {
    let begins =
        |line: &&str| ["pg_conn:", "\"pg_conn\":", "'pg_conn':"].iter().any(|key| line.starts_with(key));
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(begins)?;
    let within = |line: &&&str| line.is_empty() || line.starts_with([' ', '#', '}']);
    let taken_out = lines[first + 1..].iter().take_while(within).count();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    Some(Configuration::Around {
        before: joined(&lines[..first]),
        after: "\n".repeat(taken_out) + &joined(&lines[first + 1 + taken_out..]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_connection_is_replaced() {
        let text = "# mine\npid_dir: '~/.pg_chameleon/pid/'\npg_conn:\n  host: production\n  # here too\n\n  password: secret\n\
                    sources:\n  a:\n    gtid_enable: no\n    pg_conn: not this one\n";
        assert_eq!(
            around_connection(text),
            Some(Configuration::Around {
                before: "# mine\npid_dir: '~/.pg_chameleon/pid/'\n".to_owned(),
                after: "\n\n\n\nsources:\n  a:\n    gtid_enable: no\n    pg_conn: not this one\n".to_owned(),
            })
        );
        assert_eq!(
            around_connection("pg_conn: {\n  host: a,\n}\nsources: {}\n"),
            Some(Configuration::Around { before: String::new(), after: "\n\nsources: {}\n".to_owned() })
        );
        assert_eq!(around_connection("sources: {}\n"), None);
        assert_eq!(around_connection("  pg_conn: {}\n"), None);
    }
}
