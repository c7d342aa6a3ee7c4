//! How the programs of both versions of pg_chameleon are started: by the Python of their environments, with answers
//! for what stands between them and the servers and accounts of the tests (launcher.py).

use std::path::Path;
use std::process::Command;

/// The Python of `environment`, which takes a program and its arguments, or `-c` and a text.
pub(super) fn launched(environment: &Path) -> Command {
    let mut command = launched_by(&environment.join("bin/python"));
    // pymysql reads all the certificates of the system whenever it connects, several times in each round of a daemon, and needs
    // none of them: more than a quarter of the processors' time in a live scenario.
    command.env("SSL_CERT_FILE", "/dev/null");
    command
}

/// The same with this Python, and nothing answered that a server of today no longer answers: what that does is to be seen.
/// The program stays in the foreground.
pub(crate) fn launched_as_it_is(python: &Path) -> Command {
    let mut command = launched_by(python);
    command.env("LAUNCHED_AS_IT_IS", "1").env("LAUNCHED_IN_THE_FOREGROUND", "1");
    command
}

fn launched_by(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-W", "ignore", "-c", include_str!("launcher.py")]);
    command
}
