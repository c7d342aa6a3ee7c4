//! What the harness itself writes: a device that is full is an error like any other, and whoever has stopped reading
//! (`| head`) is no error.

use anstream::{stderr, stdout};
use std::fmt::Arguments;
use std::io::{self, Write};

/// Writes a line to standard output.
///
/// # Errors
/// What the system answers, unless nobody reads any more.
pub fn line(text: Arguments<'_>) -> io::Result<()> {
    let mut output = stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("standard output can't be written: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Writes to standard error, as far as that can be written.
pub fn tell(text: Arguments<'_>) {
    let mut output = stderr().lock();
    drop(write!(output, "{text}").and_then(|()| output.flush()));
}
