//! What happens, for programs that watch: one JSON object a line, written as it happens. §events.
//!
//! A thread of its own writes the lines: whoever reads them slowly, or no more, holds nothing up.

use crate::finding::{self, Finding, Severity};
use crate::plan::Plan;
use crate::report::documents;
use crate::upgrade::step::Step;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// What every file of events begins with.
const BEGINNING: &[u8] = b"{\"version\":1,\"event\":\"begin\"";

/// So many lines may wait for whoever reads them.
const WAITING_LINES: usize = 20_000;

/// How long the end of the program waits for whoever reads.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// A line.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "A line of --events"))]
pub struct Line<'a> {
    /// The version of the form.
    version: u32,
    /// What happens.
    #[serde(flatten)]
    event: Event<'a>,
    /// When, in UTC.
    #[serde(serialize_with = "to_the_millisecond")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    time: DateTime<Utc>,
}

fn to_the_millisecond<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// What happens.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// The command begins. Always the first line.
    Begin {
        /// Its name.
        command: &'a str,
        /// The version of the program.
        chameleon_upgrade: &'a str,
        /// Whether all will be rolled back on purpose.
        dry_run: bool,
    },
    /// A configuration was read.
    Configuration {
        /// Its file.
        file: &'a Path,
    },
    /// A check has found something.
    Finding {
        /// What it has found.
        finding: &'a Finding,
    },
    /// All checks have been run.
    Checked {
        /// How many errors there are, which refuse.
        errors: u64,
        /// How many errors were accepted.
        accepted: u64,
        /// How many warnings there are.
        warnings: u64,
        /// How much is good to know.
        infos: u64,
    },
    /// The plan of an upgrade that the checks don't refuse.
    Plan {
        /// The plan.
        plan: &'a Plan,
    },
    /// Somebody is asked on the terminal.
    Question {
        /// The question.
        question: &'a str,
    },
    /// The answer.
    Answer {
        /// Whether the command goes on.
        agreed: bool,
    },
    /// How far something has come that takes its time, now and then.
    Progress {
        /// What.
        work: Work,
        /// The source that it is done for.
        source: &'a str,
        /// How much is done.
        done: u64,
        /// Of how much.
        of: u64,
    },
    /// Something that took its time is done.
    Done {
        /// What.
        work: Work,
        /// The source that it was done for.
        source: &'a str,
        /// How long it took.
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
    },
    /// A step of the transaction begins.
    StepBegun {
        /// The step.
        step: Step,
    },
    /// It was done.
    StepDone {
        /// The step.
        step: Step,
        /// How long it took.
        seconds: f64,
    },
    /// Something went wrong; how it ends comes later.
    Failure {
        /// What.
        message: &'a str,
    },
    /// The command ends. Always the last line.
    End {
        /// The name of the ending.
        ending: &'a str,
        /// The exit code.
        exit_code: u8,
        /// The last line on the terminal: it says what state the replica is in.
        message: &'a str,
    },
}

/// What takes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// The binary log is read; in bytes.
    BinaryLog,
    /// Tables are compared with MySQL's; in tables.
    Tables,
    /// What waits is replayed; in events of the binary log.
    Replay,
}

/// Why events can't be written.
#[derive(Debug, thiserror::Error)]
pub enum NoEvents {
    /// The system refuses.
    #[error("The events can't be written to {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system answers.
        error: io::Error,
    },
    /// Something else is in the file.
    #[error("{} is there and holds no events: give the file of events another name", .0.display())]
    Something(PathBuf),
}

/// Where events go.
#[derive(Default)]
pub struct Events {
    writing: Option<Writing>,
    told: Cell<Option<Instant>>,
}

struct Writing {
    lines: SyncSender<Vec<u8>>,
    ended: Receiver<Option<io::Error>>,
    lost: Cell<u64>,
}

impl Events {
    /// Whether a path names standard output, on which nothing else may be written then.
    #[must_use]
    pub fn are_on_standard_output(path: &Path) -> bool {
        ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
    }

    /// Opens what `path` names: a file that isn't there, is empty or holds events; what is no file, such as a pipe or
    /// `/dev/fd/3`; with `-` standard output.
    ///
    /// # Errors
    /// [`NoEvents`]; nothing has been changed.
    pub fn to(path: &Path) -> Result<Self, NoEvents> {
        let failed = |error| NoEvents::Io { path: path.to_owned(), error };
        if Self::are_on_standard_output(path) {
            let output = io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
            return Ok(Self::through(move || Ok(File::from(output))));
        }
        match fs::metadata(path) {
            // To open it waits for whoever will read it.
            Ok(found) if found.file_type().is_fifo() => {
                let path = path.to_owned();
                Ok(Self::through(move || OpenOptions::new().write(true).open(path)))
            }
            Ok(found) if found.is_file() => {
                let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
                let mut beginning = Vec::new();
                (&file).take(BEGINNING.len() as u64).read_to_end(&mut beginning).map_err(failed)?;
                if !beginning.is_empty() && beginning != BEGINNING {
                    return Err(NoEvents::Something(path.to_owned()));
                }
                file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
                Ok(Self::through(move || Ok(file)))
            }
            Ok(_) => {
                let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
                Ok(Self::through(move || Ok(file)))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
                Ok(Self::through(move || Ok(file)))
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn through(open: impl FnOnce() -> io::Result<File> + Send + 'static) -> Self {
        let (lines, to_write) = sync_channel::<Vec<u8>>(WAITING_LINES);
        let (end, ended) = sync_channel(1);
        std::thread::spawn(move || {
            let written =
                open().and_then(|mut file| to_write.iter().try_for_each(|line| file.write_all(&line)));
            // Nobody waits any more when the program was in a hurry.
            drop(end.send(written.err()));
        });
        Self { writing: Some(Writing { lines, ended, lost: Cell::new(0) }), told: Cell::default() }
    }

    /// Tells what happens, when somebody watches.
    pub fn tell(&self, event: Event<'_>) {
        let Some(writing) = &self.writing else { return };
        if let Event::Progress { .. } = event {
            let now = Instant::now();
            if self.told.get().is_some_and(|told| now - told < PROGRESS_EVERY) {
                return;
            }
            self.told.set(Some(now));
        }
        let line = serde_json::to_vec(&Line { version: documents::VERSION, event, time: Utc::now() });
        let Ok(mut line) = line else { return };
        line.push(b'\n');
        // Full: nobody has read for long. Or gone: then that is told at the end.
        if writing.lines.try_send(line).is_err() {
            writing.lost.set(writing.lost.get() + 1);
        }
    }

    /// All of the findings, and how many there are of each severity.
    pub fn checked(&self, findings: &[Finding]) {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count() as u64;
        self.tell(Event::Checked {
            errors: finding::errors(findings),
            accepted: count(Severity::Accepted),
            warnings: count(Severity::Warning),
            infos: count(Severity::Info),
        });
    }

    /// Waits, not for long, until all is written. Why not all of it was; a reader that has gone away is no reason to worry.
    #[must_use]
    pub fn end(self) -> Option<String> {
        let Writing { lines, ended, lost } = self.writing?;
        drop(lines);
        match ended.recv_timeout(PATIENCE) {
            Ok(None) if lost.get() == 0 => None,
            Ok(None) => Some(format!("{} of them found no room: they were read too slowly", lost.get())),
            Ok(Some(error)) if error.kind() == ErrorKind::BrokenPipe => None,
            Ok(Some(error)) => Some(error.to_string()),
            Err(_) => Some("nobody reads them".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_begins_as_it_is_known_by() {
        let event = Event::Begin { command: "check", chameleon_upgrade: "1", dry_run: false };
        let line =
            serde_json::to_vec(&Line { version: documents::VERSION, event, time: Utc::now() }).unwrap();
        assert!(line.starts_with(BEGINNING), "{}", String::from_utf8_lossy(&line));
    }
}
