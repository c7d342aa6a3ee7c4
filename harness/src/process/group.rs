//! The processes of pg_chameleon: started in one group that ends with the program, each with its output in a file.

use super::supervisor::Supervisor;
use super::{ProcessError, memory};
use rustix::process::{Pid, Signal, kill_process};
use std::env;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

const POLL_INTERVAL: Duration = Duration::from_millis(10);
const SHOWN_LINES: usize = 25;

/// Ends all that was started in its process group, removes the folder and ends itself, once its standard input ends.
const CLEAR_UP: &str = "
    trap '' HUP INT TERM
    while read -r _; do :; done
    kill -TERM 0
    sleep 0.1
    rm -rf \"$1\"
    kill -KILL 0
";

/// A process group that ends with this value or the program, and its folder with it: no process or file outlives them.
#[derive(Debug)]
pub struct ProcessGroup {
    supervisor: Supervisor,
    folder: PathBuf,
    started: AtomicU32,
}

impl ProcessGroup {
    /// Starts the group.
    ///
    /// # Errors
    /// [`ProcessError`] when the system gives no process or folder.
    pub fn new() -> Result<Self, ProcessError> {
        let folder = env::temp_dir().join(format!("chameleon-live-{:016x}", rand::random::<u64>()));
        let supervisor = Supervisor::start(CLEAR_UP, [&folder])?;
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(ProcessError::io(format!("create {}", folder.display())))?;
        Ok(Self { supervisor, folder, started: AtomicU32::new(0) })
    }

    /// A folder for all files of the scenario. It goes with the value or the program.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a program. `name` is what messages call it.
    ///
    /// # Errors
    /// [`ProcessError::Io`] when it can't be started.
    pub fn start(&self, name: &str, mut command: Command) -> Result<StartedProgram, ProcessError> {
        let failed = || ProcessError::io(format!("run {name}"));
        let path = self.folder.join(format!("output-{}", self.started.fetch_add(1, Ordering::Relaxed)));
        let output = File::create(&path).map_err(failed())?;
        command.stdout(output.try_clone().map_err(failed())?).stderr(output);
        command.process_group(self.supervisor.process());
        let process = command.spawn().map_err(failed())?;
        Ok(StartedProgram { name: name.to_owned(), process, output: path })
    }

    /// Runs a program to its end, which must be a good one.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it fails or takes longer than `timeout`.
    pub fn run(&self, name: &str, mut command: Command, timeout: Duration) -> Result<String, ProcessError> {
        command.stdin(Stdio::null());
        let mut running = self.start(name, command)?;
        let status = running.wait(timeout)?;
        // pg_chameleon ends with success after some of its failures.
        if status.success() && !running.output().contains("Traceback") {
            Ok(running.output())
        } else {
            Err(running.failure(&format!("failed ({status})")))
        }
    }
}

/// A program that was started.
#[derive(Debug)]
pub struct StartedProgram {
    name: String,
    process: Child,
    output: PathBuf,
}

impl StartedProgram {
    /// What it has written so far, to standard output and standard error.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The status that it ended with, unless it is still running.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        self.process.try_wait().map_err(ProcessError::io(format!("wait for {}", self.name)))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it takes longer than `timeout`; then it is killed.
    pub fn wait(&mut self, timeout: Duration) -> Result<ExitStatus, ProcessError> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                self.kill()?;
                return Err(self.failure(&format!("didn't end within {} s", timeout.as_secs())));
            }
            sleep(POLL_INTERVAL);
        }
    }

    /// Waits until `holds` says so, while the program must go on running.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it ends or `timeout` passes, with `what` was waited for; or the condition's own.
    pub fn wait_until<E: From<ProcessError>>(
        &mut self,
        what: &str,
        timeout: Duration,
        mut holds: impl FnMut(&Self) -> Result<bool, E>,
    ) -> Result<(), E> {
        let deadline = Instant::now() + timeout;
        while !holds(self)? {
            if let Some(status) = self.ended()? {
                return Err(self.failure(&format!("ended ({status}) before {what}")).into());
            }
            if Instant::now() > deadline {
                let how = format!("did not come to {what} within {} s", timeout.as_secs());
                return Err(self.failure(&how).into());
            }
            sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Waits for its end, and tells the most memory that it has held at a time, in KiB. The system forgets that with
    /// the process, so it is asked every few milliseconds: what came after the last time is missing.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn wait_for_peak(&mut self) -> Result<(ExitStatus, u64), ProcessError> {
        let mut peak = 0;
        loop {
            peak = memory::peak(self.process.id()).unwrap_or(peak).max(peak);
            if let Some(status) = self.ended()? {
                return Ok((status, peak));
            }
            sleep(Duration::from_millis(2));
        }
    }

    /// Asks it to end, as ctrl-C would.
    pub fn interrupt(&self) {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _gone_already = kill_process(pid, Signal::INT);
        }
    }

    /// Kills it: `kill -9`.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn kill(&mut self) -> Result<(), ProcessError> {
        let failed = || ProcessError::io(format!("kill {}", self.name));
        self.process.kill().map_err(failed())?;
        self.process.wait().map(drop).map_err(failed())
    }

    /// The error that says how it failed, with the end of its output.
    #[must_use]
    pub fn failure(&self, how: &str) -> ProcessError {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let end = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        ProcessError::Failed { program: self.name.clone(), how: how.to_owned(), output: end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outlives_the_group() {
        let processes = ProcessGroup::new().unwrap();
        let folder = processes.folder().to_owned();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "trap '' TERM; sleep 1000 & wait"]);
        let mut running = processes.start("a program that doesn't want to end", command).unwrap();
        assert!(folder.is_dir());
        drop(processes);
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while running.ended().unwrap().is_none() || folder.exists() {
            assert!(std::time::Instant::now() < deadline, "it outlives the group");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
