//! What is done to the copy: the upgrade, the daemons, the way back, the upgrade again.

use super::daemon::Daemons;
use super::forecast::{Measured, MeasuredUpgrade, Timed, middle};
use super::forms::wording;
use super::production::{ROUND_TRIP, ROUND_TRIPS};
use super::program::Program;
use super::report::{DaemonRun, Plan, StepFinding, StepName, StepOutcome, UpgradeRun};
use super::steps::{Steps, found_in};
use super::{AT_WORK, Daemon, From, LIMIT, Rehearsal, RehearsalError, last_line};
use crate::chameleon::home::{Configuration, Home};
use crate::fault::{MessageKind, Proxy, SeenMessage};
use crate::process::running;
use crate::rehearsal::dump::Rows;
use crate::replica::Replica;
use crate::replica::attempt::{self, Attempt, AttemptError, Outcome};
use crate::replica::report::{Finding, Severity};
use crate::replica::template::ReplicaTemplate;
use crate::replica::upgrader::Upgrader;
use crate::server::Address;
use std::collections::BTreeMap;
use std::io;
use std::time::Instant;

/// What the way back leaves goes, as the upgrade would ask for.
const CLEARING_UP: [&str; 5] = ["cleanup", "--schema", "version2", "--drop", "--yes"];

/// The copy, and what is done to it.
pub(super) struct OnCopy<'a> {
    pub of: &'a Rehearsal,
    pub template: &'a ReplicaTemplate,
    pub replica: &'a mut Replica,
}

impl OnCopy<'_> {
    fn run(&mut self, arguments: &[String]) -> Result<Outcome, RehearsalError> {
        run(self.of, self.template, self.replica, arguments)
    }

    /// How long a round trip to the copy's server is, by the way that an upgrade takes.
    pub fn round_trip(&self) -> Result<Option<f64>, RehearsalError> {
        let role = self.replica.role();
        let proxy = Proxy::start((role.host.as_str(), role.port), vec![]).map_err(AttemptError::from)?;
        let (host, port) = (proxy.address().ip().to_string(), proxy.address().port());
        let mut client = Address { host, port, ..role.clone() }.connect(self.replica.database.name())?;
        let mut times = [0.0; ROUND_TRIPS];
        for time in &mut times {
            let began = Instant::now();
            client.batch_execute(ROUND_TRIP)?;
            *time = began.elapsed().as_secs_f64();
        }
        Ok(middle(&times))
    }

    pub fn upgrade(
        &mut self,
        steps: &mut Steps<'_>,
        measured: &mut Measured,
    ) -> Result<(UpgradeRun, Option<Plan>), RehearsalError> {
        let arguments = self.of.upgrades();
        steps.step(StepName::Upgrade, |findings| {
            let outcome = self.run(&arguments)?;
            measured.upgrades.push(upgrade_of(&outcome));
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
            let last = last_line(&outcome.output).to_owned();
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

    pub fn daemons(
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
                    let began = Instant::now();
                    let verified = verify(&upgrader, home);
                    let copied = home.configuration().display().to_string();
                    compared = Some((verified, copied, began.elapsed()));
                }
            };
            let seen = daemons.run(replica, &mut meanwhile)?;
            measured.daemons.extend(seen.connected_after);
            for finding in seen.findings {
                let found = format!("On the copy: {}", self.of.by_its_name(&finding.found));
                let remedy = finding.remedy.map(|it| self.of.by_its_name(&it));
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
            Some((verified, copied, took)) => {
                let path = self.of.of_production.path.display().to_string();
                steps.step(StepName::Verify, |findings| {
                    let (ended, output) = verified?;
                    let output = output.replace(&copied, &path);
                    let last = last_line(&output).to_owned();
                    if ended != Some(0) {
                        findings.push(StepFinding {
                            step: StepName::Verify,
                            check: "verify".to_owned(),
                            severity: Severity::Warning,
                            found: format!(
                                "Tables of the replica differ from MySQL, today already: {}",
                                running::shown(&self.of.by_its_name(&output))
                            ),
                            remedy: Some("See chameleon-upgrade verify on production.".to_owned()),
                        });
                    }
                    Ok::<_, RehearsalError>(((), StepOutcome::Passed, last))
                })?;
                // It was done while the daemons ran.
                if let Some(step) = steps.done.last_mut() {
                    step.seconds = took.as_secs_f64();
                }
            }
            None if compares => steps.left_out(StepName::Verify, "The daemons have not caught up."),
            None => steps.left_out(StepName::Verify, "The rows did not come along (--with-data)."),
        }
        Ok(runs)
    }

    /// The way back, and the upgrade again.
    pub fn way_back(&mut self, steps: &mut Steps<'_>, measured: &mut Measured) -> Result<(), RehearsalError> {
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
                // It has nothing to replay, and looks as often as the first.
                measured.looks = upgrade_of(&outcome).replay.round_trips;
            }
            Ok::<_, RehearsalError>(after(StepName::UpgradeAgain, &outcome, findings))
        })?;
        Ok(())
    }

    /// The upgrade on copies of the copy as it was restored: the more seldom a time was measured, the less is known of it.
    pub fn measure_again(
        &self,
        steps: &mut Steps<'_>,
        measured: &mut Measured,
    ) -> Result<(), RehearsalError> {
        let arguments = self.of.upgrades();
        let took = measured.upgrades.iter().map(|it| it.seconds).fold(0.0, f64::max);
        let bytes = self.template.bytes()?;
        if took > LONG_ENOUGH || bytes > TOO_LARGE {
            let why =
                format!("It took {} on {}: once is enough.", wording::duration(took), wording::size(bytes));
            steps.left_out(StepName::Measure, &why);
            return Ok(());
        }
        steps.step(StepName::Measure, |findings| {
            let mut times = Vec::new();
            for _ in 0..FURTHER_COPIES {
                let mut replica = fresh(self.template, &self.of.configuration)?;
                let outcome = run(self.of, self.template, &mut replica, &arguments)?;
                if outcome.code() != Some(0) {
                    return Ok(after(StepName::Measure, &outcome, findings));
                }
                let upgrade = upgrade_of(&outcome);
                times.push(wording::duration(upgrade.seconds));
                measured.upgrades.push(upgrade);
            }
            let seen = format!("It took {}.", times.join(" and "));
            Ok::<_, RehearsalError>((true, StepOutcome::Passed, seen))
        })?;
        Ok(())
    }
}

/// A copy of production to upgrade. As where the catalogue has not been written to since the last checkpoint, each of its pages is
/// written whole when it is changed first, and the copying is no part of what is measured.
pub(super) fn fresh(
    template: &ReplicaTemplate,
    configuration: &Configuration,
) -> Result<Replica, RehearsalError> {
    let replica = template.replica(configuration)?;
    replica.superuser()?.batch_execute("CHECKPOINT")?;
    Ok(replica)
}

/// How many further copies are upgraded.
const FURTHER_COPIES: usize = 2;
/// What takes so many seconds is measured once: what else the machine does is little beside it.
const LONG_ENOUGH: f64 = 60.0;
/// What is not copied for the forecast alone.
const TOO_LARGE: u64 = 2 << 30;

fn run(
    of: &Rehearsal,
    template: &ReplicaTemplate,
    replica: &mut Replica,
    arguments: &[String],
) -> Result<Outcome, RehearsalError> {
    let attempt = Attempt {
        upgrader: &of.on_copy(),
        arguments,
        configuration: &of.configuration,
        faults: &[],
        environment: &BTreeMap::new(),
        limit: LIMIT,
    };
    let mut outcome = attempt::run(replica, template.server(), &attempt)?;
    outcome.output = of.as_named(&replica.home, &outcome.output);
    Ok(outcome)
}

/// How a command on the copy ended.
fn after(step: StepName, outcome: &Outcome, findings: &mut Vec<StepFinding>) -> (bool, StepOutcome, String) {
    let last = last_line(&outcome.output).to_owned();
    if outcome.code() == Some(0) {
        return (true, StepOutcome::Passed, last);
    }
    let what = match step {
        StepName::WayBack => "way-back",
        StepName::Measure => "upgrade-on-further-copies",
        _ => "upgrade-again",
    };
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

fn upgrade_of(outcome: &Outcome) -> MeasuredUpgrade {
    let report = outcome.report.clone().unwrap_or_default();
    let (in_steps, outside): (Vec<_>, Vec<_>) =
        outcome.transcript.messages.iter().partition(|message| message.step.is_some());
    MeasuredUpgrade {
        seconds: outcome.took.as_secs_f64(),
        transaction: Timed { seconds: report.transaction_seconds(), round_trips: round_trips(&in_steps) },
        replay: Timed { seconds: report.replay_seconds(), round_trips: round_trips(&outside) },
    }
}

/// The server answers the others together with the one that follows.
fn round_trips(messages: &[&SeenMessage]) -> u64 {
    let is_answered =
        |message: &&&SeenMessage| matches!(message.kind, MessageKind::Query | MessageKind::Sync);
    messages.iter().filter(is_answered).count() as u64
}
