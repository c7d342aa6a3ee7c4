//! The archives of `pg_dump` (custom, directory, tar), which `pg_restore` turns into a script: its list of what is in one,
//! and the script as it comes.

use super::error::RestoreError;
use super::script::Entry;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How much of what `pg_restore` says is shown.
const SHOWN: usize = 2000;

/// The kinds of entry that are counted; a kind that begins with another one stands before it.
const COUNTED: &[&str] = &[
    "TABLE DATA",
    "TABLE ATTACH",
    "TABLE",
    "SEQUENCE OWNED BY",
    "SEQUENCE SET",
    "SEQUENCE",
    "DEFAULT ACL",
    "DEFAULT",
    "FK CONSTRAINT",
    "CHECK CONSTRAINT",
    "CONSTRAINT",
    "INDEX ATTACH",
    "INDEX",
    "TRIGGER",
    "FUNCTION",
    "VIEW",
    "TYPE",
];

/// How many entries of each kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// Of what `pg_restore --list` writes: `215; 1259 16386 TABLE shop orders owner`.
    fn of_list(list: &str) -> Self {
        let mut counts = Self::default();
        for line in list.lines().filter(|line| !line.starts_with(';')) {
            let rest = line.splitn(4, ' ').nth(3).unwrap_or_default();
            let is_it = |kind: &&&str| rest.strip_prefix(**kind).is_some_and(|rest| rest.starts_with(' '));
            // Privileges are left out.
            if let Some(kind) = COUNTED.iter().find(is_it).filter(|kind| **kind != "DEFAULT ACL") {
                *counts.0.entry(kind).or_default() += 1;
            }
        }
        counts
    }

    pub(super) fn add(&mut self, entry: &Entry) {
        if let Some(kind) = COUNTED.iter().find(|kind| **kind == entry.kind) {
            *self.0.entry(kind).or_default() += 1;
        }
    }

    /// What this list has and `met` has not.
    pub(super) fn lacking(&self, met: &Self) -> Vec<String> {
        let lacks = |(kind, listed): (&&str, &u64)| {
            let met = met.0.get(*kind).copied().unwrap_or_default();
            (met < *listed).then(|| format!("{met} of {listed} × {kind}"))
        };
        self.0.iter().filter_map(lacks).collect()
    }
}

/// `pg_restore` at work.
pub(super) struct Archive {
    program: PathBuf,
    child: Child,
    says: Option<JoinHandle<String>>,
    /// What it should come to.
    pub(super) listed: Counts,
}

impl Archive {
    /// Begins to turn the archive into a script, with the program in `binaries`, or on the PATH.
    pub(super) fn open(
        dump: &Path,
        binaries: Option<&Path>,
    ) -> Result<(Self, BufReader<Patient>), RestoreError> {
        let (list, mut text) = Self::start(dump, binaries, &["--list"])?;
        // Names are in the archive's encoding; here they are only counted by kind.
        let mut listed = Vec::new();
        text.read_to_end(&mut listed).map_err(RestoreError::Io)?;
        list.end()?;
        let (mut archive, script) =
            Self::start(dump, binaries, &["--no-owner", "--no-privileges", "--file=-"])?;
        archive.listed = Counts::of_list(&String::from_utf8_lossy(&listed));
        Ok((archive, BufReader::new(script)))
    }

    fn start(
        dump: &Path,
        binaries: Option<&Path>,
        arguments: &[&str],
    ) -> Result<(Self, Patient), RestoreError> {
        let program =
            binaries.map_or_else(|| PathBuf::from("pg_restore"), |folder| folder.join("pg_restore"));
        let started = Command::new(&program)
            .arg(dump)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child =
            started.map_err(|source| RestoreError::NoProgram { program: program.clone(), source })?;
        let says = child.stderr.take().map(|stderr| thread::spawn(move || beginning(stderr)));
        let output = child.stdout.take().ok_or_else(|| unreadable("it writes nothing"))?;
        let output = Patient::new(output, child.id());
        Ok((Self { program, child, says, listed: Counts::default() }, output))
    }

    /// The end of it: what it said, which is an error when it did not end well. To be called when the script is at its end,
    /// or is not to be read on.
    pub(super) fn end(mut self) -> Result<String, RestoreError> {
        let status = self
            .child
            .wait()
            .map_err(|source| RestoreError::NoProgram { program: self.program.clone(), source })?;
        let said = self.says.take().and_then(|says| says.join().ok()).unwrap_or_default();
        if status.success() { Ok(said) } else { Err(unreadable(&said)) }
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        // One that has ended doesn't mind.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// How long `pg_restore` may neither read nor write anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `pg_restore` writes, as long as it gets on: on some archives that are cut off it turns in circles for ever (seen of
/// 15.20 and a custom one).
pub(super) struct Patient {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    at: usize,
    process: u32,
}

impl Patient {
    fn new(mut output: ChildStdout, process: u32) -> Self {
        let (read, chunks) = sync_channel(4);
        thread::spawn(move || {
            loop {
                let mut chunk = vec![0; 1 << 16];
                let result = output.read(&mut chunk).map(|length| {
                    chunk.truncate(length);
                    chunk
                });
                let last = !result.as_ref().is_ok_and(|chunk| !chunk.is_empty());
                if read.send(result).is_err() || last {
                    return;
                }
            }
        });
        Self { chunks, chunk: Vec::new(), at: 0, process }
    }

    /// How much the process has read so far, as Linux tells it.
    fn has_read(&self) -> Option<String> {
        let counters = fs::read_to_string(format!("/proc/{}/io", self.process)).ok()?;
        counters.lines().find(|line| line.starts_with("rchar")).map(str::to_owned)
    }
}

impl Read for Patient {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.chunk.len() {
            let before = self.has_read();
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => {
                    (self.chunk, self.at) = (chunk?, 0);
                    if self.chunk.is_empty() {
                        return Ok(0);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) if self.has_read() != before => {}
                Err(RecvTimeoutError::Timeout) => {
                    let stands = "pg_restore does not get on with it. It is cut off or damaged: make it again, or copy it again";
                    return Err(io::Error::new(io::ErrorKind::TimedOut, stands));
                }
            }
        }
        let length = into.len().min(self.chunk.len() - self.at);
        into[..length].copy_from_slice(&self.chunk[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

fn unreadable(said: &str) -> RestoreError {
    let said = said.trim().replace('\n', "; ");
    let remedy = if said.contains("unsupported version") {
        "It was made by a later pg_dump: choose a server of that version or a later one (--server local:MAJOR)"
    } else {
        "Make it again, or copy it again"
    };
    RestoreError::Unfit(format!("pg_restore can't read it to its end: {said}. {remedy}"))
}

/// All is read, so that the program does not wait; the beginning is kept.
fn beginning(mut from: impl Read) -> String {
    let mut kept = Vec::new();
    let _unreadable = from.by_ref().take(SHOWN as u64).read_to_end(&mut kept);
    let _unreadable = std::io::copy(&mut from, &mut std::io::sink());
    String::from_utf8_lossy(&kept).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_counted_by_kind() {
        let list = ";\n; Archive created at x\n;     TOC Entries: 5\n;\n215; 1259 16386 TABLE shop orders me\n\
                    3355; 0 16386 TABLE DATA shop orders me\n216; 1259 16387 TABLE shop data me\n\
                    3400; 826 16400 DEFAULT ACL - DEFAULT PRIVILEGES FOR TABLES me\n\
                    3310; 2606 16390 CONSTRAINT shop orders orders_pkey me\n3311; 2606 16391 FK CONSTRAINT shop orders x me\n";
        let listed = Counts::of_list(list);
        assert_eq!(
            listed.0,
            [("TABLE", 2), ("TABLE DATA", 1), ("CONSTRAINT", 1), ("FK CONSTRAINT", 1)].into()
        );
        let entry = |kind: &str| Entry { kind: kind.to_owned(), schema: None, name: String::new() };
        let mut met = Counts::default();
        for kind in ["TABLE", "TABLE DATA", "CONSTRAINT", "COMMENT", "FK CONSTRAINT"] {
            met.add(&entry(kind));
        }
        assert_eq!(listed.lacking(&met), ["1 of 2 × TABLE"]);
        met.add(&entry("TABLE"));
        assert!(listed.lacking(&met).is_empty());
    }
}
