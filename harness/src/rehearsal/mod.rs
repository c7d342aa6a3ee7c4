//! The rehearsal of an upgrade on a copy of production: §rehearsal. Production is only read. Its catalogue is restored on a
//! throwaway server and upgraded there with the administrator's own configuration, in which only `pg_conn` is replaced; then the
//! real daemon of pg_chameleon 2 is tried on it, the way back, the upgrade again, and every fault.

pub mod daemon;
mod day;
pub mod dump;
mod forecast;
mod production;
pub mod program;
pub mod report;
mod rows;
mod steps;
pub mod tables;
mod verdict;

use crate::chameleon::home::{Configuration, Home};
use crate::fault::FaultKind;
use crate::process::running;
use crate::replica::attempt::{self, Attempt, AttemptError, Outcome};
use crate::replica::report::{Finding, Report, Severity};
use crate::replica::template::ReplicaTemplate;
use crate::replica::upgrader::Upgrader;
use crate::replica::{Origin, Replica, ReplicaError};
use crate::server::{Binaries, Kind, LocalOptions, ServerError, SharedServer};
use crate::sweep::case::Case;
use crate::sweep::{self, Retries, Spread, Sweep, SweepError, Work};
use chameleon_upgrade::config::{Configuration as OfProduction, ConfigurationError, location};
use daemon::{DaemonError, Daemons};
use dump::{Dump, DumpError, Rows};
use forecast::{Measured, Timed};
use production::Asked;
use program::Program;
use report::{
    DaemonRun, Plan, Production, RehearsalReport, RowsTaken, StepFinding, StepName, StepOutcome, Throwaway,
    UpgradeRun, VERSION,
};
use rows::TableRows;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use steps::{Steps, found_in};

/// How long an upgrade may take here: somebody waits for it, and can end it.
const LIMIT: Duration = Duration::from_secs(24 * 3600);

/// What the way back leaves goes, as the upgrade would ask for.
const CLEARING_UP: [&str; 5] = ["cleanup", "--schema", "version2", "--drop", "--yes"];

/// The check that says that pg_chameleon is at work, which before the day it is.
const AT_WORK: &str = "replica-stopped";

/// Why there was no rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The server, or the dump.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// A run.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The sweep.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// No dump can be taken.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// A server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The daemons.
    #[error("the daemons of pg_chameleon 2 can't be tried: {0}")]
    Daemon(#[from] DaemonError),
    /// The copy can't be read.
    #[error("looking at the copy: {}", crate::server::in_full(.0))]
    Sql(#[from] postgres::Error),
    /// A program can't be run.
    #[error(transparent)]
    Io(#[from] io::Error),
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
    /// Where the copy comes from.
    pub from: From,
    /// The configuration for the throwaway server.
    pub configuration: Configuration,
    /// The administrator's own configuration.
    pub of_production: OfProduction,
    /// The kind of server.
    pub server: Kind,
    /// The program, as for replicas whose MySQL is not asked.
    pub upgrader: Upgrader,
    /// Whether MySQL is not asked, and no daemon started.
    pub offline: bool,
    /// The pg_chameleon 2 whose daemon is tried.
    pub daemon: Daemon,
    /// What is accepted, as `--accept` takes it.
    pub accept: Vec<String>,
    /// The kinds of fault of the sweep; none leaves the sweep out.
    pub faults: Vec<FaultKind>,
    /// Which of the kinds comes at which message.
    pub spread: Spread,
    /// Only these cases of the sweep.
    pub only: Vec<Case>,
    /// How many runs of the sweep at a time.
    pub jobs: usize,
    /// The command that rehearses the same again.
    pub repeat: String,
}

/// Where the copy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// A file of pg_dump. Production's PostgreSQL is not asked.
    Dump(PathBuf),
    /// Production, with these rows.
    Production(Rows),
}

/// The pg_chameleon 2 whose daemon is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Daemon {
    /// None is.
    LeftOut,
    /// This one, or the first that is found.
    Program {
        /// What names it.
        named: Option<PathBuf>,
        /// For how long it runs, where it does not catch up before.
        longest: Duration,
    },
}

/// Who is told how far a rehearsal has come.
pub struct Told<'a> {
    /// A step begins.
    pub step: &'a (dyn Fn(StepName) + Sync),
    /// So many runs of the sweep are done, of so many.
    pub runs: &'a (dyn Fn(usize, usize) + Sync),
}

impl Rehearsal {
    /// Rehearses.
    ///
    /// # Errors
    /// [`RehearsalError`]; an upgrade that does not succeed is a result.
    pub fn run(&self, told: &Told<'_>) -> Result<RehearsalReport, RehearsalError> {
        let began = chrono::Utc::now();
        let mut steps = Steps::new(told.step);
        let mut measured = Measured::default();
        let is_live = matches!(self.from, From::Production(_));
        let Asked { mut production, major, ends } =
            production::ask(&self.of_production, is_live, !self.offline);
        let planned = self.check(&mut steps, &mut measured)?;
        let dump = self.dump(&mut steps, &mut production, major)?;
        let kind = self.kind(major);
        let server = SharedServer::new(kind.start()?);
        let template = self.restore(&mut steps, server, &dump)?;
        let throwaway = throwaway(&template, &kind)?;
        self.versions(&mut steps, &production, &throwaway);
        let mut replica = template.replica(&self.configuration)?;
        let mut on_copy = OnCopy { of: self, template: &template, replica: &mut replica };
        if measured.check.is_some() {
            measured.check_of_copy = on_copy.check()?;
        }
        let (upgrade, of_copy) = on_copy.upgrade(&mut steps, &mut measured)?;
        let mut plan = of_copy.or(planned);
        for source in plan.iter_mut().flat_map(|plan| &mut plan.sources) {
            source.end_of_log = ends.get(&source.name).cloned();
        }
        let is_upgraded = upgrade.exit_code == Some(0);
        let mut tables = Vec::new();
        let mut daemons = Vec::new();
        if is_upgraded {
            tables = tables::read(&mut on_copy.replica.superuser()?)?;
            daemons = on_copy.daemons(&mut steps, &mut measured, plan.as_ref())?;
            on_copy.way_back(&mut steps, &mut measured)?;
        }
        let sweep = self.faults(&mut steps, is_upgraded, &dump.file(), upgrade.seconds, told.runs)?;
        let options: Vec<String> = self.accept.iter().map(|it| format!("--accept {}", quoted(it))).collect();
        let name = location::name_or_stem(&self.of_production.path, &location::home());
        let day = day::commands(&self.of_production.named, &name, plan.as_ref(), &options.join(" "));
        let (verdict, because) = verdict::of(&steps.done, &steps.findings);
        Ok(RehearsalReport {
            version: VERSION,
            chameleon_harness: env!("CARGO_PKG_VERSION").to_owned(),
            began: began.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            seconds: steps.seconds(),
            configuration: self.of_production.named.clone(),
            repeat: self.repeat.clone(),
            verdict,
            because,
            forecast: if is_upgraded { forecast::forecast(&measured) } else { None },
            steps: steps.done,
            findings: steps.findings,
            production,
            throwaway,
            plan,
            tables,
            upgrade: Some(upgrade),
            daemons,
            sweep,
            day,
        })
    }

    /// Options of `check` and `upgrade` alike.
    fn options(&self) -> Vec<String> {
        let mut options: Vec<String> =
            self.accept.iter().flat_map(|it| ["--accept".to_owned(), it.clone()]).collect();
        if let Daemon::Program { named: Some(named), .. } = &self.daemon {
            options.extend(["--daemon".to_owned(), named.display().to_string()]);
        }
        options
    }

    /// `check` against production itself.
    fn check(&self, steps: &mut Steps<'_>, measured: &mut Measured) -> Result<Option<Plan>, RehearsalError> {
        if let From::Dump(_) = self.from {
            steps.left_out(StepName::Check, "A dump was given: production is not asked.");
            return Ok(None);
        }
        let mut options = self.options();
        options.extend(self.offline.then(|| "--offline".to_owned()));
        let named = &self.of_production.named;
        steps.step(StepName::Check, |findings| {
            let Some(checked) = production::check(&self.upgrader, named, &options)? else {
                let why = "This upgrader has no checks.".to_owned();
                return Ok((None, StepOutcome::LeftOut, why));
            };
            measured.check = Some(Timed { seconds: checked.seconds, messages: None });
            let found = checked.findings.into_iter().map(before_the_day);
            findings.extend(found.map(|finding| found_in(StepName::Check, finding)));
            Ok((checked.plan, StepOutcome::Passed, checked.message))
        })
    }

    fn dump(
        &self,
        steps: &mut Steps<'_>,
        production: &mut Production,
        major: Option<u32>,
    ) -> Result<Taken, RehearsalError> {
        let rows = match &self.from {
            From::Dump(file) => {
                steps.left_out(StepName::Dump, "A dump was given.");
                production.given_dump = Some(file.display().to_string());
                production.dump_bytes = size(file);
                production.postgresql = dump::version(file);
                return Ok(Taken::Given(file.clone()));
            }
            From::Production(rows) => *rows,
        };
        production.rows = match rows {
            Rows::All => RowsTaken::All,
            Rows::Waiting => RowsTaken::Waiting,
            Rows::None => RowsTaken::None,
        };
        let binaries = self.binaries(major);
        let binaries = binaries.as_ref().map(|found| found.folder.as_path());
        let taken = steps.step(StepName::Dump, |_| {
            let dump = Dump::take(&self.of_production, binaries, rows)?;
            production.dump_bytes = size(&dump.file());
            let seen =
                format!("{}, read in one transaction that may not write.", bytes(production.dump_bytes));
            Ok::<_, DumpError>((dump, StepOutcome::Passed, seen))
        })?;
        Ok(Taken::Here(taken))
    }

    fn restore(
        &self,
        steps: &mut Steps<'_>,
        server: SharedServer,
        dump: &Taken,
    ) -> Result<ReplicaTemplate, RehearsalError> {
        let restored = steps.step(StepName::Restore, |findings| {
            let template = ReplicaTemplate::new(server, &Origin::Dump(dump.file()))?;
            findings.extend(dump.rows().iter().filter_map(|rows| {
                let why = rows.restore(&template).err()?;
                Some(StepFinding {
                    step: StepName::Restore,
                    check: "rows-not-restored".to_owned(),
                    severity: Severity::Warning,
                    found: format!("The rows of {} could not be taken along: {why}", rows.table),
                    remedy: Some("Rehearse with --with-data, or from a dump.".to_owned()),
                })
            }));
            let left_out = template.left_out();
            findings.extend(left_out.iter().map(|what| StepFinding {
                step: StepName::Restore,
                check: "not-restored".to_owned(),
                severity: Severity::Info,
                found: format!("Not on the throwaway server: {what}"),
                remedy: None,
            }));
            let seen = match left_out.len() {
                0 => "All of the dump is there.".to_owned(),
                count => format!("All but {count} that another server than production's can't have."),
            };
            Ok::<_, ReplicaError>((template, StepOutcome::Passed, seen))
        })?;
        Ok(restored)
    }

    /// Of production's version where that is installed, else of the next one that is, else of any.
    fn kind(&self, major: Option<u32>) -> Kind {
        match &self.server {
            Kind::Local(options) if options.major.is_none() => {
                let nearest = major.and_then(Binaries::nearest).map(|found| found.major);
                Kind::Local(LocalOptions { major: nearest, ..options.clone() })
            }
            other => other.clone(),
        }
    }

    /// The programs of that version, where the server is one of this machine.
    fn binaries(&self, major: Option<u32>) -> Option<Binaries> {
        match self.kind(major) {
            Kind::Local(options) => Binaries::find(options.major).ok(),
            _ => None,
        }
    }

    fn versions(&self, steps: &mut Steps<'_>, production: &Production, throwaway: &Throwaway) {
        let major = |version: &str| version.split(['.', ' ']).next().unwrap_or_default().to_owned();
        let Some(there) = &production.postgresql else { return };
        if major(there) == major(&throwaway.postgresql) {
            return;
        }
        steps.findings.push(StepFinding {
            step: StepName::Restore,
            check: "another-version".to_owned(),
            severity: Severity::Info,
            found: format!(
                "Production has PostgreSQL {there}, and this was rehearsed on {}.",
                throwaway.postgresql
            ),
            remedy: Some(format!(
                "Where it matters, install PostgreSQL {} on this machine, or give --server docker:postgres:{}.",
                major(there),
                major(there)
            )),
        });
    }

    fn faults(
        &self,
        steps: &mut Steps<'_>,
        is_upgraded: bool,
        dump: &Path,
        undisturbed: f64,
        runs: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Option<sweep::Findings>, RehearsalError> {
        if self.faults.is_empty() && self.only.is_empty() {
            steps.left_out(StepName::Faults, "It was not asked for.");
            return Ok(None);
        }
        if !is_upgraded {
            steps.left_out(StepName::Faults, "The upgrade does not go through undisturbed.");
            return Ok(None);
        }
        let sweep = Sweep {
            server: self.kind_of_sweep(dump),
            upgrader: self.upgrader.clone(),
            arguments: self.upgrades(),
            work: Work::Upgrade,
            origin: Origin::Dump(dump.to_owned()),
            configuration: self.configuration.clone(),
            kinds: self.faults.clone(),
            pairs: 0,
            random_seed: 1,
            only: self.only.clone(),
            jobs: self.jobs,
            retries: Retries::OncePerState,
            spread: self.spread,
            limit: attempt::LIMIT.max(Duration::from_secs_f64(undisturbed.max(0.0) * 10.0)),
        };
        steps.step(StepName::Faults, |findings| match sweep::run(&sweep, runs) {
            Ok(swept) => {
                let violations = swept.violations().count();
                let seen = match violations {
                    0 => format!(
                        "{} runs, a fault in each, at {} messages: the catalogue was whole after each, and the next attempt succeeded.",
                        swept.runs.len(),
                        swept.messages.len()
                    ),
                    _ => format!("{violations} of {} runs violate a property.", swept.runs.len()),
                };
                let outcome = if violations == 0 { StepOutcome::Passed } else { StepOutcome::Failed };
                Ok((Some(swept), outcome, seen))
            }
            // Without MySQL, which is not asked thousands of times, it may be refused where it isn't with it.
            Err(SweepError::Undisturbed { output, .. }) => {
                findings.push(StepFinding {
                    step: StepName::Faults,
                    check: "faults-not-rehearsed".to_owned(),
                    severity: Severity::Warning,
                    found: "The faults were not rehearsed: the upgrade needs MySQL, which is not asked by thousands of runs."
                        .to_owned(),
                    remedy: None,
                });
                let last = output.trim_end().lines().next_back().unwrap_or_default();
                Ok((None, StepOutcome::LeftOut, format!("Without MySQL the upgrade is refused: {last}")))
            }
            Err(error) => Err(RehearsalError::from(error)),
        })
    }

    fn kind_of_sweep(&self, dump: &Path) -> Kind {
        let major = dump::version(dump).and_then(|version| version.split('.').next()?.parse().ok());
        self.kind(major)
    }

    /// On the copy nothing is at work, whatever its status says.
    fn upgrades(&self) -> Vec<String> {
        let mut arguments: Vec<String> = ["upgrade", "--yes", "--assume-stopped"].map(str::to_owned).to_vec();
        arguments.extend(self.options());
        arguments
    }

    /// The program on the copy, whose MySQL is production's.
    fn on_copy(&self) -> Upgrader {
        let with_mysql = if self.offline { None } else { self.upgrader.clone().beside_mysql() };
        with_mysql.unwrap_or_else(|| self.upgrader.clone())
    }

    /// What the copy's configuration is called in what is said, as its administrator knows it.
    fn as_named(&self, home: &Home, text: &str) -> String {
        let copied = home.configuration().display().to_string();
        let named = &self.of_production.named;
        text.replace(&copied, &self.of_production.path.display().to_string())
            .replace("--config upgraded", &format!("--config {}", quoted(named)))
    }
}

/// The copy, and what is done to it.
struct OnCopy<'a> {
    of: &'a Rehearsal,
    template: &'a ReplicaTemplate,
    replica: &'a mut Replica,
}

impl OnCopy<'_> {
    fn run(&mut self, arguments: &[String]) -> Result<Outcome, RehearsalError> {
        let attempt = Attempt {
            upgrader: &self.of.on_copy(),
            arguments,
            configuration: &self.of.configuration,
            faults: &[],
            environment: &BTreeMap::new(),
            limit: LIMIT,
        };
        let mut outcome = attempt::run(self.replica, self.template.server(), &attempt)?;
        outcome.output = self.of.as_named(&self.replica.home, &outcome.output);
        Ok(outcome)
    }

    /// How long `check` takes here, to tell how far away production's server is.
    fn check(&mut self) -> Result<Option<Timed>, RehearsalError> {
        let mut arguments = vec!["check".to_owned(), "--assume-stopped".to_owned()];
        arguments.extend(self.of.options());
        let outcome = self.run(&arguments)?;
        Ok(Some(Timed { seconds: outcome.took.as_secs_f64(), messages: Some(messages(&outcome)) }))
    }

    fn upgrade(
        &mut self,
        steps: &mut Steps<'_>,
        measured: &mut Measured,
    ) -> Result<(UpgradeRun, Option<Plan>), RehearsalError> {
        let arguments = self.of.upgrades();
        steps.step(StepName::Upgrade, |findings| {
            let outcome = self.run(&arguments)?;
            measure(&outcome, measured);
            let report = outcome.report.clone().unwrap_or_default();
            let taken_as_stopped = |finding: &Finding| finding.check == AT_WORK;
            findings.extend(report.findings.iter().filter(|it| !taken_as_stopped(it)).cloned().map(
                |finding| {
                    let finding = Finding { found: self.named(&finding.found), ..finding };
                    found_in(StepName::Upgrade, finding)
                },
            ));
            let plan = report.plan.clone().and_then(|plan| serde_json::from_value(plan).ok());
            let code = outcome.code();
            let last = outcome.output.trim_end().lines().next_back().unwrap_or_default().to_owned();
            let end = code
                .map_or_else(|| "without an exit code".to_owned(), |code| format!("with exit code {code}"));
            let (outcome_of_step, seen) = match code {
                Some(0) => (StepOutcome::Passed, last),
                _ => (StepOutcome::Failed, format!("It ended {end}. {last}")),
            };
            let run = UpgradeRun {
                exit_code: code,
                seconds: outcome.took.as_secs_f64(),
                replay_seconds: report.replay_seconds(),
                steps: report.steps,
                output: outcome.output,
            };
            Ok(((run, plan), outcome_of_step, seen))
        })
    }

    fn named(&self, text: &str) -> String {
        self.of.as_named(&self.replica.home, text)
    }

    fn daemons(
        &mut self,
        steps: &mut Steps<'_>,
        measured: &mut Measured,
        plan: Option<&Plan>,
    ) -> Result<Vec<DaemonRun>, RehearsalError> {
        let Daemon::Program { named, longest } = &self.of.daemon else {
            steps.left_out(StepName::Daemon, "It was not asked for.");
            return Ok(vec![]);
        };
        if self.of.offline {
            steps.left_out(StepName::Daemon, "MySQL is not asked (--offline).");
            return Ok(vec![]);
        }
        let started = plan.iter().flat_map(|plan| &plan.sources).filter(|it| it.batch_start.is_some());
        let sources: Vec<_> = started.map(|source| source.name.clone()).collect();
        if sources.is_empty() {
            steps.left_out(StepName::Daemon, "No source was ever initialised.");
            return Ok(vec![]);
        }
        let program = match Program::find(named.as_deref()) {
            Ok(program) => program,
            Err(why) => {
                steps.left_out(StepName::Daemon, &why.to_string());
                return Ok(vec![]);
            }
        };
        let upgrader = self.of.on_copy();
        let compares = self.of.from == From::Production(Rows::All);
        let mut compared = None;
        let replica = &*self.replica;
        let runs = steps.step(StepName::Daemon, |findings| {
            let daemons = Daemons {
                program: &program,
                upgrader: &upgrader,
                configuration: &self.of.configuration,
                sources,
                longest: *longest,
            };
            let mut meanwhile = |home: &Home| {
                if compares {
                    compared = Some((verify(&upgrader, home), home.configuration().display().to_string()));
                }
            };
            let seen = daemons.run(replica, &mut meanwhile)?;
            measured.daemons.extend(seen.connected_after);
            for finding in seen.findings {
                let found = format!("On the copy: {}", self.of.named_everywhere(&finding.found));
                let remedy = finding.remedy.map(|it| self.of.named_everywhere(&it));
                findings.push(StepFinding { found, remedy, ..finding });
            }
            let all = seen.runs.len();
            let well = seen.runs.iter().filter(|run| run.alive && run.caught_up).count();
            let alive = seen.runs.iter().filter(|run| run.alive).count();
            let version = &program.version;
            let (outcome, said) = if well == all {
                (StepOutcome::Passed, format!("{well} of {all} ran and caught up with MySQL ({version})."))
            } else if alive == all {
                (
                    StepOutcome::Warned,
                    format!("{well} of {all} have caught up with MySQL in this time; all run ({version})."),
                )
            } else {
                (StepOutcome::Failed, format!("{alive} of {all} run on ({version})."))
            };
            Ok::<_, RehearsalError>((seen.runs, outcome, said))
        })?;
        match compared {
            Some((verified, copied)) => {
                let path = self.of.of_production.path.display().to_string();
                steps.step(StepName::Verify, |findings| {
                    let (ended, output) = verified?;
                    let output = output.replace(&copied, &path);
                    let last = output.trim_end().lines().next_back().unwrap_or_default().to_owned();
                    if ended != Some(0) {
                        findings.push(StepFinding {
                            step: StepName::Verify,
                            check: "verify".to_owned(),
                            severity: Severity::Warning,
                            found: format!(
                                "Tables of the replica differ from MySQL, today already: {}",
                                running::shown(&self.of.named_everywhere(&output))
                            ),
                            remedy: Some("See chameleon-upgrade verify on production.".to_owned()),
                        });
                    }
                    Ok::<_, RehearsalError>(((), StepOutcome::Passed, last))
                })?;
            }
            None if compares => steps.left_out(StepName::Verify, "The daemons have not caught up."),
            None => steps.left_out(StepName::Verify, "The rows did not come along (--with-data)."),
        }
        Ok(runs)
    }

    /// The way back, and the upgrade again.
    fn way_back(&mut self, steps: &mut Steps<'_>, measured: &mut Measured) -> Result<(), RehearsalError> {
        let arguments = ["rollback", "--yes", "--assume-stopped"].map(str::to_owned);
        let is_back = steps.step(StepName::WayBack, |findings| {
            let outcome = self.run(&arguments)?;
            Ok::<_, RehearsalError>(after(StepName::WayBack, &outcome, findings))
        })?;
        if !is_back {
            steps.left_out(StepName::UpgradeAgain, "The way back was refused.");
            return Ok(());
        }
        let (cleanup, upgrade) = (CLEARING_UP.map(str::to_owned), self.of.upgrades());
        steps.step(StepName::UpgradeAgain, |findings| {
            let mut outcome = self.run(&cleanup)?;
            if outcome.code() == Some(0) {
                outcome = self.run(&upgrade)?;
            }
            if outcome.code() == Some(0) {
                measure(&outcome, measured);
            }
            Ok::<_, RehearsalError>(after(StepName::UpgradeAgain, &outcome, findings))
        })?;
        Ok(())
    }
}

impl Rehearsal {
    /// Whatever home the copy has had.
    fn named_everywhere(&self, text: &str) -> String {
        let named = quoted(&self.of_production.named);
        text.replace("--config upgraded", &format!("--config {named}"))
    }
}

/// How a command on the copy ended.
fn after(step: StepName, outcome: &Outcome, findings: &mut Vec<StepFinding>) -> (bool, StepOutcome, String) {
    let last = outcome.output.trim_end().lines().next_back().unwrap_or_default().to_owned();
    if outcome.code() == Some(0) {
        return (true, StepOutcome::Passed, last);
    }
    let what = if step == StepName::WayBack { "way-back" } else { "upgrade-again" };
    findings.push(StepFinding {
        step,
        check: what.to_owned(),
        severity: Severity::Warning,
        found: format!("The {step} does not go through here: {}", running::shown(outcome.output.trim_end())),
        remedy: None,
    });
    (false, StepOutcome::Warned, last)
}

/// On the copy, while the daemons run: with the exit code.
fn verify(upgrader: &Upgrader, home: &Home) -> io::Result<(Option<i32>, String)> {
    let ended = running::start(&upgrader.command(home, ["verify"]), "")?.wait(LIMIT)?;
    Ok((ended.status.and_then(|status| status.code()), ended.output))
}

/// Before the day pg_chameleon is at work, as it should be.
fn before_the_day(finding: Finding) -> Finding {
    if finding.check == AT_WORK && finding.severity == Severity::Error {
        let remedy = finding.remedy.map(|remedy| format!("On the day: {remedy}"));
        return Finding { severity: Severity::Info, remedy, ..finding };
    }
    finding
}

fn measure(outcome: &Outcome, measured: &mut Measured) {
    let report = outcome.report.clone().unwrap_or_default();
    let in_steps = outcome.transcript.messages.iter().filter(|message| message.step.is_some()).count() as u64;
    let seconds = report.steps.iter().map(|step| step.seconds).sum();
    if measured.upgrades.is_empty() {
        let replay_seconds = Report::replay_seconds(&report);
        let rest = messages(outcome).saturating_sub(in_steps);
        let messages = (replay_seconds > 0.0).then_some(rest);
        measured.replay = Timed { seconds: replay_seconds, messages };
    }
    measured.upgrades.push(outcome.took.as_secs_f64());
    measured.transactions.push(Timed { seconds, messages: Some(in_steps) });
}

fn messages(outcome: &Outcome) -> u64 {
    outcome.transcript.messages.len() as u64
}

fn throwaway(template: &ReplicaTemplate, kind: &Kind) -> Result<Throwaway, RehearsalError> {
    let postgresql = template.superuser()?.query_one("SHOW server_version", &[])?.get(0);
    Ok(Throwaway { server: kind.to_string(), postgresql, left_out: template.left_out().to_vec() })
}

/// A dump that was given, or one of our own, which goes with this value.
enum Taken {
    Given(PathBuf),
    Here(Dump),
}

impl Taken {
    fn file(&self) -> PathBuf {
        match self {
            Self::Given(file) => file.clone(),
            Self::Here(dump) => dump.file(),
        }
    }

    fn rows(&self) -> &[TableRows] {
        match self {
            Self::Given(_) => &[],
            Self::Here(dump) => &dump.rows,
        }
    }
}

/// Of a file, or of all files of a folder.
fn size(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return fs::metadata(path).map_or(0, |file| file.len()) };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn bytes(count: u64) -> String {
    match count {
        ..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

fn quoted(word: &str) -> String {
    chameleon_upgrade::shell::word(word)
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
