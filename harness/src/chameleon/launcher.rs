//! How the programs of both versions of pg_chameleon are started: by the Python of their environments, with answers
//! for what stands between them and the servers and accounts of the tests (launcher.py).

use std::path::Path;
use std::process::Command;

/// The Python of `environment`, which takes a program and its arguments, or `-c` and a text.
pub(super) fn launched(environment: &Path) -> Command {
    let mut command = Command::new(environment.join("bin/python"));
    command.args(["-W", "ignore", "-c", include_str!("launcher.py")]);
    command
}
