//! 1.7 replicas to upgrade: made from a seed or a dump on a server, copied for every run, and upgraded by a program, with or
//! without faults.

pub mod attempt;
pub mod dumped;
pub mod report;
pub mod restore;
pub mod template;
pub mod upgrader;

use crate::chameleon::home::{Configuration, Home};
use crate::seed::{Seed, SeedError};
use crate::server::{Address, Database, ServerError};
use dumped::Dumped;
use postgres::Client;
use restore::RestoreError;
use std::io;
use std::path::PathBuf;

/// What a replica is made from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A description.
    Seed(Seed),
    /// A dump, and what came beside it.
    Dump(Dumped),
}

/// Why there is no replica.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The seed can't be created.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// A statement of the harness itself.
    #[error("{doing}: {source}")]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// The server's answer.
        source: postgres::Error,
    },
    /// The configuration can't be written, or a program can't be run.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The dump can't be restored.
    #[error("the dump {} can't be restored: {source}", dump.display())]
    Restore {
        /// The file.
        dump: PathBuf,
        /// Why.
        source: RestoreError,
    },
    /// A dump may hold anything: it runs on no server that somebody else needs.
    #[error(
        "a dump is restored on a throwaway server of the harness's own, never on one that has a URL: use --server local, \
         --server local:MAJOR (a version of PostgreSQL that is installed) or --server docker"
    )]
    NotOnSomebodyElsesServer,
}

fn doing(doing: &'static str) -> impl FnOnce(postgres::Error) -> ReplicaError {
    move |source| ReplicaError::Sql { doing, source }
}

/// A copy of a replica that a run may change.
pub struct Replica {
    /// The database.
    pub database: Database,
    /// The home folder with the configuration.
    pub home: Home,
    role: Address,
}

impl Replica {
    fn copy_of(
        database: &Database,
        role: &Address,
        configuration: &Configuration,
    ) -> Result<Self, ReplicaError> {
        let database = database.copy()?;
        allow_schemas(&database, role)?;
        let home = Home::with_text(&configuration.text(role, database.name()))?;
        Ok(Self { database, home, role: role.clone() })
    }

    /// Another replica that is as this one is now. Nobody may be connected to this one.
    ///
    /// # Errors
    /// [`ReplicaError`] when the server can't be reached, or the home folder can't be written.
    pub fn copy(&self, configuration: &Configuration) -> Result<Self, ReplicaError> {
        Self::copy_of(&self.database, &self.role, configuration)
    }

    /// The role of the configuration.
    #[must_use]
    pub fn role(&self) -> &Address {
        &self.role
    }

    /// A session as the server's superuser.
    ///
    /// # Errors
    /// [`ServerError`] when the server can't be reached.
    pub fn superuser(&self) -> Result<Client, ServerError> {
        self.database.connect()
    }

    /// A session as the replica's role.
    ///
    /// # Errors
    /// [`ServerError`] when the server can't be reached.
    pub fn session(&self) -> Result<Client, ServerError> {
        self.role.connect(self.database.name())
    }

    /// Configures the upgrader to reach the same database at another address, such as a proxy's.
    ///
    /// # Errors
    /// What the system answers.
    pub fn configure_through(
        &mut self,
        host: &str,
        port: u16,
        configuration: &Configuration,
    ) -> io::Result<()> {
        let address = Address { host: host.to_owned(), port, ..self.role.clone() };
        self.home = Home::with_text(&configuration.text(&address, self.database.name()))?;
        Ok(())
    }
}

fn allow_schemas(database: &Database, role: &Address) -> Result<(), ReplicaError> {
    let grant = format!("GRANT CREATE, CONNECT ON DATABASE {} TO {}", database.name(), role.user);
    let mut client = database.address().connect(&database.address().maintenance_database)?;
    client.batch_execute(&grant).map_err(doing("granting the role its privileges"))
}
