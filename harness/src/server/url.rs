//! The kind `url`: an existing server, on which the harness makes and drops databases of its own and touches
//! nothing else. It belongs to somebody else: it is never stopped, crashed or frozen.
//!
//! Every database is named in an advisory lock for as long as its program lives. A program that was killed
//! leaves its databases without that lock: the next one drops them.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use postgres::config::Host;
use secrecy::{ExposeSecret, SecretString};

use super::database::{self, Database};
use super::{Address, Server, ServerError};

/// The first half of the key of the advisory locks; the second is the hash of the database's name.
const LOCK_CLASS: i32 = 0x6368_616d;

const LOCK: &str = "SELECT pg_catalog.pg_try_advisory_lock($1, pg_catalog.hashtext($2))";

/// Databases of the harness that nobody asked to keep.
const LEFT_OVER: &str = "\
    SELECT datname::text FROM pg_catalog.pg_database \
    WHERE pg_catalog.left(datname::text, pg_catalog.length($1)) = $1 \
    AND pg_catalog.shobj_description(oid, 'pg_database') IS NULL";

/// An existing server; see [`url`].
pub struct UrlServer {
    address: Address,
    /// Holds the locks of the databases in use.
    session: Mutex<postgres::Client>,
}

/// Connects to the server at `url` (`postgres://user:password@host:port/database`), whose role must be allowed
/// to create databases, and drops what killed programs have left there. Keep the value for as long as its
/// databases are in use: it holds their locks.
///
/// # Errors
/// [`ServerError`] when the URL isn't one of a server on TCP, or the server can't be reached.
pub fn url(url: &SecretString) -> Result<UrlServer, ServerError> {
    let address = address_of(url.expose_secret())?;
    let session = address.connect(&address.maintenance_database)?;
    let server = UrlServer { address, session: Mutex::new(session) };
    server.drop_left_overs()?;
    Ok(server)
}

impl UrlServer {
    fn drop_left_overs(&self) -> Result<(), ServerError> {
        let doing = || ServerError::sql(format!("look for databases of earlier runs on {}", self.address));
        let found =
            self.with_session(|session| session.query(LEFT_OVER, &[&database::PREFIX])).map_err(doing())?;
        for name in found.iter().map(|row| row.get::<_, String>(0)) {
            if self.lock(&name)? {
                database::drop_database(&self.address, &name)?;
            }
        }
        Ok(())
    }

    /// Whether the database `name` is ours from now on.
    fn lock(&self, name: &str) -> Result<bool, ServerError> {
        self.with_session(|session| session.query_one(LOCK, &[&LOCK_CLASS, &name]))
            .map(|row| row.get(0))
            .map_err(ServerError::sql(format!("lock the name of a database on {}", self.address)))
    }

    fn with_session<T>(&self, use_it: impl FnOnce(&mut postgres::Client) -> T) -> T {
        use_it(&mut self.session.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Somebody else's server.
fn not_ours(action: &'static str) -> Result<(), ServerError> {
    Err(ServerError::Unsupported { kind: "url", action, instead: "local" })
}

impl Server for UrlServer {
    fn address(&self) -> &Address {
        &self.address
    }

    fn stop(&mut self) -> Result<(), ServerError> {
        not_ours("stopped")
    }

    fn kill(&mut self) -> Result<(), ServerError> {
        not_ours("killed")
    }

    fn restart(&mut self) -> Result<(), ServerError> {
        not_ours("restarted")
    }

    fn freeze(&mut self) -> Result<(), ServerError> {
        not_ours("frozen")
    }

    fn thaw(&mut self) -> Result<(), ServerError> {
        not_ours("thawed")
    }

    fn binaries(&self) -> Option<&Path> {
        None
    }

    fn create_database(&self) -> Result<Database, ServerError> {
        let name = database::new_name();
        self.lock(&name)?;
        Database::create_named(&self.address, name)
    }
}

fn address_of(url: &str) -> Result<Address, ServerError> {
    let wrong = |what: &str| {
        ServerError::Impossible(format!(
            "the server's URL {what}: write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE"
        ))
    };
    let config: postgres::Config = url.parse().map_err(|_| wrong("can't be read"))?;
    let [Host::Tcp(host)] = config.get_hosts() else { return Err(wrong("doesn't name one host")) };
    let password = config.get_password().unwrap_or_default();
    let password =
        String::from_utf8(password.to_vec()).map_err(|_| wrong("has a password that isn't UTF-8"))?;
    Ok(Address {
        host: host.clone(),
        port: config.get_ports().first().copied().unwrap_or(5432),
        user: config
            .get_user()
            .filter(|user| !user.is_empty())
            .ok_or_else(|| wrong("doesn't name a user"))?
            .to_owned(),
        password: password.into(),
        maintenance_database: config.get_dbname().unwrap_or("postgres").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_address() {
        let address = address_of("postgres://me:p%40ss@db.example:5433/main").unwrap();
        assert_eq!(address.to_string(), "me@db.example:5433");
        assert_eq!(address.password.expose_secret(), "p@ss");
        assert_eq!(address.maintenance_database, "main");
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_password() {
        for url in ["postgres://me:secret@/x", "postgres://me:secret@db:port/x", "postgres://:secret@db/x"] {
            let message = address_of(url).unwrap_err().to_string();
            assert!(message.contains("postgres://USER") && !message.contains("secret"), "{message}");
        }
    }
}
