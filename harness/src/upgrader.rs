//! Runs a program that upgrades, ours or another, as an administrator would: with a home folder of its own
//! and a configuration in it.

use crate::live::chameleon2;
use crate::scratch;
use crate::server::Address;
use crate::tools::{self, Missing, on_path};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The name of the configuration that a home holds.
pub const CONFIGURATION: &str = "upgraded";

/// A source of a configuration of pg_chameleon 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredSource {
    /// Its name.
    pub name: String,
    /// `type`.
    pub kind: String,
    /// `schema_mappings`: the schema on MySQL and the one on PostgreSQL.
    pub mappings: Vec<(String, String)>,
    /// Further keys of the source.
    pub more: Vec<(String, Value)>,
}

impl ConfiguredSource {
    /// A MySQL source.
    #[must_use]
    pub fn mysql(name: &str, mappings: &[(&str, &str)]) -> Self {
        let mappings = mappings.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        Self { name: name.to_owned(), kind: "mysql".to_owned(), mappings, more: vec![] }
    }

    /// With one more key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.more.push((key.to_owned(), value.into()));
        self
    }

    fn settings(&self) -> Value {
        let mappings: serde_json::Map<String, Value> =
            self.mappings.iter().map(|(from, to)| (from.clone(), to.clone().into())).collect();
        let mut settings = json!({
            "type": self.kind,
            "db_conn": {
                "host": "127.0.0.1", "port": "3306", "user": "usr_replica", "password": "replica",
                "charset": "utf8", "connect_timeout": 10,
            },
            "schema_mappings": mappings,
        });
        for (key, value) in &self.more {
            settings[key] = value.clone();
        }
        settings
    }
}

/// A configuration of pg_chameleon 2, with all that the original asks for at the top of it. JSON is YAML too, so any
/// name can be written safely.
#[must_use]
pub fn configuration(address: &Address, database: &str, sources: &[ConfiguredSource]) -> Value {
    let sources: serde_json::Map<String, Value> =
        sources.iter().map(|source| (source.name.clone(), source.settings())).collect();
    json!({
        "pid_dir": "~/.pg_chameleon/pid/", "log_dir": "~/.pg_chameleon/logs/", "log_dest": "stdout",
        "log_level": "info", "log_days_keep": 1, "rollbar_key": "", "rollbar_env": "", "type_override": {},
        "pg_conn": connection(address, database), "sources": sources,
    })
}

fn connection(address: &Address, database: &str) -> Value {
    json!({
        "host": address.host, "port": address.port.to_string(), "user": address.user,
        "password": address.password.expose_secret(), "database": database, "charset": "utf8",
    })
}

/// What the configuration of a run says, but for how its database is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Configuration {
    /// These sources.
    Sources(Vec<ConfiguredSource>),
    /// This text, in which `${host}`, `${port}`, `${user}`, `${password}` and `${database}` stand for the database
    /// of the run.
    Text(String),
    /// A text whose `pg_conn` has been taken out, from between these two.
    Around {
        /// The lines before it.
        before: String,
        /// The lines after it.
        after: String,
    },
}

impl Configuration {
    /// The configuration's text for a database.
    #[must_use]
    pub fn text(&self, address: &Address, database: &str) -> String {
        match self {
            Self::Sources(sources) => format!("{:#}", configuration(address, database, sources)),
            Self::Text(text) => text
                .replace("${host}", &address.host)
                .replace("${port}", &address.port.to_string())
                .replace("${user}", &address.user)
                .replace("${password}", address.password.expose_secret())
                .replace("${database}", database),
            Self::Around { before, after } => {
                format!("{before}pg_conn: {}\n{after}", connection(address, database))
            }
        }
    }

    /// The same with this lock timeout in every source; a text stays as it is.
    #[must_use]
    pub fn with_lock_timeout(&self, timeout: &str) -> Self {
        match self {
            Self::Sources(sources) => {
                let patient =
                    |source: &ConfiguredSource| source.more.iter().any(|(key, _)| key == LOCK_TIMEOUT);
                let with = |source: &ConfiguredSource| {
                    if patient(source) { source.clone() } else { source.clone().with(LOCK_TIMEOUT, timeout) }
                };
                Self::Sources(sources.iter().map(with).collect())
            }
            Self::Text(_) | Self::Around { .. } => self.clone(),
        }
    }
}

const LOCK_TIMEOUT: &str = "lock_timeout";

impl From<Vec<ConfiguredSource>> for Configuration {
    fn from(sources: Vec<ConfiguredSource>) -> Self {
        Self::Sources(sources)
    }
}

/// A home folder with `.pg_chameleon/configuration/upgraded.yml` in it, removed when it goes out of scope, or with the
/// program.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// Makes the folder and writes the configuration.
    ///
    /// # Errors
    /// What the system answers.
    pub fn new(configuration: &Value) -> io::Result<Self> {
        Self::with_text(&format!("{configuration:#}"))
    }

    /// Makes the folder within `parent` and writes the configuration.
    ///
    /// # Errors
    /// What the system answers.
    pub fn within(parent: &Path, configuration: &Value) -> io::Result<Self> {
        Self::make(parent, &format!("{configuration:#}"))
    }

    /// Makes the folder and writes `text` as the configuration, whatever it is.
    ///
    /// # Errors
    /// What the system answers.
    pub fn with_text(text: &str) -> io::Result<Self> {
        Self::make(&scratch::folder()?, text)
    }

    fn make(parent: &Path, text: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("chameleon-home-").tempdir_in(parent)?;
        let home = Self { folder };
        let file = home.configuration();
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, text)?;
        Ok(home)
    }

    /// The configuration's file.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.path().join(".pg_chameleon/configuration").join(format!("{CONFIGURATION}.yml"))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

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

/// The commands that ask MySQL unless told otherwise.
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
            Self::Original(environment) => {
                chameleon2::command(environment, home, &["upgrade_replica_schema"])
            }
            Self::Another { program, arguments } => {
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
        };
        command.args(["--config", CONFIGURATION]).env("HOME", home.path()).stdin(Stdio::null());
        command
    }
}
