//! Runs a program that upgrades, ours or another, as an administrator would.

use crate::chameleon::home::{CONFIGURATION, Home};
use crate::chameleon::version2;
use crate::process::tools::{self, Missing, on_path};
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program that upgrades: ours by default.
#[derive(Debug, Clone)]
pub enum Upgrader {
    /// chameleon-upgrade.
    Ours {
        /// The program.
        program: PathBuf,
        /// Whether the replicas that it upgrades have their MySQL; those of seeds have none.
        with_mysql: bool,
    },
    /// pg_chameleon 2.0.21's own `upgrade_replica_schema`, in this virtual environment.
    Original(PathBuf),
    /// Any other program, with the arguments that make it upgrade.
    Another {
        /// The program.
        program: PathBuf,
        /// Its arguments, but for `--config`.
        arguments: Vec<OsString>,
    },
}

/// How the original is named on the command line.
pub const ORIGINAL: &str = "original";

/// The program's own name.
const OURS: &str = "chameleon-upgrade";

/// The commands that ask MySQL by default.
const ASK_MYSQL: [&str; 3] = ["upgrade", "upgrade_replica_schema", "check"];

/// What is added to `arguments` where no MySQL stands behind a replica.
#[must_use]
pub fn offline<'a>(mut arguments: impl Iterator<Item = &'a OsStr>) -> Option<&'static str> {
    arguments.next().is_some_and(|verb| ASK_MYSQL.iter().any(|it| verb == *it)).then_some("--offline")
}

/// There is no such upgrader.
#[derive(Debug, thiserror::Error)]
pub enum NoUpgrader {
    /// Neither at this path nor on the PATH.
    #[error("{0:?} is no program, neither at this path nor on the PATH")]
    NotFound(String),
    /// Not beside the harness.
    #[error("{} is missing: build it with `cargo build`", .0.display())]
    NotBuilt(PathBuf),
    /// The original is not installed.
    #[error(transparent)]
    Original(#[from] Missing),
    /// The system does not say where the harness is.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Upgrader {
    /// chameleon-upgrade at `program`, for replicas without their MySQL: it is told `--offline`.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self::Ours { program: program.into(), with_mysql: false }
    }

    /// chameleon-upgrade at `program`, for replicas whose MySQL is there.
    #[must_use]
    pub fn with_mysql(program: impl Into<PathBuf>) -> Self {
        Self::Ours { program: program.into(), with_mysql: true }
    }

    /// The same program for replicas whose MySQL is there; none when it isn't ours.
    #[must_use]
    pub fn beside_mysql(self) -> Option<Self> {
        match self {
            Self::Ours { program, .. } => Some(Self::with_mysql(program)),
            _ => None,
        }
    }

    /// `original`, or a program and its arguments with spaces between them.
    ///
    /// # Errors
    /// When there is no such program, neither at this path nor on the PATH; or the original is not installed.
    pub fn of_command(command: &str) -> Result<Self, NoUpgrader> {
        if command == ORIGINAL {
            return Self::original().map_err(NoUpgrader::from);
        }
        let mut words = command.split_whitespace();
        let named = words.next().unwrap_or_default();
        let there = if named.contains('/') { Some(PathBuf::from(named)) } else { on_path(named) };
        let program = there
            .filter(|program| program.is_file())
            .ok_or_else(|| NoUpgrader::NotFound(named.to_owned()))?;
        if program.file_name() == Some(OsStr::new(OURS)) {
            return Ok(Self::new(program));
        }
        Ok(Self::Another { program, arguments: words.map(OsString::from).collect() })
    }

    /// The original that `make tools` installs.
    ///
    /// # Errors
    /// [`Missing`] when it hasn't.
    pub fn original() -> Result<Self, Missing> {
        tools::chameleon2().map(Self::Original)
    }

    /// `chameleon-upgrade` beside this program, as Cargo and packages lay them.
    ///
    /// # Errors
    /// When there is none.
    pub fn beside_this_program() -> Result<Self, NoUpgrader> {
        let program = env::current_exe()?.with_file_name(OURS);
        if program.is_file() { Ok(Self::new(program)) } else { Err(NoUpgrader::NotBuilt(program)) }
    }

    /// Whether it has our commands, exit codes and words. Of others no more is known than that they upgrade, and end
    /// with zero when they have.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Ours { .. })
    }

    /// Whether a run with these arguments writes a report to the file of `--report`, when it is given.
    #[must_use]
    pub fn reports(&self, arguments: &[String]) -> bool {
        let verb = arguments.first().map(String::as_str);
        self.is_ours() && matches!(verb, Some("upgrade" | "upgrade_replica_schema"))
    }

    /// A command with `arguments` and the home's configuration, without standard input. One that isn't ours has
    /// arguments of its own, whatever `arguments` are.
    #[must_use]
    pub fn command<I: AsRef<OsStr>>(&self, home: &Home, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = match self {
            Self::Ours { program, with_mysql } => {
                let mut all: Vec<OsString> = arguments.into_iter().map(|it| it.as_ref().to_owned()).collect();
                if !with_mysql {
                    let offline = offline(all.iter().map(OsString::as_os_str));
                    all.extend(offline.map(OsString::from));
                }
                let mut command = Command::new(program);
                command.args(all);
                command
            }
            Self::Original(environment) => version2::command(environment, home, &["upgrade_replica_schema"]),
            Self::Another { program, arguments } => {
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
        };
        command.args(["--config", CONFIGURATION]).env("HOME", home.path()).stdin(Stdio::null());
        // What leads to the servers of whoever runs the harness doesn't lead to the harness's.
        for variable in chameleon_upgrade::config::variables() {
            command.env_remove(variable);
        }
        command
    }
}
