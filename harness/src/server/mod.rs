//! Servers on demand: one interface over the kinds of PostgreSQL server that the harness can use. Each can be
//! crashed, frozen and restarted as far as its kind allows, and says so where it doesn't. None leaves a
//! process, container, folder or database behind, whatever ends the program that started it.

mod account;
mod binaries;
pub mod build;
mod database;
mod docker;
mod folder;
mod kind;
mod local;
pub mod mysql;
mod pooler;
mod port;
mod processes;
pub mod quoting;
mod shared;
mod url;

use crate::process::ProcessError;
use crate::process::tools::Missing;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

pub use binaries::Binaries;
pub use database::Database;
pub(crate) use database::mark;
pub use docker::{DockerOptions, DockerServer, docker};
pub(crate) use folder::ServerFolder;
pub use kind::{Kind, UnknownKind};
pub use local::{LocalOptions, LocalServer, local};
pub use pooler::{PgBouncer, PoolMode};
pub use shared::SharedServer;
pub use url::{ServerUrl, UrlServer, WrongUrl, abandon, url};

/// A PostgreSQL server that the harness may do with as it likes.
pub trait Server: Send + Sync {
    /// Where it listens and who its superuser is. Stays the same through crashes and restarts.
    fn address(&self) -> &Address;

    /// Shuts the server down in good order; sessions are ended. Nothing happens when it isn't running.
    ///
    /// # Errors
    /// [`ServerError`] when it can't be stopped, or not with this kind of server.
    fn stop(&mut self) -> Result<(), ServerError>;

    /// Crashes the server: all its processes die at once, without a word to their clients or a checkpoint.
    ///
    /// # Errors
    /// [`ServerError`] when it can't be killed, or not with this kind of server.
    fn kill(&mut self) -> Result<(), ServerError>;

    /// Starts the server again with the data it had, at the same address; stops it first when it is running.
    /// Returns when it accepts connections, after crash recovery.
    ///
    /// # Errors
    /// [`ServerError`] when it doesn't start, or can't be restarted with this kind of server.
    fn restart(&mut self) -> Result<(), ServerError>;

    /// Stops the time of all its processes: connections stay open, nothing answers.
    ///
    /// # Errors
    /// [`ServerError`] when it can't be frozen, or not with this kind of server.
    fn freeze(&mut self) -> Result<(), ServerError>;

    /// Lets a frozen server go on where it was.
    ///
    /// # Errors
    /// [`ServerError`] when it can't be thawed, or not with this kind of server.
    fn thaw(&mut self) -> Result<(), ServerError>;

    /// Whether the harness has made it for itself, so that nothing on it is anybody else's.
    fn is_our_own(&self) -> bool {
        true
    }

    /// The folder of this server's programs (`psql`, `pg_dump`, …) on this machine, when it has one.
    fn binaries(&self) -> Option<&Path>;

    /// A new, empty database that is dropped when the value goes out of scope.
    ///
    /// # Errors
    /// [`ServerError`] when the server can't be reached or refuses.
    fn create_database(&self) -> Result<Database, ServerError> {
        Database::create(self.address())
    }
}

/// What the sessions of the harness are called.
const NAME: &str = "chameleon-harness";

/// Where a server listens, and the account that owns it.
#[derive(Debug, Clone)]
pub struct Address {
    /// A name or an IP address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// A role that may create databases; on servers of our own a superuser.
    pub user: String,
    /// The role's password, which `Debug` doesn't show.
    pub password: SecretString,
    /// The database from which others are created and dropped.
    pub maintenance_database: String,
}

impl Address {
    /// What the `postgres` and `tokio-postgres` crates need to connect to `database`.
    #[must_use]
    pub fn config(&self, database: &str) -> postgres::Config {
        let mut config = postgres::Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .password(self.password.expose_secret())
            .dbname(database)
            .application_name(NAME);
        config
    }

    /// A new session on `database`.
    ///
    /// # Errors
    /// [`ServerError::Connect`] when the server can't be reached or refuses.
    pub fn connect(&self, database: &str) -> Result<postgres::Client, ServerError> {
        self.connect_as(database, NAME)
    }

    /// The same with another name of the program.
    fn connect_as(&self, database: &str, name: &str) -> Result<postgres::Client, ServerError> {
        self.config(database)
            .application_name(name)
            .connect(postgres::NoTls)
            .map_err(|source| ServerError::Connect { server: self.to_string(), source })
    }
}

impl fmt::Display for Address {
    /// `user@host:port`, never the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.port)
    }
}

/// Why a server can't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The machine lacks a program.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// What clears up after it.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// This kind of server can't do that.
    #[error("a server of the kind `{kind}` can't be {action}: use `--server {instead}` for this")]
    Unsupported {
        /// The kind of server.
        kind: &'static str,
        /// What was asked of it, as a participle.
        action: &'static str,
        /// A kind that can.
        instead: &'static str,
    },
    /// A server didn't come up, or not in time.
    #[error("the {server} server didn't start ({what}). The end of its log:\n{log}")]
    NotStarted {
        /// Which kind of server.
        server: &'static str,
        /// What was seen of it.
        what: String,
        /// The last lines of its log.
        log: String,
    },
    /// The operating system refused.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, with the path or program.
        doing: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A connection failed.
    #[error("can't connect to {server}: {}", in_full(source))]
    Connect {
        /// The server, without its password.
        server: String,
        /// The client library's error.
        source: postgres::Error,
    },
    /// A statement failed.
    #[error("{doing}: {}", in_full(source))]
    Sql {
        /// What the statement was to do.
        doing: String,
        /// The client library's error.
        source: postgres::Error,
    },
    /// The container engine refused.
    #[error("docker can't {doing}: {reason}")]
    Docker {
        /// What it was to do.
        doing: String,
        /// Its answer.
        reason: String,
    },
    /// A server can't be made on this machine as it is.
    #[error("{0}")]
    Impossible(String),
}

impl ServerError {
    /// For `map_err` on what the operating system does.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// For `map_err` on what PostgreSQL does.
    fn sql(doing: impl Into<String>) -> impl FnOnce(postgres::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Sql { doing, source }
    }
}

/// The server's own words, which the library's error leaves to its source.
pub(crate) fn in_full(error: &postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// One local server for the whole program, started at its first use: tests make databases of their own on it.
/// It ends with the program.
///
/// # Errors
/// The error of its start, the same at every call.
pub fn shared() -> Result<&'static LocalServer, &'static ServerError> {
    static SHARED: OnceLock<Result<LocalServer, ServerError>> = OnceLock::new();
    SHARED.get_or_init(|| local(&LocalOptions::default())).as_ref()
}
