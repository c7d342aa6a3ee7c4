//! The rehearsal of an upgrade on a copy of production: §rehearsal. Production is only read. Its catalogue is restored on a
//! throwaway server and upgraded there with the administrator's own configuration, in which only `pg_conn` is replaced; then the
//! real daemon of pg_chameleon 2 is tried on it, the way back, the upgrade again, and every fault.

pub mod configuration;
pub mod daemon;
mod day;
pub mod dump;
mod forecast;
pub mod forms;
mod on_copy;
mod production;
pub mod program;
pub mod report;
mod rows;
mod settings;
mod steps;
pub mod tables;
mod verdict;

use crate::chameleon::home::{CONFIGURATION, Configuration, Home};
use crate::fault::FaultKind;
use crate::replica::attempt::{self, AttemptError};
use crate::replica::dumped::{Dumped, Missing};
use crate::replica::report::{Finding, Severity};
use crate::replica::template::ReplicaTemplate;
use crate::replica::upgrader::Upgrader;
use crate::replica::{Origin, ReplicaError};
use crate::server::{Binaries, Kind, LocalOptions, ServerError, SharedServer};
use crate::sweep::case::Case;
use crate::sweep::{self, Retries, Spread, Sweep, SweepError, Work};
use chameleon_upgrade::config::{Configuration as OfProduction, location};
use daemon::DaemonError;
use dump::{Dump, DumpError, Rows};
use forecast::Measured;
use forms::wording;
use on_copy::OnCopy;
use production::Asked;
use report::{
    DaemonRun, Plan, Production, RehearsalReport, RowsTaken, StepFinding, StepName, StepOutcome, TablesAlike,
    Throwaway, UpgradeRun, VERSION,
};
use settings::Settings;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use steps::{Steps, found_in};

/// How long an upgrade may take here: somebody waits for it, and can end it.
const LIMIT: Duration = Duration::from_secs(24 * 3600);

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
        let Asked { mut production, major, ends, settings, round_trip } =
            production::ask(&self.of_production, is_live, !self.offline);
        measured.round_trip = round_trip;
        let planned = self.check(&mut steps, &mut measured)?;
        let mut done = Done { plan: planned, settings, ..Done::default() };
        if steps.findings.iter().any(is_in_the_way) {
            for step in
                [StepName::Dump, StepName::Restore, StepName::Upgrade, StepName::Daemon, StepName::WayBack]
            {
                steps.left_out(step, "A pooler is in the way, in which a dump would leave its settings.");
            }
        } else {
            let ended = self.on_a_copy(&mut steps, &mut measured, &mut production, major, &mut done, told);
            ended.or_else(|error| steps.no_room(&error).map_err(|()| error))?;
        }
        for source in done.plan.iter_mut().flat_map(|plan| &mut plan.sources) {
            source.end_of_log = ends.get(&source.name).cloned();
        }
        let is_upgraded = done.upgrade.as_ref().is_some_and(|upgrade| upgrade.exit_code == Some(0));
        let options: Vec<String> = self.accept.iter().map(|it| format!("--accept {}", quoted(it))).collect();
        let name = location::name_or_stem(&self.of_production.path, &location::home());
        let day = day::commands(&self.of_production.named, &name, done.plan.as_ref(), &options.join(" "));
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
            throwaway: done.throwaway,
            plan: done.plan,
            tables: done.tables,
            upgrade: done.upgrade,
            daemons: done.daemons,
            sweep: done.sweep,
            day,
        })
    }

    /// All that happens on a copy of production.
    fn on_a_copy(
        &self,
        steps: &mut Steps<'_>,
        measured: &mut Measured,
        production: &mut Production,
        major: Option<u32>,
        done: &mut Done,
        told: &Told<'_>,
    ) -> Result<(), RehearsalError> {
        let dump = self.dump(steps, production, major)?;
        let of_dump = || production.postgresql.as_deref().and_then(major_of);
        let kind = self.kind(major.or_else(of_dump));
        // What is measured on it waits for the disk, as production does.
        let server = SharedServer::new(kind.clone().durable().start()?);
        let ended = self.on_server(steps, measured, production, (&kind, &server, &dump), done, told);
        if ended.is_err() {
            // While its files are there.
            steps.look_for_room();
        }
        ended
    }

    fn on_server(
        &self,
        steps: &mut Steps<'_>,
        measured: &mut Measured,
        production: &Production,
        (kind, server, dump): (&Kind, &SharedServer, &Taken),
        done: &mut Done,
        told: &Told<'_>,
    ) -> Result<(), RehearsalError> {
        let origin = Origin::Dump(dump.with(&done.settings));
        let template = self.restore(steps, server.clone(), &origin, &done.settings)?;
        done.throwaway = throwaway(&template, kind)?;
        self.versions(steps, production, &done.throwaway);
        let mut replica = on_copy::fresh(&template, &self.configuration)?;
        let mut on_copy = OnCopy { of: self, template: &template, replica: &mut replica };
        if measured.round_trip.is_some() {
            measured.round_trip_of_copy = on_copy.round_trip()?;
        }
        let (upgrade, of_copy) = on_copy.upgrade(steps, measured)?;
        done.plan = of_copy.or(done.plan.take());
        let (is_upgraded, undisturbed) = (upgrade.exit_code == Some(0), upgrade.seconds);
        done.upgrade = Some(upgrade);
        if is_upgraded {
            done.tables = tables::read(&mut on_copy.replica.superuser()?)?;
            done.daemons = on_copy.daemons(steps, measured, done.plan.as_ref())?;
            on_copy.way_back(steps, measured)?;
            on_copy.measure_again(steps, measured)?;
        } else {
            for step in [StepName::Daemon, StepName::WayBack, StepName::Measure] {
                steps.left_out(step, "The upgrade does not go through.");
            }
        }
        done.sweep = self.faults(steps, is_upgraded, origin, kind, undisturbed, told.runs)?;
        Ok(())
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
            measured.check = Some(checked.seconds);
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
            let seen = format!(
                "{}, read in one transaction that may not write.",
                wording::size(production.dump_bytes)
            );
            Ok::<_, DumpError>((dump, StepOutcome::Passed, seen))
        })?;
        Ok(Taken::Here(taken))
    }

    fn restore(
        &self,
        steps: &mut Steps<'_>,
        server: SharedServer,
        origin: &Origin,
        settings: &Settings,
    ) -> Result<ReplicaTemplate, RehearsalError> {
        let restored = steps.step(StepName::Restore, |findings| {
            let template = ReplicaTemplate::new(server, origin)?;
            findings.extend(told_missing(template.missing()));
            findings.extend(settings.left_out());
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
        let Some(there) = &production.postgresql else { return };
        let Some(major) = major_of(there) else { return };
        if major_of(&throwaway.postgresql) == Some(major) {
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
                "Where it matters, install PostgreSQL {major} on this machine, or give --server docker:postgres:{major}."
            )),
        });
    }

    fn faults(
        &self,
        steps: &mut Steps<'_>,
        is_upgraded: bool,
        origin: Origin,
        kind: &Kind,
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
            server: kind.clone(),
            upgrader: self.upgrader.clone(),
            arguments: self.upgrades(),
            work: Work::Upgrade,
            origin,
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
                        "{}, a fault in each, at {}: the catalogue was whole after each, and the next attempt succeeded.",
                        wording::counted(swept.runs.len() as u64, "run"),
                        wording::counted(swept.messages.len() as u64, "message")
                    ),
                    _ => format!(
                        "{violations} of {} violate a property.",
                        wording::counted(swept.runs.len() as u64, "run")
                    ),
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
                let last = last_line(&output);
                Ok((None, StepOutcome::LeftOut, format!("Without MySQL the upgrade is refused: {last}")))
            }
            Err(error) => Err(RehearsalError::from(error)),
        })
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
        self.by_its_name(&text.replace(&copied, &self.of_production.path.display().to_string()))
    }

    /// The same of its name alone, whatever home the copy has had.
    fn by_its_name(&self, text: &str) -> String {
        let named = quoted(&self.of_production.named);
        text.replace(&format!("--config {CONFIGURATION}"), &format!("--config {named}"))
    }
}

/// What came of it on a copy.
#[derive(Default)]
struct Done {
    settings: Settings,
    throwaway: Throwaway,
    plan: Option<Plan>,
    tables: Vec<TablesAlike>,
    upgrade: Option<UpgradeRun>,
    daemons: Vec<DaemonRun>,
    sweep: Option<sweep::Findings>,
}

/// What a dump would leave its settings in, for whoever comes next.
fn is_in_the_way(finding: &StepFinding) -> bool {
    finding.check == "pooler" && finding.severity == Severity::Error
}

/// Before the day pg_chameleon is at work, as it should be.
fn before_the_day(finding: Finding) -> Finding {
    if finding.check == AT_WORK && finding.severity == Severity::Error {
        let remedy = finding.remedy.map(|remedy| format!("On the day: {remedy}"));
        return Finding { severity: Severity::Info, remedy, ..finding };
    }
    finding
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
    /// With production's settings and event triggers, which no dump of schemas has.
    fn with(&self, settings: &Settings) -> Dumped {
        let (event_triggers, settings) = (settings.event_triggers.clone(), settings.set.clone());
        match self {
            Self::Given(file) => Dumped { settings, event_triggers, ..file.clone().into() },
            Self::Here(dump) => {
                Dumped { file: dump.file(), rows: dump.rows.clone(), settings, event_triggers }
            }
        }
    }
}

/// What came beside the dump, and is not on the throwaway server.
fn told_missing(missing: &Missing) -> Vec<StepFinding> {
    let rows = missing.rows.iter().map(|(table, why)| StepFinding {
        step: StepName::Restore,
        check: "rows-not-restored".to_owned(),
        severity: Severity::Warning,
        found: format!("The rows of {table} could not be taken along: {why}"),
        remedy: Some("Rehearse with --with-data, or from a dump.".to_owned()),
    });
    let settings = missing.settings.iter().map(|(name, why)| StepFinding {
        step: StepName::Restore,
        check: "not-restored".to_owned(),
        severity: Severity::Info,
        found: format!("Not set on the throwaway server as on production: {name}: {why}"),
        remedy: None,
    });
    let event_triggers = missing.event_triggers.iter().map(|(name, why)| StepFinding {
        step: StepName::Restore,
        check: "event-triggers".to_owned(),
        severity: Severity::Warning,
        found: format!("The event trigger {name} of production is not on the throwaway server: {why}"),
        remedy: Some(
            "See that it takes what the upgrade does: chameleon-upgrade upgrade --dry-run.".to_owned(),
        ),
    });
    rows.chain(settings).chain(event_triggers).collect()
}

/// Of a file, or of all files of a folder.
fn size(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return fs::metadata(path).map_or(0, |file| file.len()) };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}

/// Of a version of PostgreSQL as its server says it.
fn major_of(version: &str) -> Option<u32> {
    version.split(['.', ' ']).next()?.parse().ok()
}

/// What a program said last.
fn last_line(output: &str) -> &str {
    output.trim_end().lines().next_back().unwrap_or_default()
}

fn quoted(word: &str) -> String {
    chameleon_upgrade::shell::word(word)
}
