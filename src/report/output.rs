//! Standard output and standard error. Whoever read them may be gone (a closed pipe, a lost terminal): that must
//! neither end an upgrade halfway nor change its exit code, so what can't be written is let go. A command whose only
//! work is to show something asks afterwards whether it could.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Whether standard output belongs to programs: people are told on standard error.
static FOR_PROGRAMS: AtomicBool = AtomicBool::new(false);

/// From now on nothing that is for people goes to standard output.
pub fn leave_standard_output_to_programs() {
    FOR_PROGRAMS.store(true, Ordering::Relaxed);
}

/// Why standard output could not be written first.
static FAILURE: Mutex<Option<String>> = Mutex::new(None);

/// Writes a line to standard output.
pub fn line(text: impl Display) {
    if FOR_PROGRAMS.load(Ordering::Relaxed) {
        return error_line(text);
    }
    note(writeln!(anstream::stdout(), "{text}"));
}

/// Writes to standard output, without ending the line.
pub fn prompt(text: impl Display) {
    if FOR_PROGRAMS.load(Ordering::Relaxed) {
        let mut stderr = anstream::stderr();
        drop(write!(stderr, "{text}").and_then(|()| stderr.flush()));
        return;
    }
    let mut stdout = anstream::stdout();
    note(write!(stdout, "{text}").and_then(|()| stdout.flush()));
}

/// Writes what is for programs to standard output, as it is. A reader that has gone away has had enough.
///
/// # Errors
/// What the system answers.
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a line to standard error.
pub fn error_line(text: impl Display) {
    drop(writeln!(anstream::stderr(), "{text}"));
}

/// Why something that was written to standard output has not arrived; none when a reader has gone away, as `head` does.
pub fn failure() -> Option<String> {
    note(anstream::stdout().flush());
    FAILURE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn note(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILURE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
    }
}
