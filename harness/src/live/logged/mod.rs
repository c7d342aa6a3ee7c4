//! What MySQL logs under each setting, what the real 2.0.21 daemon does with it, and what `check` says of it: docs/log.md.

mod case;
mod document;
mod events;

use self::case::{DESTINATION, scenario};
use super::daemon::{self, DaemonOutcome};
use super::run::LiveRun;
use super::scenario::Program;
use super::tables::Difference;
use super::{LiveError, Programs};
use crate::process::group::ProcessGroup;
use crate::replica::report::{Finding, Report, Severity};
use crate::replica::upgrader::Upgrader;
use crate::server::Database;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use case::Case;
pub use document::document;

const TIMEOUT: Duration = Duration::from_secs(120);

/// What a case has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The types of the events that the log then holds, as the server names them.
    pub events: Vec<String>,
    /// What the daemon does.
    pub daemon: Daemon,
    /// What `check` says: the ids of its findings, each with its severity.
    pub found: BTreeSet<(String, String)>,
}

/// What the daemon does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Daemon {
    /// Every table equals MySQL's.
    Equal,
    /// It ends at every start, with this error.
    Ends(String),
    /// It disables the table, for this reason.
    Disables(String),
    /// Nothing is disabled, and the tables differ.
    Differs(BTreeSet<&'static str>),
}

impl Shown {
    /// Whether the daemon does harm and nothing has been said of it.
    #[must_use]
    pub fn is_unsaid(&self) -> bool {
        self.daemon != Daemon::Equal && self.found.is_empty()
    }
}

/// Runs cases on one replica: all together, so that only one of them may end the daemon.
///
/// # Errors
/// [`LiveError`] when a step fails.
pub fn run(
    cases: &[&Case],
    programs: &Programs,
    upgrader: &Upgrader,
    database: Database,
) -> Result<Vec<Shown>, LiveError> {
    let scenario = scenario(cases);
    let processes = ProcessGroup::new()?;
    let mut live = LiveRun::begin(&scenario, programs, upgrader, database, &processes)?;
    live.steps()?;
    let usual: BTreeSet<_> =
        check(&live)?.into_iter().map(|it| (it.check, it.severity.to_string())).collect();
    let mut events = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let (_, mysql) = live.initialised_of("merged")?;
        let from = mysql.place()?;
        mysql.run(Some(case::SCHEMA), &case.statements(number))?;
        events.push(events::types(mysql, &from)?);
    }
    let findings = check(&live)?;
    upgrade(&live, &findings)?;
    let mut differences = Vec::new();
    let outcome = daemon::run_with_differences(&mut live, &BTreeMap::new(), &mut differences)?;
    let of = |(number, events): (usize, Vec<String>)| {
        let table = Case::table(number);
        let of_it = |it: &&Finding| {
            it.severity != Severity::Info
                && (it.text().contains(&table)
                    || cases.len() == 1 && !usual.contains(&(it.check.clone(), it.severity.to_string())))
        };
        Shown {
            events,
            daemon: daemon(&outcome, &differences, &table),
            found: findings
                .iter()
                .filter(of_it)
                .map(|it| (it.check.clone(), it.severity.to_string()))
                .collect(),
        }
    };
    Ok(events.into_iter().enumerate().map(of).collect())
}

fn daemon(outcome: &DaemonOutcome, differences: &[Difference], table: &str) -> Daemon {
    let name = format!("{DESTINATION}.{table}");
    if let Some(error) = outcome.ended.first() {
        return Daemon::Ends(error.replace(table, "TABLE"));
    }
    if let Some((_, why)) = outcome.disabled.iter().find(|(it, _)| it.starts_with(&name)) {
        return Daemon::Disables(why.clone());
    }
    let of_it = differences.iter().filter(|it| it.table.starts_with(&name));
    let what: BTreeSet<_> = of_it.flat_map(|it| &it.what).map(|what| kind(what)).collect();
    if what.is_empty() { Daemon::Equal } else { Daemon::Differs(what) }
}

/// In what a table differs, without the values.
fn kind(what: &str) -> &'static str {
    if what.contains("None on PostgreSQL") {
        "values are NULL"
    } else if what.ends_with("is missing on PostgreSQL") {
        "rows are missing"
    } else if what.ends_with("is not on MySQL") {
        "deleted rows are left"
    } else if what.starts_with("its columns") {
        "columns are missing"
    } else if what == "it is missing on PostgreSQL" {
        "the table is missing"
    } else {
        "values differ"
    }
}

fn check(live: &LiveRun<'_>) -> Result<Vec<Finding>, LiveError> {
    let home = live.home(&live.scenario.upgraded)?;
    let output = live.ours(&home, ["check", "--format", "json"])?.output();
    let output = output.map_err(LiveError::io("run check"))?;
    let report = Report::at_the_beginning_of(&String::from_utf8_lossy(&output.stdout))
        .map_err(|error| LiveError::Scenario(format!("check wrote no JSON: {error}")))?;
    Ok(report.findings)
}

/// Without MySQL, or, where the daemon starts from GTIDs, which MySQL alone tells, with all that was found accepted.
fn upgrade(live: &LiveRun<'_>, findings: &[Finding]) -> Result<(), LiveError> {
    let errors: BTreeSet<_> =
        findings.iter().filter(|it| it.severity == Severity::Error).map(|it| &it.check).collect();
    let options: Vec<_> = if live.programs.gtids {
        errors.iter().flat_map(|id| ["--accept".to_owned(), format!("{id}=to see it")]).collect()
    } else {
        vec!["--offline".to_owned()]
    };
    let (_home, mut running) = live.start_upgrade(Program::Ours, &live.scenario.upgraded, &options)?;
    let status = running.wait(TIMEOUT)?;
    if status.success() { Ok(()) } else { Err(running.failure(&format!("ended with {status}")).into()) }
}
