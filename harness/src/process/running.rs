//! A program that the harness runs and that isn't its own: it ends when the harness does, however that ends; at the latest
//! after a time; with all that it has started; and what it writes is kept as far as anybody would read it.

use super::scratch;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How much is kept of the beginning and of the end of what a program writes.
const KEPT: usize = 256 << 10;
/// How much of either is shown to people.
const SHOWN: usize = 8 << 10;
/// How long the last words of a program may take after its end: somebody else may have its output open.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Tells whoever clears up after the harness which process it is before the program itself begins.
const NOTED: &str = r#"echo $$ >"$0" && exec "$@""#;

/// A program that was started.
pub struct Running {
    child: Child,
    note: PathBuf,
    outputs: Vec<Output>,
}

/// How a program ended.
pub struct Ended {
    /// None when it had to be killed because it did not end.
    pub status: Option<ExitStatus>,
    /// What it wrote, standard output first.
    pub output: String,
}

/// Starts `command` with `input` as its standard input.
///
/// # Errors
/// What the system answers.
pub fn start(command: &Command, input: &str) -> io::Result<Running> {
    let note = scratch::folder()?.join(format!("{}{:016x}", scratch::RUNNING, rand::random::<u64>()));
    let mut child = noted(command, &note)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not ask may have ended.
        drop(stdin.write_all(input.as_bytes()));
    }
    let mut outputs = Vec::new();
    outputs.extend(child.stdout.take().map(Output::of));
    outputs.extend(child.stderr.take().map(Output::of));
    Ok(Running { child, note, outputs })
}

/// The same program with the same arguments and environment, after the note of its process.
fn noted(command: &Command, note: &PathBuf) -> Command {
    let mut noted = Command::new("/bin/sh");
    noted.args(["-c", NOTED]).arg(note).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => noted.env(name, value),
            None => noted.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        noted.current_dir(folder);
    }
    noted
}

impl Running {
    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, for at most `limit`; then it is killed. What it has started ends with it.
    ///
    /// # Errors
    /// What the system answers.
    pub fn wait(mut self, limit: Duration) -> io::Result<Ended> {
        let ended = self.ends_within(limit)?;
        self.end_group();
        let status = self.child.wait()?;
        let deadline = Instant::now() + LAST_WORDS;
        let output = self.outputs.drain(..).map(|output| output.until(deadline)).collect();
        Ok(Ended { status: ended.then_some(status), output })
    }

    /// It is not yet waited for, so that its number stays its own.
    fn ends_within(&self, limit: Duration) -> io::Result<bool> {
        let Some(pid) = self.pid() else { return Ok(false) };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let began = Instant::now();
        let mut pause = Duration::from_millis(1);
        while waitid(WaitId::Pid(pid), options)?.is_none() {
            if began.elapsed() > limit {
                return Ok(false);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        Ok(true)
    }

    fn end_group(&self) {
        if let Some(pid) = self.pid() {
            let _gone_already = kill_process_group(pid, Signal::KILL);
        }
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.end_group();
            let _status = self.child.wait();
        }
        let _it_goes_with_the_folder = fs::remove_file(&self.note);
    }
}

/// One of the outputs of a program, read by a thread so that it never fills up.
struct Output {
    kept: Arc<Mutex<Kept>>,
    reader: JoinHandle<()>,
}

impl Output {
    fn of(mut from: impl Read + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let keeping = Arc::clone(&kept);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 1 << 14];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                keeping.lock().unwrap_or_else(PoisonError::into_inner).add(&buffer[..read]);
            }
        });
        Self { kept, reader }
    }

    fn until(self, deadline: Instant) -> String {
        while !self.reader.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).text()
    }
}

/// The beginning and the end of what was written.
#[derive(Default)]
struct Kept {
    beginning: Vec<u8>,
    end: Vec<u8>,
    left_out: usize,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(KEPT - self.beginning.len()));
        self.beginning.extend_from_slice(first);
        self.end.extend_from_slice(rest);
        if self.end.len() > 2 * KEPT {
            let surplus = self.end.len() - KEPT;
            self.left_out += surplus;
            self.end.drain(..surplus);
        }
    }

    fn text(&self) -> String {
        let surplus = self.end.len().saturating_sub(KEPT);
        let (beginning, end) =
            (String::from_utf8_lossy(&self.beginning), String::from_utf8_lossy(&self.end[surplus..]));
        joined(&beginning, self.left_out + surplus, &end)
    }
}

fn joined(beginning: &str, left_out: usize, end: &str) -> String {
    if left_out == 0 {
        return format!("{beginning}{end}");
    }
    format!("{beginning}\n[… {left_out} bytes are left out here …]\n{end}")
}

/// As much of an output as a person reads.
#[must_use]
pub fn shown(output: &str) -> String {
    if output.len() <= 2 * SHOWN {
        return output.to_owned();
    }
    let boundary = |from: usize| (from..output.len()).find(|&at| output.is_char_boundary(at)).unwrap_or(from);
    let (first, last) = (boundary(SHOWN), boundary(output.len() - SHOWN));
    joined(&output[..first], last - first, &output[last..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_of_much_are_kept() {
        let mut kept = Kept::default();
        for number in 0..1_000_000 {
            kept.add(format!("line {number}\n").as_bytes());
        }
        let text = kept.text();
        assert!(text.starts_with("line 0\n") && text.ends_with("line 999999\n"));
        assert!(text.contains("bytes are left out here") && text.len() < 3 * KEPT, "{}", text.len());
        assert!(shown(&text).len() < 3 * SHOWN);
        assert!(shown(&text).starts_with("line 0\n") && shown(&text).ends_with("line 999999\n"));
        assert_eq!(shown("äöü"), "äöü");
        assert!(shown(&"ä".repeat(100_000)).contains("left out"));
    }
}
