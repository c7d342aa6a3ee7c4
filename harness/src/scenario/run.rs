//! Runs a scenario: its replica on a server, its runs one after the other, and what did not hold.

use super::description::{Replicated, Run, Session};
use super::expectation::Expectation;
use super::{Pool, ScenarioFile};
use crate::chameleon::home::Configuration;
use crate::process::running;
use crate::record::Record;
use crate::record::properties::{self, AskingError, Blindness, Property, Reference, Version, Violation};
use crate::replica::attempt::{self, Attempt, AttemptError, LIMIT, Outcome};
use crate::replica::report::Report;
use crate::replica::template::ReplicaTemplate;
use crate::replica::upgrader::Upgrader;
use crate::replica::{Replica, ReplicaError};
use crate::server::{Kind, ServerError, SharedServer, in_full};
use postgres::Client;
use std::time::{Duration, Instant};

/// Why the harness could not run a scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The replica can't be copied.
    #[error(transparent)]
    Replica(ReplicaError),
    /// The upgrader can't be run.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The harness's own questions.
    #[error(transparent)]
    Asking(#[from] AskingError),
}

impl From<postgres::Error> for ScenarioError {
    fn from(error: postgres::Error) -> Self {
        Self::Asking(error.into())
    }
}

/// What came of a scenario.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The scenario's name.
    pub name: String,
    /// What came of it.
    pub kind: VerdictKind,
    /// What does not hold, one by one.
    pub failures: Vec<String>,
    /// How many runs of the upgrader it took, those of the harness itself among them.
    pub runs: u32,
    /// How many faults happened.
    pub faults: usize,
    /// How long it took.
    pub took: Duration,
    /// Its database, when it was kept.
    pub kept: Option<Kept>,
}

/// What came of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerdictKind {
    /// Everything holds.
    Passed,
    /// This doesn't.
    Failed(String),
    /// This kind of server can't do what it needs.
    Skipped(String),
    /// The scenario itself can't be run as it is written.
    Wrong(String),
    /// The harness can't tell: two undisturbed runs do not leave the same.
    Blind(String),
}

/// A database that was kept for inspection.
#[derive(Debug, Clone)]
pub struct Kept {
    /// `user@host:port`, without the password.
    pub server: crate::server::Address,
    /// Its name.
    pub database: String,
}

/// Runs a scenario on a server of the pool.
///
/// # Errors
/// [`ScenarioError`] when the harness can't work; what doesn't hold is a [`Verdict`].
pub fn run(
    file: &ScenarioFile,
    pool: &Pool,
    upgrader: &Upgrader,
    keep: bool,
) -> Result<Verdict, ScenarioError> {
    let began = Instant::now();
    let mut verdict = Verdict {
        name: file.name.clone(),
        kind: VerdictKind::Passed,
        failures: vec![],
        runs: 0,
        faults: 0,
        took: Duration::ZERO,
        kept: None,
    };
    if !upgrader.is_ours() && !file.scenario.runs.iter().all(Run::is_an_upgrade) {
        let why = "it is about commands that only chameleon-upgrade has";
        verdict.kind = VerdictKind::Skipped(why.to_owned());
        return Ok(verdict);
    }
    let own = file.scenario.needs_a_server_of_its_own();
    if own && matches!(pool.kind(), Kind::Url(_)) {
        let why = "it crashes or freezes the server, which an existing one is spared: use --server local";
        verdict.kind = VerdictKind::Skipped(why.to_owned());
        return Ok(verdict);
    }
    if matches!((&file.scenario.replicated, pool.kind()), (Replicated::Dump(_), Kind::Url(_))) {
        verdict.kind = VerdictKind::Skipped(ReplicaError::NotOnSomebodyElsesServer.to_string());
        return Ok(verdict);
    }
    let server = if own { pool.own()? } else { pool.common()? };
    match execute(file, &server, upgrader, keep, &mut verdict) {
        Ok(failures) if failures.is_empty() => {}
        Ok(failures) => verdict.kind = VerdictKind::Failed(failures),
        Err(Unfinished::Scenario(what)) => verdict.kind = VerdictKind::Wrong(what),
        Err(Unfinished::Blind(blindness)) => verdict.kind = VerdictKind::Blind(blindness.to_string()),
        Err(Unfinished::Harness(error)) => return Err(error),
    }
    // One with kept databases stays for them.
    if own && (verdict.kind == VerdictKind::Passed || keep) {
        pool.give_back(server);
    }
    verdict.took = began.elapsed();
    Ok(verdict)
}

/// Why a scenario did not come to its end.
enum Unfinished {
    /// It is written wrongly.
    Scenario(String),
    /// What it leaves can't be compared.
    Blind(Blindness),
    /// The harness can't work.
    Harness(ScenarioError),
}

impl<E: Into<ScenarioError>> From<E> for Unfinished {
    fn from(error: E) -> Self {
        Self::Harness(error.into())
    }
}

impl From<ReplicaError> for Unfinished {
    fn from(error: ReplicaError) -> Self {
        match error {
            ReplicaError::Seed(error) => Self::Scenario(error.to_string()),
            ReplicaError::Restore { .. } => Self::Scenario(error.to_string()),
            ReplicaError::Server(error) => Self::Harness(error.into()),
            error => Self::Harness(ScenarioError::Replica(error)),
        }
    }
}

fn execute(
    file: &ScenarioFile,
    server: &SharedServer,
    upgrader: &Upgrader,
    keep: bool,
    verdict: &mut Verdict,
) -> Result<String, Unfinished> {
    let scenario = &file.scenario;
    let template = ReplicaTemplate::new(server.clone(), &scenario.replicated.origin(file.folder()))?;
    let mut replica = template.replica(&scenario.configuration)?;
    if keep {
        replica.database.keep();
        let server = replica.database.address().clone();
        verdict.kept = Some(Kept { server, database: replica.database.name().to_owned() });
    }
    for (number, run) in scenario.runs.iter().enumerate() {
        let configuration = run.configuration.as_ref().map_or(&scenario.configuration, |own| &own.0);
        let configuration = if run.faults.is_empty() {
            configuration.clone()
        } else {
            configuration.with_lock_timeout(attempt::LOCK_TIMEOUT)
        };
        let on_replica = RunOnReplica { run, server, upgrader, configuration: &configuration };
        let failures = on_replica.execute(&mut replica, verdict)?;
        if !failures.is_empty() {
            let left_out: String =
                template.left_out().iter().map(|what| format!("not restored: {what}\n")).collect();
            return Ok(format!("run {}:\n{left_out}{failures}", number + 1));
        }
    }
    Ok(String::new())
}

/// A run with what it needs.
struct RunOnReplica<'a> {
    run: &'a Run,
    server: &'a SharedServer,
    upgrader: &'a Upgrader,
    configuration: &'a Configuration,
}

/// The database before a run.
struct Before {
    version: Version,
    /// Everything, where it must stay.
    whole: Option<Record>,
    /// What it may become, when it is 1.7.
    reference: Option<Reference>,
}

impl RunOnReplica<'_> {
    /// What does not hold after the run, a line each; empty when everything does.
    fn execute(&self, replica: &mut Replica, verdict: &mut Verdict) -> Result<String, Unfinished> {
        for statement in &self.run.statements {
            replica.superuser()?.batch_execute(statement).map_err(|error| wrong_sql(statement, &error))?;
        }
        let before = self.before(replica, verdict)?;
        let sessions = self.open_sessions(replica)?;
        let mut outcome = self.upgrade(replica, &self.run.faults)?;
        verdict.runs += 1;
        if self.run.expect.findings.is_some() && self.run.is_a_check() {
            outcome.report = Some(self.checks_as_data(replica)?);
            verdict.runs += 1;
        }
        drop(sessions);
        properties::await_end_of_sessions(&mut replica.superuser()?)?;
        let mut failures =
            self.run.expect.failures(&outcome, self.upgrader.is_ours(), &mut replica.superuser()?)?;
        match outcome.transcript.all_happened() {
            Ok(()) => verdict.faults += self.run.faults.len(),
            Err(error) => failures.push(error.to_string()),
        }
        failures.extend(self.violations(replica, &before, &outcome, verdict)?);
        let text = failure_text(&failures, &outcome);
        verdict.failures.extend(failures);
        Ok(text)
    }

    fn upgrade(
        &self,
        replica: &mut Replica,
        faults: &[crate::fault::FaultDescription],
    ) -> Result<Outcome, AttemptError> {
        let (arguments, environment) = (&self.run.arguments, &self.run.environment);
        let (upgrader, configuration) = (self.upgrader, self.configuration);
        let attempt = Attempt { upgrader, arguments, configuration, faults, environment, limit: LIMIT };
        attempt::run(replica, self.server, &attempt)
    }

    /// The same checks once more, for a program: they change nothing.
    fn checks_as_data(&self, replica: &mut Replica) -> Result<Report, Unfinished> {
        let (upgrader, configuration) = (self.upgrader, self.configuration);
        let mut arguments = self.run.arguments.clone();
        arguments.extend(["--format", "json"].map(str::to_owned));
        let environment = &self.run.environment;
        let attempt = Attempt {
            upgrader,
            arguments: &arguments,
            configuration,
            faults: &[],
            environment,
            limit: LIMIT,
        };
        let outcome = attempt::run(replica, self.server, &attempt)?;
        Report::at_the_beginning_of(&outcome.output).map_err(|error| {
            Unfinished::Scenario(format!("check wrote no JSON ({error}): {}", outcome.output))
        })
    }

    /// A run with faults is held against one without, on a copy.
    fn before(&self, replica: &Replica, verdict: &mut Verdict) -> Result<Before, Unfinished> {
        let Expectation { unchanged, invariants, .. } = &self.run.expect;
        let mut client = replica.superuser()?;
        let version = properties::version(&mut client)?;
        let whole = if *unchanged || version != Version::Old {
            Some(Record::of_database(&mut client)?)
        } else {
            None
        };
        let nothing_may_happen = *unchanged && self.run.faults.is_empty();
        if invariants.is_empty() || version != Version::Old || nothing_may_happen {
            return Ok(Before { version, whole, reference: None });
        }
        drop(client);
        let first = self.undisturbed(replica, verdict)?;
        let second = self.undisturbed(replica, verdict)?;
        let reference = Some(first.agreed(&second).map_err(Unfinished::Blind)?);
        Ok(Before { version, whole, reference })
    }

    /// What a run without faults makes of a copy. One that has no faults is itself the undisturbed one.
    fn undisturbed(&self, replica: &Replica, verdict: &mut Verdict) -> Result<Reference, Unfinished> {
        // Another copy: what the replay takes of a sequence stays taken.
        let old = replica.copy(self.configuration)?;
        if self.run.faults.is_empty() {
            return Ok(Reference::of(&old, None)?);
        }
        let mut copy = replica.copy(self.configuration)?;
        let undisturbed = self.upgrade(&mut copy, &[])?;
        verdict.runs += 1;
        if undisturbed.code() != Some(0) {
            let code = undisturbed.code();
            return Err(Unfinished::Scenario(format!(
                "a run with faults must be one that succeeds without them; this one ends with {code:?}:\n{}",
                running::shown(&undisturbed.output)
            )));
        }
        Ok(Reference::of(&old, Some(&copy))?)
    }

    fn open_sessions(&self, replica: &Replica) -> Result<Vec<Client>, Unfinished> {
        let mut open = Vec::new();
        for Session { application_name, statements } in &self.run.sessions {
            let mut config = replica.role().config(replica.database.name());
            let connected = config.application_name(application_name).connect(postgres::NoTls);
            let mut client = connected.map_err(|error| wrong_sql(application_name, &error))?;
            for statement in statements {
                client.batch_execute(statement).map_err(|error| wrong_sql(statement, &error))?;
            }
            open.push(client);
        }
        Ok(open)
    }

    fn violations(
        &self,
        replica: &Replica,
        before: &Before,
        outcome: &Outcome,
        verdict: &mut Verdict,
    ) -> Result<Vec<String>, Unfinished> {
        let mut failures = Vec::new();
        if let Some(before) = &before.whole {
            let after = Record::of_database(&mut replica.superuser()?)?;
            if *before != after {
                failures.push(format!("the database has changed:\n{}", before.diff(&after)));
            }
        }
        let reference = before.reference.as_ref().map(|reference| reference.after(outcome));
        let mut violations = match &reference {
            Some(reference) => properties::check(replica, outcome, reference)?,
            None if before.version == Version::Old => {
                properties::check_exit(outcome, &before.version).into_iter().collect()
            }
            None => vec![],
        };
        if !self.run.is_an_upgrade() {
            // The exit code of a look or of a dry run says nothing about the version.
            violations.retain(|violation| violation.property != Property::Truthful);
        }
        let repeatable = self.run.expect.invariants.contains(&Property::Repeatable);
        let still_old = properties::version(&mut replica.superuser()?)? == before.version;
        if let Some(reference) = &reference
            && repeatable
            && still_old
            && !self.run.faults.is_empty()
            && violations.is_empty()
        {
            let mut copy = replica.copy(self.configuration)?;
            properties::clear_for_retry(&copy)?;
            let again = self.upgrade(&mut copy, &[])?;
            verdict.runs += 1;
            let repeated = properties::check_retry(&copy, &again, reference)?;
            violations.extend(repeated);
        }
        let wanted = |violation: &&Violation| self.run.expect.invariants.contains(&violation.property);
        failures.extend(violations.iter().filter(wanted).map(ToString::to_string));
        Ok(failures)
    }
}

fn wrong_sql(statement: &str, error: &postgres::Error) -> Unfinished {
    Unfinished::Scenario(format!("{statement}: {}", in_full(error)))
}

fn failure_text(failures: &[String], outcome: &Outcome) -> String {
    if failures.is_empty() {
        return String::new();
    }
    let end = outcome.code().map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
    format!(
        "  {}\nthe upgrader's output ({end}):\n{}",
        failures.join("\n  "),
        running::shown(&outcome.output)
    )
}
