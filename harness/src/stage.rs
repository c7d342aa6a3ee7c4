//! A server with a 1.7 replica on it, of which every run gets a copy of its own.
//!
//! The replica belongs to an ordinary role, as on production: what a superuser may do proves nothing about
//! privileges. The role owns the catalogue and the destination tables and may create schemas, no more.

use crate::home::{Configuration, Home};
use crate::quoting::literal;
use crate::seed::{Seed, SeedError};
use crate::server::{self, Address, Database, Server, ServerError};
use postgres::Client;
use secrecy::{ExposeSecret, SecretString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
    #[error("the dump {} can't be restored: {cause}", dump.display())]
    Restore {
        /// The file.
        dump: PathBuf,
        /// What the program said.
        cause: String,
    },
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
}

impl Stage {
    /// Makes the replica on `server`.
    ///
    /// # Errors
    /// [`StageError`]; nothing is left on the server.
    pub fn new(server: SharedServer, origin: &Origin) -> Result<Self, StageError> {
        let (template, role, binaries) = {
            let server = server.lock();
            let template = server.create_database()?;
            let role = create_role(&template)?;
            (template, role, server.binaries().map(Path::to_owned))
        };
        let stage = Self { server, template, role };
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

    /// A copy of the replica, with the configuration that maps it.
    ///
    /// # Errors
    /// [`StageError`] when the server can't be reached, or the home folder can't be written.
    pub fn replica(&self, configuration: &Configuration) -> Result<Replica, StageError> {
        Replica::copy_of(&self.template, &self.role, configuration)
    }

    /// Restored as a superuser, then given to the role: the roles of the dump need not exist here.
    fn restore(&self, dump: &Path, binaries: Option<&Path>) -> Result<(), StageError> {
        let failed = |cause: String| StageError::Restore { dump: dump.to_owned(), cause };
        let plain = is_plain(dump).map_err(|error| failed(error.to_string()))?;
        let program = if plain { "psql" } else { "pg_restore" };
        let path = binaries.map_or_else(|| PathBuf::from(program), |folder| folder.join(program));
        let mut command = Command::new(path);
        if plain {
            command.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=0", "--file"]).arg(dump);
        } else {
            command.args(["--no-owner", "--no-privileges"]).arg(dump);
        }
        for variable in chameleon_upgrade::config::variables() {
            command.env_remove(variable);
        }
        let address = self.template.address();
        let output = command
            .args(["--host", &address.host, "--port", &address.port.to_string(), "--username", &address.user])
            .args(["--dbname", self.template.name()])
            .env("PGPASSWORD", address.password.expose_secret())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(format!("{program}: {error}")))?;
        let mut client = self.template.connect()?;
        let restored: bool = client
            .query_one("SELECT to_regclass('sch_chameleon.t_sources') IS NOT NULL", &[])
            .map_err(doing("looking for the restored catalogue"))?
            .get(0);
        if !restored {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(failed(format!("there is no catalogue in it; {program} said: {}", said.trim())));
        }
        client
            .batch_execute(&include_str!("stage_owner.sql").replace("%ROLE%", &self.role.user))
            .map_err(doing("giving the restored objects to the role"))
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

/// pg_dump's custom, directory and tar formats are for pg_restore, its plain one for psql.
fn is_plain(dump: &Path) -> io::Result<bool> {
    if dump.is_dir() {
        return Ok(false);
    }
    let mut beginning = [0; 262];
    let read = io::Read::read(&mut std::fs::File::open(dump)?, &mut beginning)?;
    let beginning = &beginning[..read];
    Ok(!beginning.starts_with(b"PGDMP") && !beginning.get(257..).is_some_and(|it| it.starts_with(b"ustar")))
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
