//! The log file of a daemon of 2.0.21: how it ended, as its parent process writes it down. §after-watch

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// How much of its end is read, in bytes: a trace takes some thousand.
const END: u64 = 256 << 10;

/// What the parent process writes before the trace with which one of the others ended.
const TRACE: &str = "Stack trace: ";
/// What the calls follow that led to an error.
const CALLS: &str = "Traceback (most recent call last):";
/// What it writes when it starts them.
const STARTS: &str = "Starting the replica daemons for source";

/// What stands before an error of PostgreSQL's that it has noted.
const REFUSED: &str = "SQLERROR: ";

/// The longest line that is shown, in letters.
const LONGEST: usize = 400;

/// What the log says of how the daemon ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When, as it writes it.
    pub when: String,
    /// The whole trace.
    pub trace: String,
    /// The error at the end of it.
    pub error: String,
}

/// What came of looking at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Log {
    /// It was read; how the daemon ended the last time, unless it was started since.
    Read(Option<Ended>),
    /// It can't be; why, and which.
    Unreadable(String),
    /// There is none: it goes to standard output.
    Elsewhere,
}

/// Reads the end of it.
#[must_use]
pub fn read(path: &Path) -> Log {
    match end_of(path) {
        Ok(text) => Log::Read(ended(&text)),
        Err(error) => Log::Unreadable(format!("{}: {error}", path.display())),
    }
}

/// The name that 2.0.21 gives it.
#[must_use]
pub fn place(folder: &Path, configuration: &str, source: &str) -> PathBuf {
    folder.join(format!("{configuration}_{source}.log"))
}

/// That of its reading process.
#[must_use]
pub fn place_of_reading(folder: &Path, configuration: &str, source: &str) -> PathBuf {
    folder.join(format!("{configuration}_{source}_read.log"))
}

/// The last error of PostgreSQL's that it has noted and gone on after, with its time.
#[must_use]
pub fn refused(path: &Path) -> Option<String> {
    let text = end_of(path).ok()?;
    let (before, after) = text.rsplit_once(REFUSED)?;
    let when = before.rsplit('\n').next()?.get(..19)?;
    Some(format!("{when}: {}", after.lines().next()?.trim()))
}

fn end_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(END)))?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last end of the daemon, unless it was started behind it.
fn ended(text: &str) -> Option<Ended> {
    let (before, after) = text.rsplit_once(TRACE)?;
    if after.contains(STARTS) {
        return None;
    }
    let line = before.rsplit('\n').next().unwrap_or_default();
    let when = line.get(..19).unwrap_or_default().to_owned();
    // The trace goes on to the next line that bears a time.
    let lines: Vec<_> = after.lines().collect();
    let length = lines.iter().position(|line| is_an_entry(line)).unwrap_or(lines.len());
    let trace = &lines[..length];
    // Behind the calls. Of an error while another one was handled there is a trace of its own, below. PostgreSQL's errors have more
    // lines (DETAIL, CONTEXT), in which whole statements may stand.
    let begins = trace.iter().rposition(|line| line.contains(CALLS)).map_or(0, |at| at + 1);
    let is_error = |line: &&&str| !line.is_empty() && !line.starts_with([' ', '\t']);
    let error = trace[begins..].iter().find(is_error).or_else(|| trace.last());
    let error: String = error.unwrap_or(&"it does not say why").chars().take(LONGEST).collect();
    Some(Ended { when, trace: trace.join("\n"), error })
}

/// Whether a line begins as each entry of the log does: `2026-11-26 12:34:56 …`.
fn is_an_entry(line: &str) -> bool {
    let form = "0000-00-00 00:00:00 ";
    line.len() > form.len()
        && line.bytes().zip(form.bytes()).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-11-26 10:00:00 MainProcess INFO: Starting the replica daemons for source upgraded
2026-11-26 10:00:10 MainProcess ERROR: Read process alive: False - Replay process alive: True
2026-11-26 10:00:10 MainProcess ERROR: Stack trace: Traceback (most recent call last):
  File \"a.py\", line 1, in read_replica
    self.mysql_source.read_replica()
psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout
CONTEXT:  SQL statement: x

2026-11-26 10:00:10 MainProcess ERROR: Read daemon crashed. Terminating the replay daemon.
";

    #[test]
    fn the_last_trace_is_found() {
        let found = ended(LOG).unwrap();
        assert_eq!(found.when, "2026-11-26 10:00:10");
        assert_eq!(found.error, "psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout");
        assert!(
            found.trace.starts_with("Traceback") && !found.trace.contains("Terminating"),
            "{}",
            found.trace
        );
    }

    /// As the daemon wrote it when its role lacked a privilege, and when the disk was full.
    #[test]
    fn the_error_stands_behind_the_last_calls_whatever_follows_it() {
        let denied = "2026-11-27 15:58:49 MainProcess ERROR: Stack trace: Traceback (most recent call last):
  File \"/a/pg_lib.py\", line 1222, in replay_replica
    a call of its program
psycopg2.errors.InsufficientPrivilege: permission denied for table t_batch_events
CONTEXT:  SQL statement \"UPDATE a
                SET
                    b = c\"
PL/pgSQL function sch_chameleon.fn_replay_mysql(integer,integer,boolean) line 199 at SQL statement


2026-11-27 15:58:49 MainProcess ERROR: Replay daemon crashed. Terminating the read daemon.
";
        assert_eq!(
            ended(denied).unwrap().error,
            "psycopg2.errors.InsufficientPrivilege: permission denied for table t_batch_events"
        );
        let full = "2026-11-27 15:42:07 MainProcess ERROR: Stack trace: Traceback (most recent call last):
  File \"/a/pg_lib.py\", line 4000, in write_batch
    a call of its program
psycopg2.errors.DiskFull: could not extend file \"base/1/2\": No space left on device
HINT:  Check free disk space.


During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"/a/pg_lib.py\", line 4100, in save_discarded_row
    another one
psycopg2.errors.DiskFull: could not extend file \"base/1/3\": No space left on device
HINT:  Check free disk space.
";
        assert_eq!(
            ended(full).unwrap().error,
            "psycopg2.errors.DiskFull: could not extend file \"base/1/3\": No space left on device"
        );
    }

    #[test]
    fn it_is_of_no_interest_once_the_daemon_was_started_again() {
        let again =
            "2026-11-26 11:00:00 MainProcess INFO: Starting the replica daemons for source upgraded \n";
        assert_eq!(ended(&format!("{LOG}{again}")), None);
        assert_eq!(ended("nothing"), None);
    }

    #[test]
    fn a_trace_that_is_not_there_is_said_not_to_be() {
        let log = "2026-11-26 10:00:10 MainProcess ERROR: Stack trace: Stack trace not available\n2026-11-26 10:00:11 x: y\n";
        assert_eq!(ended(log).unwrap().error, "Stack trace not available");
    }

    #[test]
    fn what_was_refused_last_is_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(refused(file.path()), None);
        let log = "2026-11-27 20:40:44 read_replica ERROR: SQLCODE: 57014 SQLERROR: ERROR:  too late\n\
                   2026-11-27 20:40:46 read_replica ERROR: SQLCODE: 42501 SQLERROR: ERROR:  permission denied for table t\n\n\
                   2026-11-27 20:40:46 read_replica ERROR: b\"INSERT\"\n";
        std::fs::write(file.path(), log).unwrap();
        assert_eq!(
            refused(file.path()).as_deref(),
            Some("2026-11-27 20:40:46: ERROR:  permission denied for table t")
        );
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("none.log")] {
            match read(&path) {
                Log::Unreadable(why) => assert!(why.contains(path.to_str().unwrap()), "{why}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
