//! Standard output and standard error. Whoever read them may be gone (a closed pipe, a lost terminal): that must
//! neither end an upgrade halfway nor change its exit code, so what can't be written is let go.

use std::fmt::Display;
use std::io::Write;

/// Writes a line to standard output.
pub fn line(text: impl Display) {
    drop(writeln!(anstream::stdout(), "{text}"));
}

/// Writes to standard output, without ending the line.
pub fn prompt(text: impl Display) {
    let mut stdout = anstream::stdout();
    drop(write!(stdout, "{text}").and_then(|()| stdout.flush()));
}

/// Writes a line to standard error.
pub fn error_line(text: impl Display) {
    drop(writeln!(anstream::stderr(), "{text}"));
}
