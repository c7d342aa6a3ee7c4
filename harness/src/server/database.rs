//! A database of its own for every test or run, dropped when it goes out of scope.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Address, ServerError};

/// What the names of these databases begin with.
pub(super) const PREFIX: &str = "chameleon_harness_";

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
        Self::create_named(address, new_name())
    }

    pub(super) fn create_named(address: &Address, name: String) -> Result<Self, ServerError> {
        address
            .connect(&address.maintenance_database)?
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
            .map_err(ServerError::sql(format!("create a database on {address}")))?;
        Ok(Self { address: address.clone(), name, kept: false })
    }

    /// Creates another database with all that is in this one, on which nobody may be connected.
    ///
    /// # Errors
    /// [`ServerError`] when the server can't be reached or refuses.
    pub fn copy(&self) -> Result<Self, ServerError> {
        let (address, name) = (&self.address, new_name());
        address
            .connect(&address.maintenance_database)?
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {}", self.name))
            .map_err(ServerError::sql(format!("copy the database {} on {address}", self.name)))?;
        Ok(Self { address: address.clone(), name, kept: false })
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
        .batch_execute(&format!("COMMENT ON DATABASE {name} IS 'kept for inspection'"))
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
pub(super) fn new_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}_{number}_{:08x}", process::id(), rand::random::<u32>())
}
