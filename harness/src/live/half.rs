//! A daemon of 2.0.21 of which only the half that reads is left. When the half that applies has ended, its parent asks the other one
//! twice to end, and waits for that; but where it connects to MySQL just then it passes over that it is asked (seen now and then on a busy
//! machine). Here it connects for as long as MySQL is frozen, and stands still while it is asked, so that it hears of it once.

use super::LiveError;
use super::run::LiveRun;
use crate::process::group::StartedProgram;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// After so long without MySQL it connects (its rounds are a third of a second apart, and it waits ten seconds for an answer).
const CONNECTS: Duration = Duration::from_secs(2);
/// Between the first and the second time that it is asked its parent sets the status, and does little else.
const ASKED_TWICE: Duration = Duration::from_secs(1);
/// Where it was reading MySQL's log at that moment it hears of it, and ends. Then it is started again.
pub(super) const HEARD: &str = "the process that reads has heard that it is to end";
const TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

impl LiveRun<'_> {
    /// The process that applies is killed; the one that reads goes on.
    pub(super) fn reads_on_alone(
        &mut self,
        source: &str,
        daemon: &mut StartedProgram,
    ) -> Result<(), LiveError> {
        let (reads, applies) = halves(daemon)?;
        self.first_server()?.0.freeze();
        sleep(CONNECTS);
        signal(reads, Signal::STOP)?;
        signal(applies, Signal::KILL)?;
        let noted = self.status_becomes(source, "error", None);
        sleep(ASKED_TWICE);
        signal(reads, Signal::CONT)?;
        self.first_server()?.0.thaw();
        noted?;
        // It says so in its next round.
        self.status_becomes(source, "running", Some(daemon))
    }

    /// While this program runs on.
    fn status_becomes(
        &mut self,
        source: &str,
        wanted: &str,
        mut daemon: Option<&mut StartedProgram>,
    ) -> Result<(), LiveError> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let status = self.status_of(source)?;
            if status == wanted {
                return Ok(());
            }
            if let Some(daemon) = &mut daemon
                && daemon.ended()?.is_some()
            {
                return Err(LiveError::Scenario(HEARD.to_owned()));
            }
            if Instant::now() > deadline {
                return Err(LiveError::Scenario(format!(
                    "the status of {source} stays at {status}, and was to be {wanted}"
                )));
            }
            sleep(POLL_INTERVAL);
        }
    }
}

/// The process that reads, which is started first, and the one that applies.
fn halves(daemon: &StartedProgram) -> Result<(Pid, Pid), LiveError> {
    let id = daemon.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let children =
        children.map_err(|error| LiveError::Scenario(format!("the daemon's processes: {error}")))?;
    let pids: Vec<_> =
        children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect();
    match pids[..] {
        [reads, applies] => Ok((reads, applies)),
        _ => Err(LiveError::Scenario(format!("the daemon has not two processes, but {children:?}"))),
    }
}

fn signal(process: Pid, signal: Signal) -> Result<(), LiveError> {
    kill_process(process, signal)
        .map_err(|error| LiveError::Scenario(format!("a signal to {process:?}: {error}")))
}
