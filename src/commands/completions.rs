//! `completions`: what a shell completes command lines with.

use crate::cli::{Cli, Completions};
use crate::ending::Ending;
use crate::manual;
use crate::report::output;

/// Writes the script of the shell.
pub fn run(arguments: &Completions) -> Ending {
    written(output::bytes(&manual::completions(&mut Cli::described(), arguments.shell)))
}

/// How it ends once something was written to standard output for programs.
pub(super) fn written(written: std::io::Result<()>) -> Ending {
    match written {
        Ok(()) => Ending::Done(String::new()),
        Err(error) => Ending::Unexpected(format!("It could not be written: {error}.")),
    }
}
