//! A database of its own for every test or run, dropped when it goes out of scope.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Address, ServerError};

/// The maintenance database, from which others are created and dropped.
const MAINTENANCE: &str = "postgres";

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
        let name = new_name();
        address
            .connect(MAINTENANCE)?
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
            .map_err(ServerError::sql(format!("create a database on {address}")))?;
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

    /// Ends every session on the database and drops it. Servers before 13 don't have `WITH (FORCE)`.
    fn drop_now(&self) -> Result<(), ServerError> {
        let sessions_first = format!(
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = '{0}'",
            self.name
        );
        let mut client = self.address.connect(MAINTENANCE)?;
        let doing = || format!("drop the database {} on {}", self.name, self.address);
        let version = client.query_one("SELECT current_setting('server_version_num')::int", &[]);
        let version: i32 = version.map_err(ServerError::sql(doing()))?.get(0);
        if version < 130_000 {
            client.batch_execute(&sessions_first).map_err(ServerError::sql(doing()))?;
        }
        let force = if version < 130_000 { "" } else { " WITH (FORCE)" };
        client
            .batch_execute(&format!("DROP DATABASE IF EXISTS {}{force}", self.name))
            .map_err(ServerError::sql(doing()))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = self.drop_now()
        {
            // The server may be stopped or crashed by now, and takes the database with it when it is ours.
            tracing::debug!("{error}");
        }
    }
}

/// Unlike any other on the server, whoever else uses it.
fn new_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("chameleon_harness_{}_{number}_{:08x}", process::id(), rand::random::<u32>())
}
