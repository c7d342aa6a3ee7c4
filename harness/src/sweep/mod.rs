//! The sweep: the same fault at every message of an upgrade, one run each; after each, the six properties,
//! and the upgrade again without fault. The other verbs that commit something are swept likewise: each leaves what was
//! there or what it makes, and says which.

pub mod case;
mod judge;
mod table;

use crate::chameleon::home::Configuration;
use crate::fault::{FaultKind, Occurrence, SeenMessage};
use crate::process::running;
use crate::record::Record;
use crate::record::properties::{self, AskingError, Blindness, Property, Violation};
use crate::replica::attempt::{self, Attempt, AttemptError, LOCK_TIMEOUT, Outcome};
use crate::replica::template::ReplicaTemplate;
use crate::replica::upgrader::Upgrader;
use crate::replica::{Origin, Replica, ReplicaError};
use crate::server::{Kind, ServerError, SharedServer};
use case::Case;
use judge::{Judge, Standing};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

pub use table::{table, table_of_verb};

/// What to sweep.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// The kind of server; each job starts one of its own.
    pub server: Kind,
    /// The program.
    pub upgrader: Upgrader,
    /// Its arguments, without `--config`.
    pub arguments: Vec<String>,
    /// What it does with them.
    pub work: Work,
    /// The replica.
    pub origin: Origin,
    /// The configuration.
    pub configuration: Configuration,
    /// The kinds of fault, each at every message.
    pub kinds: Vec<FaultKind>,
    /// How many pairs of faults to sample.
    pub pairs: u32,
    /// What the samples are drawn with.
    pub random_seed: u64,
    /// Only these cases.
    pub only: Vec<Case>,
    /// How many runs at a time.
    pub jobs: usize,
    /// After which runs the upgrade is run again.
    pub retries: Retries,
    /// Which of the kinds comes at which message.
    pub spread: Spread,
    /// How long a run may take before it counts as hanging.
    pub limit: Duration,
}

/// What is swept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// An upgrade: the six properties must hold.
    Upgrade,
    /// Another verb: either all is as it was, or the verb is done, and the exit code says which.
    Verb {
        /// Commands that make the replica what the verb begins with, each with its arguments, without `--config`.
        prepared_by: Vec<Vec<String>>,
        /// Statements that change it further.
        and_then: Option<&'static str>,
    },
}

impl Work {
    /// Of a verb that undoes or clears up what an upgrade has made.
    #[must_use]
    pub fn after_an_upgrade() -> Self {
        let prepared_by = vec![["upgrade", "--yes"].map(str::to_owned).to_vec()];
        Self::Verb { prepared_by, and_then: None }
    }

    /// Of one that undoes it once the new replica has gone on.
    #[must_use]
    pub fn once_the_replica_has_gone_on() -> Self {
        let prepared_by = vec![["upgrade", "--yes"].map(str::to_owned).to_vec()];
        Self::Verb { prepared_by, and_then: Some(include_str!("gone_on.sql")) }
    }
}

/// After which runs the upgrade is run again without fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// After each.
    AfterEveryRun,
    /// Once for each state that a run leaves: a second retry from the same rows and definitions, byte for byte,
    /// would be the first one again.
    OncePerState,
}

/// Which of the kinds of fault comes at which message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Each kind at each message.
    Full,
    /// The SQLSTATEs of failing statements take turns, so that each message has one of them; every other kind at each
    /// message.
    SqlStatesInTurn,
    /// The same, and of the other kinds each at every third message; a lost answer at every one.
    InTurn,
}

/// Why there was no sweep.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The replica.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// A run.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The harness's own questions.
    #[error(transparent)]
    Asking(#[from] AskingError),
    /// The verb, or what prepares it, fails without any fault: there is nothing to sweep.
    #[error("undisturbed, {verb} did not succeed ({code:?}):\n{output}")]
    Undisturbed {
        /// The verb.
        verb: String,
        /// The exit code.
        code: Option<i32>,
        /// All that the program wrote.
        output: String,
    },
    /// What runs leave can't be compared.
    #[error(transparent)]
    Blind(#[from] Blindness),
    /// A case was asked for that this upgrade does not have.
    #[error("there is no message {message} for {case}: the undisturbed upgrade has {last}")]
    NoSuchMessage {
        /// The case.
        case: String,
        /// Its message.
        message: u64,
        /// The last that there is.
        last: u64,
    },
}

/// What a sweep found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Findings {
    /// The messages of the undisturbed run.
    pub messages: Vec<SeenMessage>,
    /// How long the undisturbed run took.
    pub undisturbed: Duration,
    /// Every run.
    pub runs: Vec<RunReport>,
}

/// One run of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// The case, as `--only` takes it.
    pub case: String,
    /// The kind of fault.
    pub group: String,
    /// Why a fault of it did not happen, when one did not.
    pub not_happened: Option<String>,
    /// The exit code; none when a signal ended the program.
    pub code: Option<i32>,
    /// Whether the verb was done afterwards: of an upgrade, whether the catalogue was 2.0.
    pub done: bool,
    /// Whether the upgrade was run again afterwards, rather than after another run that left the same state.
    pub retried: bool,
    /// The properties that do not hold.
    pub violations: Vec<Violation>,
}

impl Findings {
    /// The runs with violations.
    pub fn violations(&self) -> impl Iterator<Item = &RunReport> {
        self.runs.iter().filter(|run| !run.violations.is_empty())
    }
}

/// A template with what an undisturbed run makes of it.
struct Worker<'a> {
    sweep: &'a Sweep,
    /// The configuration of a run with faults, which waits for locks only shortly.
    with_faults: Configuration,
    template: ReplicaTemplate,
    /// What the verb begins with, where it isn't the template itself.
    prepared: Option<Replica>,
    judge: Judge,
    undisturbed: Outcome,
    /// What runs have left that held every property, then and after the retry.
    known: Mutex<Vec<(Record, Standing)>>,
}

/// Runs the sweep.
///
/// # Errors
/// [`SweepError`]; violations are findings, not errors.
pub fn run(sweep: &Sweep, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Findings, SweepError> {
    let first = Worker::new(sweep)?;
    let messages = first.undisturbed.transcript.messages.clone();
    let undisturbed = first.undisturbed.took;
    let last = messages.last().map_or(0, |message| message.number);
    if let Some((case, message)) =
        sweep.only.iter().map(|case| (case, case.message())).find(|(_, message)| *message > last)
    {
        return Err(SweepError::NoSuchMessage { case: case.to_string(), message, last });
    }
    let cases = cases(sweep, &messages);
    let total = cases.len();
    let queue = Mutex::new(cases.into_iter().enumerate().collect::<VecDeque<_>>());
    let reports = Mutex::new(Vec::with_capacity(total));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = |worker: &Worker<'_>| -> Result<(), SweepError> {
        while let Some((number, case)) = next() {
            let report = worker.run(&case)?;
            let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
            reports.push((number, report));
            progress(reports.len(), total);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let more = sweep.jobs.saturating_sub(1).min(total);
        let others: Vec<_> = (0..more).map(|_| scope.spawn(|| work(&Worker::new(sweep)?))).collect();
        let mine = work(&first);
        let mut results = vec![mine];
        results.extend(others.into_iter().filter_map(|other| other.join().ok()));
        results.into_iter().collect::<Result<(), _>>()
    })?;
    let mut reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    reports.sort_by_key(|(number, _)| *number);
    Ok(Findings { messages, undisturbed, runs: reports.into_iter().map(|(_, report)| report).collect() })
}

fn cases(sweep: &Sweep, messages: &[SeenMessage]) -> Vec<Case> {
    if !sweep.only.is_empty() {
        return sweep.only.clone();
    }
    let last = messages.last().map_or(0, |message| message.number);
    let (failing, others): (Vec<&FaultKind>, Vec<&FaultKind>) =
        sweep.kinds.iter().partition(|kind| sweep.spread != Spread::Full && kind.is_a_failing_statement());
    let in_turn = failing.iter().cycle().zip(1..=last).map(|(kind, at)| Case::one((*kind).clone(), at));
    let is_due = |turn: u64, kind: &FaultKind, at: u64| {
        sweep.spread != Spread::InTurn || kind.to_string() == LOST_ANSWER || (at + turn).is_multiple_of(TURNS)
    };
    let single = (0..).zip(&others).flat_map(|(turn, kind)| {
        (1..=last).filter(move |at| is_due(turn, kind, *at)).map(|at| Case::one((*kind).clone(), at))
    });
    in_turn.chain(single).chain(pairs(sweep, messages)).collect()
}

/// How many kinds of fault share a message, where they take turns.
const TURNS: u64 = 3;

/// The kind after which the outcome has to be found out.
const LOST_ANSWER: &str = "cut_after";

/// What goes wrong first in a pair, within the transaction: each is undone, or found out about, in another way.
const FIRST_OF_A_PAIR: [&str; 3] = ["statement_fails:53100", "cut_during", "cut_after"];
/// What goes wrong meanwhile.
const SECOND_OF_A_PAIR: [&str; 5] =
    ["statement_fails:53200", "cut_before", "cut_after", "kill_client", "crash_server"];

/// A fault within the transaction, and another while it is being undone.
fn pairs(sweep: &Sweep, messages: &[SeenMessage]) -> Vec<Case> {
    let within: Vec<u64> =
        messages.iter().filter(|message| message.step.is_some()).map(|message| message.number).collect();
    let named =
        |names: &[&str]| names.iter().filter_map(|name| name.parse().ok()).collect::<Vec<FaultKind>>();
    let (firsts, seconds) = (named(&FIRST_OF_A_PAIR), named(&SECOND_OF_A_PAIR));
    if within.is_empty() {
        return vec![];
    }
    let mut random = StdRng::seed_from_u64(sweep.random_seed);
    let mut pair = |_| {
        let at = within[random.random_range(0..within.len())];
        let first = firsts[random.random_range(0..firsts.len())].clone();
        let second = seconds[random.random_range(0..seconds.len())].clone();
        Case::pair((first, at), (second, at + random.random_range(1..=3)))
    };
    (0..sweep.pairs).map(&mut pair).collect()
}

impl<'a> Worker<'a> {
    fn new(sweep: &'a Sweep) -> Result<Self, SweepError> {
        let server = SharedServer::new(sweep.server.clone().in_memory().start()?);
        let template = ReplicaTemplate::new(server, &sweep.origin)?;
        let with_faults = sweep.configuration.with_lock_timeout(LOCK_TIMEOUT);
        let prepared = prepared(sweep, &template)?;
        let undisturbed = || -> Result<_, SweepError> {
            let copy = || begin(&template, prepared.as_ref(), &sweep.configuration);
            let mut done = copy()?;
            let outcome = must_succeed(sweep, &template, &mut done, &sweep.arguments)?;
            Ok((Judge::of(&sweep.work, &copy()?, &done)?, outcome))
        };
        let ((judge, outcome), (again, _)) = (undisturbed()?, undisturbed()?);
        let judge = judge.agreed(&again)?;
        Ok(Self {
            sweep,
            with_faults,
            template,
            prepared,
            judge,
            undisturbed: outcome,
            known: Mutex::default(),
        })
    }

    fn run(&self, case: &Case) -> Result<RunReport, SweepError> {
        let mut replica = begin(&self.template, self.prepared.as_ref(), &self.with_faults)?;
        let faults = case.faults();
        let (sweep, template) = (self.sweep, &self.template);
        let outcome = run_once(sweep, template, &mut replica, &sweep.arguments, &self.with_faults, &faults)?;
        let not_happened = outcome.transcript.all_happened().err().map(|error| error.to_string());
        let (standing, retried, mut violations) = self.look(&mut replica, &outcome)?;
        if let Some(never) = never_reached(case, &outcome) {
            violations.push(Violation { property: Property::Truthful, seen: never });
        }
        Ok(RunReport {
            case: case.to_string(),
            group: case.group(),
            not_happened,
            code: outcome.code(),
            done: standing == Standing::Done,
            retried,
            violations,
        })
    }

    /// The properties, and those of a retry where one is due.
    fn look(
        &self,
        replica: &mut Replica,
        outcome: &Outcome,
    ) -> Result<(Standing, bool, Vec<Violation>), SweepError> {
        let state = match self.sweep.retries {
            Retries::AfterEveryRun => None,
            Retries::OncePerState => Some(self.judge.left(replica)?),
        };
        if let Some(state) = &state
            && outcome.exit.is_some()
            && let Some(standing) = self.known(state)
        {
            let violations = self.judge.check_exit(outcome, &standing).into_iter().collect();
            return Ok((standing, false, violations));
        }
        let judge = self.judge.after(outcome);
        let (standing, mut violations) = judge.look(replica, outcome)?;
        violations.extend(self.retry(replica, &judge)?);
        if let Some(state) = state
            && violations.is_empty()
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.push((state, standing.clone()));
        }
        Ok((standing, true, violations))
    }

    fn known(&self, state: &Record) -> Option<Standing> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(left, _)| left == state).map(|(_, standing)| standing.clone())
    }

    /// With the leftover dropped and the privilege given back, the same command must end as undisturbed.
    fn retry(&self, replica: &mut Replica, judge: &Judge) -> Result<Vec<Violation>, SweepError> {
        judge.clear_for_retry(replica)?;
        let (sweep, template) = (self.sweep, &self.template);
        let outcome = run_once(sweep, template, replica, &sweep.arguments, &sweep.configuration, &[])?;
        judge.check_retry(replica, &outcome)
    }
}

/// What the verb begins with, where it isn't the template itself.
fn prepared(sweep: &Sweep, template: &ReplicaTemplate) -> Result<Option<Replica>, SweepError> {
    let Work::Verb { prepared_by, and_then } = &sweep.work else { return Ok(None) };
    let mut replica = template.replica(&sweep.configuration)?;
    for command in prepared_by {
        must_succeed(sweep, template, &mut replica, command)?;
    }
    let mut client = replica.superuser()?;
    properties::await_end_of_sessions(&mut client).map_err(AskingError::from)?;
    if let Some(statements) = and_then {
        client.batch_execute(statements).map_err(AskingError::from)?;
    }
    drop(client);
    Ok(Some(replica))
}

/// A copy of what the verb begins with.
fn begin(
    template: &ReplicaTemplate,
    prepared: Option<&Replica>,
    configuration: &Configuration,
) -> Result<Replica, ReplicaError> {
    prepared.map_or_else(|| template.replica(configuration), |prepared| prepared.copy(configuration))
}

fn must_succeed(
    sweep: &Sweep,
    template: &ReplicaTemplate,
    replica: &mut Replica,
    arguments: &[String],
) -> Result<Outcome, SweepError> {
    let outcome = run_once(sweep, template, replica, arguments, &sweep.configuration, &[])?;
    if outcome.code() == Some(0) {
        return Ok(outcome);
    }
    let verb = arguments.first().cloned().unwrap_or_default();
    Err(SweepError::Undisturbed { verb, code: outcome.code(), output: running::shown(&outcome.output) })
}

/// A single fault whose message never came means that the run was another one than the undisturbed: then
/// the sweep has proved less than it says. The second of a pair may come too late.
fn never_reached(case: &Case, outcome: &Outcome) -> Option<String> {
    let first = outcome.transcript.faults.first()?;
    let never = matches!(first.occurrence, Occurrence::NotReached);
    never.then(|| format!("the message of {case} never came: the run was another one than the undisturbed"))
}

fn run_once(
    sweep: &Sweep,
    template: &ReplicaTemplate,
    replica: &mut Replica,
    arguments: &[String],
    configuration: &Configuration,
    faults: &[crate::fault::FaultDescription],
) -> Result<Outcome, AttemptError> {
    let (upgrader, environment) = (&sweep.upgrader, &BTreeMap::new());
    let attempt = Attempt { upgrader, arguments, configuration, faults, environment, limit: sweep.limit };
    attempt::run(replica, template.server(), &attempt)
}
