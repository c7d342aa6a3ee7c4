//! Nothing is left behind: a small shell process outlives the program and clears up after it. It waits for the
//! end of a pipe whose other end only this program holds, so it sees a drop, a panic, ctrl-C and kill -9 alike.

use super::ProcessError;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A shell process that runs its script's clearing up once this value or its program has gone.
#[derive(Debug)]
pub(crate) struct Supervisor(Child);

impl Supervisor {
    /// Starts `script` with `arguments`. The script reads its standard input to the end, then clears up.
    pub(crate) fn start<A: AsRef<OsStr>>(
        script: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Self, ProcessError> {
        Command::new("/bin/sh")
            .args(["-c", script, "chameleon-harness-supervisor"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of reach of the terminal's ctrl-C, which ends the program.
            .process_group(0)
            .spawn()
            .map(Self)
            .map_err(ProcessError::io("start /bin/sh to clear up after programs"))
    }
}

impl Supervisor {
    /// The id of the shell's process, which leads a process group of its own.
    pub(crate) fn process(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap_or(i32::MAX)
    }

    /// Tells the script something that it needs to know to clear up.
    pub(crate) fn tell(&mut self, line: &str) -> Result<(), ProcessError> {
        let Some(pipe) = &mut self.0.stdin else { return Ok(()) };
        writeln!(pipe, "{line}").map_err(ProcessError::io("write to the shell that clears up after programs"))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // `wait` closes our end of the pipe first.
        let _its_status_tells_nothing = self.0.wait();
    }
}
