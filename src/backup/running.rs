//! A program of PostgreSQL's at work: what it complains of is kept, and it doesn't outlive whoever waits for it.

use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

/// How much of its complaints is kept, in bytes.
const LONGEST: usize = 4096;

/// Why a program did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It can't be run.
    #[error("{program} can't be run: {cause}")]
    NotRun {
        /// Which.
        program: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// It failed.
    #[error("{program} failed ({status}): {complaints}")]
    Failed {
        /// Which.
        program: String,
        /// With what exit code, or at which signal.
        status: String,
        /// What it said.
        complaints: String,
    },
}

/// A program that was started. Dropped before its end, it is asked to end.
pub(super) struct Running {
    program: String,
    child: Child,
    complaints: JoinHandle<String>,
}

impl Running {
    /// Starts it. It speaks English, and reads nothing that it was not given.
    pub fn start(command: &mut Command) -> Result<Self, ProgramError> {
        let program = Path::new(command.as_std().get_program());
        let program = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        command.env("LC_ALL", "C").env_remove("LANGUAGE").stderr(Stdio::piped());
        match command.spawn() {
            Ok(mut child) => {
                let complaints = tokio::spawn(last_words(child.stderr.take()));
                Ok(Self { program, child, complaints })
            }
            Err(cause) => Err(ProgramError::NotRun { program, cause }),
        }
    }

    /// What it writes.
    pub fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits until it has ended.
    pub async fn finish(mut self) -> Result<(), ProgramError> {
        let program = self.program.clone();
        let status = match self.child.wait().await {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => status.to_string(),
            Err(cause) => return Err(ProgramError::NotRun { program, cause }),
        };
        let complaints = (&mut self.complaints).await.unwrap_or_default();
        let complaints = complaints.split_whitespace().collect::<Vec<_>>().join(" ");
        let complaints = if complaints.is_empty() { "it does not say why".to_owned() } else { complaints };
        Err(ProgramError::Failed { program, status, complaints })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        if let Some(pid) = pid {
            // It has the server give up what it does for it, and ends. Gone already, it needs no asking.
            _ = kill_process(pid, Signal::TERM);
        }
    }
}

async fn last_words(source: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut source) = source else { return String::new() };
    let mut kept = Vec::new();
    let mut piece = [0; LONGEST];
    while let Ok(count @ 1..) = source.read(&mut piece).await {
        kept.extend_from_slice(&piece[..count]);
        kept.drain(..kept.len().saturating_sub(LONGEST));
    }
    String::from_utf8_lossy(&kept).into_owned()
}
