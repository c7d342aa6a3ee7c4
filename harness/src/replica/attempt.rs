//! One run of an upgrader on a replica, with or without faults, and what came of it.

use crate::chameleon::home::{Configuration, Home};
use crate::fault::{FaultDescription, Proxy, ProxyError, Surroundings, Transcript};
use crate::process::running::{self, Ended};
use crate::replica::report::Report;
use crate::replica::upgrader::Upgrader;
use crate::replica::{Replica, ReplicaError};
use crate::server::{Address, ServerError, SharedServer};
use postgres::Client;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an upgrader may take before it counts as hanging and is killed, where all is small.
pub const LIMIT: Duration = Duration::from_secs(120);

/// The file for the report, in the home folder of the run.
const REPORT: &str = "report.json";

/// The exit code of ours that says that it has not begun.
const WRONG_USE: i32 = 2;

/// What is said to whoever asks whether it may begin.
const ANSWER: &str = "YES\n";

/// The lock timeout of a run with faults: shorter than another session holds its lock.
pub const LOCK_TIMEOUT: &str = "400ms";

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// The replica.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The proxy.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A fault can't be made ready.
    #[error("making a fault ready: {0}")]
    Fault(String),
    /// The upgrader can't be run.
    #[error("running the upgrader: {0}")]
    Run(#[from] io::Error),
}

/// How a run is made.
pub struct Attempt<'a> {
    /// The program.
    pub upgrader: &'a Upgrader,
    /// Its arguments, without `--config`.
    pub arguments: &'a [String],
    /// The configuration.
    pub configuration: &'a Configuration,
    /// What goes wrong.
    pub faults: &'a [FaultDescription],
    /// Variables of its environment, beside those that it inherits.
    pub environment: &'a BTreeMap<String, String>,
    /// How long it may take before it counts as hanging and is killed.
    pub limit: Duration,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How the program ended; none when it had to be killed because it did not end.
    pub exit: Option<ExitStatus>,
    /// All that it wrote, standard output first.
    pub output: String,
    /// Its report; none when it wrote none.
    pub report: Option<Report>,
    /// What passed between it and the server.
    pub transcript: Transcript,
    /// How a second upgrader ended, when a fault started one.
    pub second: Option<i32>,
    /// Whether a fault crashed the server.
    pub server_crashed: bool,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// The exit code; none when a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.exit.and_then(|status| status.code())
    }

    /// Whether a fault killed it.
    #[must_use]
    pub fn killed(&self) -> bool {
        self.exit.is_some_and(|status| status.signal() == Some(Signal::KILL.as_raw()))
    }
}

/// Runs the upgrader on `replica` through a proxy.
///
/// # Errors
/// [`AttemptError`] when the run could not be made; a failing upgrader is an [`Outcome`].
pub fn run(
    replica: &mut Replica,
    server: &SharedServer,
    attempt: &Attempt<'_>,
) -> Result<Outcome, AttemptError> {
    let address = replica.role().clone();
    let run = Arc::new(AttemptSurroundings::new(replica, server, attempt));
    let mut faults = Vec::new();
    for fault in attempt.faults {
        let surroundings: Arc<dyn Surroundings> = run.clone();
        faults.push(fault.fault(&surroundings).map_err(|error| AttemptError::Fault(error.to_string()))?);
    }
    let proxy = Proxy::start((address.host.as_str(), address.port), faults)?;
    let through = proxy.address();
    replica.configure_through(&through.ip().to_string(), through.port(), attempt.configuration)?;
    let report = replica.home.path().join(REPORT);
    let mut arguments: Vec<&OsStr> = attempt.arguments.iter().map(OsStr::new).collect();
    if attempt.upgrader.reports(attempt.arguments) && !attempt.arguments.iter().any(|it| it == "--report") {
        arguments.extend(["--report".as_ref(), report.as_os_str()]);
    }
    let began = Instant::now();
    let mut command = attempt.upgrader.command(&replica.home, arguments);
    command.envs(attempt.environment);
    let upgrader = running::start(&command, ANSWER)?;
    run.began(upgrader.id());
    let Ended { status: exit, output } = upgrader.wait(attempt.limit)?;
    let took = began.elapsed();
    run.ended();
    let transcript = proxy.finish();
    let second = *run.second.lock().unwrap_or_else(PoisonError::into_inner);
    let server_crashed = run.crashed.load(Ordering::SeqCst);
    let report = Report::read(&report)?;
    Ok(Outcome { exit, output, report, transcript, second, server_crashed, took })
}

/// A run as the actions of faults see it.
struct AttemptSurroundings {
    process: AtomicI32,
    ended: Mutex<bool>,
    changed: Condvar,
    second: Mutex<Option<i32>>,
    crashed: AtomicBool,
    server: SharedServer,
    address: Address,
    database: String,
    role: String,
    upgrader: Upgrader,
    /// The configuration of a second upgrader, which reaches the server past the proxy.
    configuration: String,
}

impl AttemptSurroundings {
    fn new(replica: &Replica, server: &SharedServer, attempt: &Attempt<'_>) -> Self {
        let database = replica.database.name().to_owned();
        Self {
            process: AtomicI32::default(),
            ended: Mutex::default(),
            changed: Condvar::new(),
            second: Mutex::default(),
            crashed: AtomicBool::default(),
            server: server.clone(),
            address: replica.database.address().clone(),
            role: replica.role().user.clone(),
            upgrader: attempt.upgrader.clone(),
            configuration: attempt.configuration.text(replica.role(), &database),
            database,
        }
    }

    fn began(&self, process: u32) {
        self.process.store(i32::try_from(process).unwrap_or_default(), Ordering::SeqCst);
    }

    /// The run has ended: whatever a fault still holds is let go.
    fn ended(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}

impl Surroundings for AttemptSurroundings {
    fn kill_client(&self) -> io::Result<()> {
        let process = Pid::from_raw(self.process.load(Ordering::SeqCst)).ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process(process, Signal::KILL)?)
    }

    fn server(&self) -> &SharedServer {
        &self.server
    }

    fn server_has_crashed(&self) {
        self.crashed.store(true, Ordering::SeqCst);
    }

    fn superuser(&self) -> Result<Client, ServerError> {
        self.address.connect(&self.database)
    }

    fn database(&self) -> &str {
        &self.database
    }

    fn role(&self) -> &str {
        &self.role
    }

    fn run_second_upgrader(&self) -> io::Result<()> {
        let home = Home::with_text(&self.configuration)?;
        let command = self.upgrader.command(&home, ["upgrade", "--yes"]);
        let ended = running::start(&command, ANSWER)?.wait(LIMIT)?;
        let code = ended.status.and_then(|status| status.code());
        if self.upgrader.is_ours() && code == Some(WRONG_USE) {
            return Err(io::Error::other(format!("the second upgrader could not begin: {}", ended.output)));
        }
        *self.second.lock().unwrap_or_else(PoisonError::into_inner) = code;
        Ok(())
    }

    fn wait_for_the_end(&self, longest: Duration) {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(ended, longest, |ended| !*ended));
    }
}
