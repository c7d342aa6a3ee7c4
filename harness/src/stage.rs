//! A server with a 1.7 replica on it, of which every run gets a copy of its own.
//!
//! The replica belongs to an ordinary role, as on production: what a superuser may do proves nothing about
//! privileges. The role owns the catalogue and the destination tables and may create schemas, no more.

use crate::chameleon::home::{Configuration, Home};
use crate::restore::{self, RestoreError};
use crate::seed::{Seed, SeedError};
use crate::server::quoting::literal;
use crate::server::{self, Address, Database, Server, ServerError};
use postgres::Client;
use secrecy::SecretString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the catalogue of a stage is made from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A description.
    Seed(Seed),
    /// A file of `pg_dump`, in any of its formats.
    Dump(PathBuf),
}

/// Why there is no stage.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The seed can't be planted.
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

fn doing(doing: &'static str) -> impl FnOnce(postgres::Error) -> StageError {
    move |source| StageError::Sql { doing, source }
}

/// A server that may be stopped by one and asked by another.
#[derive(Clone)]
pub struct SharedServer(Arc<Mutex<Box<dyn Server>>>);

impl SharedServer {
    /// Shares `server`.
    #[must_use]
    pub fn new(server: Box<dyn Server>) -> Self {
        Self(Arc::new(Mutex::new(server)))
    }

    /// The server, for as long as nobody else needs it.
    pub fn lock(&self) -> MutexGuard<'_, Box<dyn Server>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server with the replica that every run begins with.
pub struct Stage {
    server: SharedServer,
    template: Database,
    role: Address,
    left_out: Vec<String>,
}

impl Stage {
    /// Makes the replica on `server`.
    ///
    /// # Errors
    /// [`StageError`]; nothing is left on the server.
    pub fn new(server: SharedServer, origin: &Origin) -> Result<Self, StageError> {
        let (template, role, binaries) = {
            let server = server.lock();
            if matches!(origin, Origin::Dump(_)) && !server.is_our_own() {
                return Err(StageError::NotOnSomebodyElsesServer);
            }
            let template = server.create_database()?;
            let role = create_role(&template)?;
            (template, role, server.binaries().map(Path::to_owned))
        };
        let mut stage = Self { server, template, role, left_out: Vec::new() };
        allow_schemas(&stage.template, &stage.role)?;
        match origin {
            Origin::Seed(seed) => drop(seed.plant(&mut stage.role.connect(stage.template.name())?)?),
            Origin::Dump(dump) => stage.restore(dump, binaries.as_deref())?,
        }
        Ok(stage)
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &SharedServer {
        &self.server
    }

    /// What the dump holds and the replica does not, because this is another server; a line each.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// A copy of the replica, with the configuration that maps it.
    ///
    /// # Errors
    /// [`StageError`] when the server can't be reached, or the home folder can't be written.
    pub fn replica(&self, configuration: &Configuration) -> Result<Replica, StageError> {
        Replica::copy_of(&self.template, &self.role, configuration)
    }

    /// By the role itself, which then owns everything: a dump is somebody else's program, and may do no more than the role.
    fn restore(&mut self, dump: &Path, binaries: Option<&Path>) -> Result<(), StageError> {
        let owner = format!("ALTER SCHEMA public OWNER TO {}", self.role.user);
        self.template
            .connect()?
            .batch_execute(&owner)
            .map_err(doing("giving the schema public to the role"))?;
        let restored = restore::restore(dump, &self.template, &self.role, binaries);
        self.left_out = restored.map_err(|source| match source {
            RestoreError::Server(error) => error.into(),
            source => StageError::Restore { dump: dump.to_owned(), source },
        })?;
        Ok(())
    }
}

impl Drop for Stage {
    /// The role goes after the databases that it owns things in; on a server of our own it goes with it.
    fn drop(&mut self) {
        let address = self.template.address().clone();
        if let Ok(mut client) = self.template.connect() {
            drop(client.batch_execute(&format!("DROP OWNED BY {} CASCADE", self.role.user)));
        }
        if let Ok(mut client) = address.connect(&address.maintenance_database) {
            drop(client.batch_execute(&format!("DROP ROLE IF EXISTS {}", self.role.user)));
        }
    }
}

fn allow_schemas(database: &Database, role: &Address) -> Result<(), StageError> {
    let grant = format!("GRANT CREATE, CONNECT ON DATABASE {} TO {}", database.name(), role.user);
    let mut client = database.address().connect(&database.address().maintenance_database)?;
    client.batch_execute(&grant).map_err(doing("granting the role its privileges"))
}

fn create_role(database: &Database) -> Result<Address, StageError> {
    let name = format!("role_{}", database.name());
    let password = format!("{:032x}", rand::random::<u128>());
    database
        .connect()?
        // One transaction, so that a program that is killed leaves no role without the mark.
        .batch_execute(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD '{password}'; COMMENT ON ROLE {name} IS {}",
            literal(&server::mark(&database.address().user))
        ))
        .map_err(doing("creating a role"))?;
    let password = SecretString::from(password);
    Ok(Address { user: name, password, ..database.address().clone() })
}

/// A copy of the stage's replica.
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
    ) -> Result<Self, StageError> {
        let database = database.copy()?;
        allow_schemas(&database, role)?;
        let home = Home::with_text(&configuration.text(role, database.name()))?;
        Ok(Self { database, home, role: role.clone() })
    }

    /// Another replica that is as this one is now. Nobody may be connected to this one.
    ///
    /// # Errors
    /// [`StageError`] when the server can't be reached, or the home folder can't be written.
    pub fn copy(&self, configuration: &Configuration) -> Result<Self, StageError> {
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
