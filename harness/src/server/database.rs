//! A database of its own for every test or run, dropped when it goes out of scope. What it bears says whose it is, so
//! that one that a killed program has left can be told from everything else on a server.

use super::local::SMALL_DISK;
use super::{Address, ServerError};
use crate::server::quoting::literal;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the names of these databases begin with; the maker's id and a number follow.
pub(super) const PREFIX: &str = "chameleon_harness_";

/// The connection limit of these databases. It is given in the statement that creates one: so none is ever without it,
/// whenever its maker is killed, and one that somebody made by hand under such a name does not have it.
pub(super) const MARK: i32 = 8_017_017;

/// This program, as its databases, roles and sessions name it.
pub(super) fn maker() -> &'static str {
    static MAKER: OnceLock<String> = OnceLock::new();
    MAKER.get_or_init(|| format!("{:016x}", rand::random::<u64>()))
}

/// The comment that marks a database or role as this program's, made with the account `user`: a prefix, the maker's id
/// and a suffix.
pub(crate) fn mark(user: &str) -> String {
    format!("{MADE_BY}{}{}", maker(), made_as(user))
}

/// The comment of a database that was kept.
pub(super) const KEPT: &str = "kept for inspection";

/// What stands before the maker's id in a mark.
pub(super) const MADE_BY: &str = "made by chameleon-harness ";

/// What stands after it.
pub(super) fn made_as(user: &str) -> String {
    format!(" as {user}, and dropped with it")
}

/// A database on a server, dropped with all its sessions when the value goes out of scope.
#[derive(Debug)]
pub struct Database {
    address: Address,
    name: String,
    kept: bool,
}

impl Database {
    /// Creates an empty database with a name of its own on the server at `address`.
    ///
    /// # Errors
    /// [`ServerError`] when the server can't be reached or refuses.
    pub fn create(address: &Address) -> Result<Self, ServerError> {
        Self::made(address, "template0 ENCODING 'UTF8'", format!("create a database on {address}"))
    }

    /// The same in another encoding than UTF8.
    ///
    /// # Errors
    /// [`ServerError`] when the server can't be reached or refuses.
    pub fn create_in(address: &Address, encoding: &str) -> Result<Self, ServerError> {
        let doing = format!("create a database on {address}");
        Self::made(address, &format!("template0 ENCODING '{encoding}'"), doing)
    }

    fn made(address: &Address, template: &str, doing: String) -> Result<Self, ServerError> {
        let name = new_name();
        let mut client = address.connect(&address.maintenance_database)?;
        client
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template} CONNECTION LIMIT {MARK}"))
            .map_err(ServerError::sql(doing.clone()))?;
        let made = Self { address: address.clone(), name, kept: false };
        client
            .batch_execute(&format!("COMMENT ON DATABASE {} IS {}", made.name, literal(&mark(&address.user))))
            .map_err(ServerError::sql(doing))?;
        Ok(made)
    }

    /// Creates another database with all that is in this one, on which nobody may be connected.
    ///
    /// # Errors
    /// [`ServerError`] when the server can't be reached or refuses.
    pub fn copy(&self) -> Result<Self, ServerError> {
        let doing = format!("copy the database {} on {}", self.name, self.address);
        Self::made(&self.address, &self.name, doing)
    }

    /// A new session on this database.
    ///
    /// # Errors
    /// [`ServerError`] when the server can't be reached.
    pub fn connect(&self) -> Result<postgres::Client, ServerError> {
        self.address.connect(&self.name)
    }

    /// What the `postgres` and `tokio-postgres` crates need to connect to this database.
    #[must_use]
    pub fn config(&self) -> postgres::Config {
        self.address.config(&self.name)
    }

    /// Its name; it needs no quotes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it is on.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Moves it to the server's small disk. Nobody may be connected to it.
    ///
    /// # Errors
    /// [`ServerError`] when the server has none.
    pub fn go_to_the_small_disk(&self) -> Result<(), ServerError> {
        let mut client = self.address.connect(&self.address.maintenance_database)?;
        client
            .batch_execute(&format!("ALTER DATABASE {} SET TABLESPACE {SMALL_DISK}", self.name))
            .map_err(ServerError::sql("move a database to the small disk"))
    }

    /// Leaves the database on the server when this value goes out of scope.
    pub fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let end = if self.kept { mark_as_kept } else { drop_database };
        match end(&self.address, &self.name) {
            // A server of our own may be stopped or crashed by now, and takes the database with it.
            Ok(()) | Err(ServerError::Connect { .. }) => {}
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

/// Tells later runs that this isn't what a killed program has left.
fn mark_as_kept(address: &Address, name: &str) -> Result<(), ServerError> {
    address
        .connect(&address.maintenance_database)?
        .batch_execute(&format!("COMMENT ON DATABASE {name} IS '{KEPT}'"))
        .map_err(ServerError::sql(format!("mark the database {name} on {address} as kept")))
}

/// Ends every session on the database and drops it. Servers before 13 don't have `WITH (FORCE)`.
pub(super) fn drop_database(address: &Address, name: &str) -> Result<(), ServerError> {
    let doing = || ServerError::sql(format!("drop the database {name} on {address}"));
    let mut client = address.connect(&address.maintenance_database)?;
    let version =
        client.query_one("SELECT current_setting('server_version_num')::int", &[]).map_err(doing())?;
    let force = if version.get::<_, i32>(0) >= 130_000 {
        " WITH (FORCE)"
    } else {
        client.execute(END_SESSIONS, &[&name]).map_err(doing())?;
        ""
    };
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}{force}")).map_err(doing())
}

const END_SESSIONS: &str =
    "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = $1";

/// Unlike any other on the server, whoever else uses it.
fn new_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("{PREFIX}{}_{}", maker(), COUNTER.fetch_add(1, Ordering::Relaxed))
}
