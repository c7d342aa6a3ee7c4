//! A program on a terminal of its own, and what is seen there.

use super::ProcessError;
use pty_process::Size;
use pty_process::blocking::{Command, open};
use std::io::{ErrorKind, Read};

/// What the system answers to who reads a terminal that the other side has closed.
const CLOSED: i32 = 5;
const LINES: u16 = 50;

/// What was shown, and the exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Everything that was written, escape sequences and all.
    pub text: String,
    /// None when a signal ended it.
    pub exit: Option<i32>,
}

/// Runs a program to its end on a terminal of this many columns.
///
/// # Errors
/// [`ProcessError::Io`].
pub fn run(columns: u16, command: Command) -> Result<Shown, ProcessError> {
    let failed = || ProcessError::io("run a program on a terminal");
    let other = |error: pty_process::Error| failed()(std::io::Error::other(error));
    let (mut terminal, other_side) = open().map_err(other)?;
    terminal.resize(Size::new(LINES, columns)).map_err(other)?;
    let mut child = command.spawn(other_side).map_err(other)?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match terminal.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.raw_os_error() == Some(CLOSED) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed()(error)),
        }
    }
    let status = child.wait().map_err(failed())?;
    Ok(Shown { text: String::from_utf8_lossy(&bytes).into_owned(), exit: status.code() })
}

/// What a terminal shows in the end: what a bar has painted over is gone, and so are colours.
#[must_use]
pub fn lines_on_screen(shown: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = shown;
    while let Some((before, escape)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = escape.find(|letter: char| letter.is_ascii_alphabetic()).map_or(escape.len(), |at| at + 1);
        rest = &escape[end..];
    }
    plain.push_str(rest);
    let last = |line: &str| line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default().to_owned();
    plain.lines().map(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_sees_the_terminal() {
        let mut command = Command::new("sh");
        command = command.args(["-c", "stty size; printf '\\033[1mbold\\033[0m\\n12%%\\r100%%\\n'; exit 3"]);
        let shown = run(80, command).unwrap();
        assert_eq!(shown.exit, Some(3));
        assert_eq!(lines_on_screen(&shown.text), ["50 80", "bold", "100%"]);
    }
}
