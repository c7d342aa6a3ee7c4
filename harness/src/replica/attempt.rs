//! One run of an upgrader on a replica, with or without faults, and what came of it.

use crate::chameleon::home::Configuration;
use crate::fault::{Action, Fault, FaultDescription, HoldAction, Proxy, ProxyError, Resume, Transcript};
use crate::process::running::{self, Ended};
use crate::replica::report::Report;
use crate::replica::upgrader::Upgrader;
use crate::replica::{Replica, StageError};
use crate::server::{ServerError, SharedServer};
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long an upgrader may take before it counts as hanging and is killed.
const LIMIT: Duration = Duration::from_secs(120);

/// The file for the report, in the home folder of the run.
const REPORT: &str = "report.json";

/// What is said to whoever asks whether it may begin.
const ANSWER: &str = "YES\n";

/// How long a frozen server stays frozen, and how long another session holds its lock: longer than
/// the lock timeout of a run with faults.
const WHILE: Duration = Duration::from_millis(700);

/// The lock timeout of a run with faults: shorter than another session holds its lock.
pub const LOCK_TIMEOUT: &str = "400ms";

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The replica.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The proxy.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The upgrader can't be run.
    #[error("running the upgrader: {0}")]
    Run(#[from] io::Error),
}

/// How a run is made.
pub struct Trial<'a> {
    /// The program.
    pub upgrader: &'a Upgrader,
    /// Its arguments, without `--config`.
    pub arguments: &'a [String],
    /// The configuration.
    pub configuration: &'a Configuration,
    /// What goes wrong.
    pub faults: &'a [FaultDescription],
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
        self.exit.is_some_and(|status| status.signal() == Some(rustix::process::Signal::KILL.as_raw()))
    }
}

/// Runs the upgrader on `replica` through a proxy.
///
/// # Errors
/// [`TrialError`] when the run could not be made; a failing upgrader is an [`Outcome`].
pub fn run(replica: &mut Replica, server: &SharedServer, trial: &Trial<'_>) -> Result<Outcome, TrialError> {
    let shared = Arc::new(Shared::default());
    let address = replica.role().clone();
    let mut faults = Vec::new();
    for fault in trial.faults {
        faults.push(prepare(fault, replica, server, trial.upgrader, &shared)?);
    }
    let proxy = Proxy::start((address.host.as_str(), address.port), faults)?;
    let through = proxy.address();
    replica.configure_through(&through.ip().to_string(), through.port(), trial.configuration)?;
    let report = replica.home.path().join(REPORT);
    let mut arguments: Vec<&OsStr> = trial.arguments.iter().map(OsStr::new).collect();
    if trial.upgrader.reports(trial.arguments) && !trial.arguments.iter().any(|it| it == "--report") {
        arguments.extend(["--report".as_ref(), report.as_os_str()]);
    }
    let began = Instant::now();
    let upgrader = running::start(&trial.upgrader.command(&replica.home, arguments), ANSWER)?;
    shared.start(upgrader.id());
    let Ended { status: exit, output } = upgrader.wait(LIMIT)?;
    let took = began.elapsed();
    shared.release();
    let transcript = proxy.finish();
    let second = *shared.second.lock().unwrap_or_else(PoisonError::into_inner);
    let server_crashed = shared.crashed.load(Ordering::SeqCst);
    let report = Report::read(&report)?;
    Ok(Outcome { exit, output, report, transcript, second, server_crashed, took })
}

/// What the actions of faults share with the run.
#[derive(Default)]
struct Shared {
    pid: AtomicI32,
    ended: Mutex<bool>,
    changed: Condvar,
    second: Mutex<Option<i32>>,
    crashed: AtomicBool,
}

impl Shared {
    fn start(&self, process: u32) {
        self.pid.store(i32::try_from(process).unwrap_or_default(), Ordering::SeqCst);
    }

    /// The run has ended: whatever a fault still holds is let go.
    fn release(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits for the end of the run, for at most `longest`.
    fn wait(&self, longest: Duration) {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(ended, longest, |ended| !*ended));
    }
}

fn prepare(
    description: &FaultDescription,
    replica: &Replica,
    server: &SharedServer,
    upgrader: &Upgrader,
    shared: &Arc<Shared>,
) -> Result<Fault, TrialError> {
    let mut failed = None;
    let fault = description.fault(|action| match self::action(action, replica, server, upgrader, shared) {
        Ok(action) => action,
        Err(error) => {
            failed = Some(error);
            Box::new(|| Ok(Resume::Forward))
        }
    });
    failed.map_or(Ok(fault), Err)
}

fn action(
    action: HoldAction,
    replica: &Replica,
    server: &SharedServer,
    upgrader: &Upgrader,
    shared: &Arc<Shared>,
) -> Result<Action, TrialError> {
    let shared = Arc::clone(shared);
    let server = server.clone();
    Ok(match action {
        HoldAction::KillClient => Box::new(move || {
            kill(shared.pid.load(Ordering::SeqCst))?;
            Ok(Resume::Cut)
        }),
        HoldAction::CrashServer => Box::new(move || {
            let mut server = server.lock();
            server.kill()?;
            shared.crashed.store(true, Ordering::SeqCst);
            server.restart()?;
            Ok(Resume::Forward)
        }),
        HoldAction::FreezeServer => Box::new(move || {
            server.lock().freeze()?;
            thread::spawn(move || {
                thread::sleep(WHILE);
                drop(server.lock().thaw());
            });
            Ok(Resume::Forward)
        }),
        HoldAction::HoldLock => {
            let mut other = replica.superuser()?;
            Box::new(move || {
                // Behind the upgrader's own locks it waits its turn, as another session would.
                let (ready, taken) = std::sync::mpsc::channel();
                thread::spawn(move || {
                    let locked = other.batch_execute(
                        "BEGIN; SET LOCAL lock_timeout = '100ms'; \
                         LOCK TABLE sch_chameleon.t_sources IN SHARE ROW EXCLUSIVE MODE",
                    );
                    let _ = ready.send(());
                    if locked.is_ok() {
                        shared.wait(WHILE);
                    }
                    drop(other.batch_execute("ROLLBACK"));
                });
                taken.recv()?;
                Ok(Resume::Forward)
            })
        }
        HoldAction::SecondUpgrader => {
            let command = upgrader.command(&replica.home, ["upgrade", "--yes"]);
            Box::new(move || {
                let ended = running::start(&command, ANSWER)?.wait(LIMIT)?;
                *shared.second.lock().unwrap_or_else(PoisonError::into_inner) =
                    ended.status.and_then(|status| status.code());
                Ok(Resume::Forward)
            })
        }
        HoldAction::RevokePrivilege => {
            let mut other = replica.superuser()?;
            let revoke =
                format!("REVOKE CREATE ON DATABASE {} FROM {}", replica.database.name(), replica.role().user);
            Box::new(move || {
                other.batch_execute(&revoke)?;
                Ok(Resume::Forward)
            })
        }
    })
}

/// SIGKILL, and waits until the process is gone as far as its sockets go.
fn kill(pid: i32) -> io::Result<()> {
    let pid = rustix::process::Pid::from_raw(pid).ok_or(io::ErrorKind::NotFound)?;
    rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
    Ok(())
}
