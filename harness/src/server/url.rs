//! The kind `url`: an existing server, on which the harness makes and drops databases and roles of its own and touches
//! nothing else. It belongs to somebody else: it is never stopped, crashed or frozen.
//!
//! A program that was killed leaves its databases and roles: the next one drops them. Its own is what bears the mark that
//! it was made with, belongs to the role of the URL, and names a maker that has no session on the server any more: each
//! program keeps one open that bears its id, whichever database its URL names. Nothing is dropped that anybody is
//! connected to.

use super::database::{self, Database};
use super::{Address, Server, ServerError};
use postgres::config::Host;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// Databases that a program which is gone has left, and nobody has asked to keep.
const LEFT_DATABASES: &str = "
    SELECT d.datname::text
    FROM pg_catalog.pg_database d
    JOIN pg_catalog.pg_roles r ON r.oid = d.datdba AND r.rolname = current_user
    CROSS JOIN LATERAL pg_catalog.substring(d.datname::text, '^' || $1 || '([0-9a-f]{16})_[0-9]+$') AS maker
    LEFT JOIN LATERAL pg_catalog.shobj_description(d.oid, 'pg_database') AS comment ON true
    WHERE maker IS NOT NULL AND d.datconnlimit = $2
      AND (comment IS NULL OR comment = $3 || maker || $4)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.application_name = $5 || maker)";

/// The same of roles, which are marked in the transaction that creates them.
const LEFT_ROLES: &str = "
    SELECT r.rolname::text
    FROM pg_catalog.pg_roles r
    CROSS JOIN LATERAL pg_catalog.substring(r.rolname::text, '^role_' || $1 || '([0-9a-f]{16})_[0-9]+$') AS maker
    WHERE maker IS NOT NULL
      AND pg_catalog.shobj_description(r.oid, 'pg_authid') = $2 || maker || $3
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.application_name = $4 || maker)";

/// What the name of the session that shows that a program lives begins with; its id follows.
const ALIVE: &str = "chameleon-harness alive ";

/// A server that ends idle sessions would make this one look dead.
const STAY: &str = "
    SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'";

/// An existing server; see [`url`].
pub struct UrlServer {
    address: Address,
    /// Shows others that this program lives.
    session: Mutex<postgres::Client>,
}

/// The URL of a server, which may hold a password.
#[derive(Debug, Clone)]
pub struct ServerUrl(Address);

/// A URL that is none of a server that the harness can use; says what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server's URL {0}")]
pub struct WrongUrl(String);

/// Connects to the server at `url` (`postgres://user:password@host:port/database`), whose role must be allowed
/// to create databases and roles, and drops what killed programs have left there. Keep the value for as long as its
/// databases are in use.
///
/// # Errors
/// [`ServerError`] when the server can't be reached.
pub fn url(url: &ServerUrl) -> Result<UrlServer, ServerError> {
    let address = url.0.clone();
    let session = Mutex::new(alive(&address)?);
    USED.lock().unwrap_or_else(PoisonError::into_inner).push(address.clone());
    let server = UrlServer { address, session };
    server.drop_what_was_left()?;
    Ok(server)
}

fn alive(address: &Address) -> Result<postgres::Client, ServerError> {
    let mut session =
        address.connect_as(&address.maintenance_database, &format!("{ALIVE}{}", database::maker()))?;
    session.execute(STAY, &[]).map_err(ServerError::sql(format!("open a lasting session on {address}")))?;
    Ok(session)
}

impl UrlServer {
    fn drop_what_was_left(&self) -> Result<(), ServerError> {
        let doing = || ServerError::sql(format!("look for databases of earlier runs on {}", self.address));
        let (before, after) = (database::MADE_BY, database::made_as(&self.address.user));
        let mut session = self.session()?;
        let databases = session
            .query(LEFT_DATABASES, &[&database::PREFIX, &database::MARK, &before, &after, &ALIVE])
            .map_err(doing())?;
        for name in databases.iter().map(|row| row.get::<_, String>(0)) {
            // Refused when anybody is connected to it: then it isn't left, or is another time's work.
            warn_if_left(session.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")), &name);
        }
        let roles =
            session.query(LEFT_ROLES, &[&database::PREFIX, &before, &after, &ALIVE]).map_err(doing())?;
        for name in roles.iter().map(|row| row.get::<_, String>(0)) {
            warn_if_left(session.batch_execute(&format!("DROP ROLE IF EXISTS {name}")), &name);
        }
        Ok(())
    }

    /// The lasting session, opened again when the server has ended it.
    fn session(&self) -> Result<std::sync::MutexGuard<'_, postgres::Client>, ServerError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if session.is_valid(std::time::Duration::from_secs(10)).is_err() {
            *session = alive(&self.address)?;
        }
        Ok(session)
    }
}

/// The servers that this program has used by their URL.
static USED: Mutex<Vec<Address>> = Mutex::new(Vec::new());

/// Drops what this program has made on servers that aren't its own, whoever is connected to it: to be called when it is
/// about to end before its time. What is missed, the next one drops.
pub fn abandon() {
    let used = std::mem::take(&mut *USED.lock().unwrap_or_else(PoisonError::into_inner));
    for address in used {
        let Ok(mut session) = address.connect(&address.maintenance_database) else { continue };
        let named = format!("{}{}\\_%", database::PREFIX, database::maker());
        let databases =
            "SELECT datname::text FROM pg_catalog.pg_database WHERE datname LIKE $1 AND datconnlimit = $2
             AND pg_catalog.shobj_description(oid, 'pg_database') IS DISTINCT FROM $3";
        let databases =
            session.query(databases, &[&named, &database::MARK, &database::KEPT]).unwrap_or_default();
        for name in databases.iter().map(|row| row.get::<_, String>(0)) {
            drop(database::drop_database(&address, &name));
        }
        let roles = "SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname LIKE $1";
        let roles = session.query(roles, &[&format!("role\\_{named}")]).unwrap_or_default();
        for name in roles.iter().map(|row| row.get::<_, String>(0)) {
            warn_if_left(session.batch_execute(&format!("DROP ROLE IF EXISTS {name}")), &name);
        }
    }
}

/// What can't be dropped stays, which is nobody's harm.
fn warn_if_left(dropped: Result<(), postgres::Error>, name: &str) {
    if let Err(error) = dropped {
        tracing::warn!("{name} is left of an earlier run and can't be dropped: {}", super::in_full(&error));
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

    fn is_our_own(&self) -> bool {
        false
    }

    fn binaries(&self) -> Option<&Path> {
        None
    }

    fn create_database(&self) -> Result<Database, ServerError> {
        drop(self.session()?);
        Database::create(&self.address)
    }
}

impl FromStr for ServerUrl {
    type Err = WrongUrl;

    fn from_str(url: &str) -> Result<Self, WrongUrl> {
        address_of(url).map(Self)
    }
}

fn address_of(url: &str) -> Result<Address, WrongUrl> {
    let wrong =
        |what: &str| WrongUrl(format!("{what}: write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE"));
    let (base, options) = url.split_once('?').unwrap_or((url, ""));
    for option in options.split('&').filter(|option| !option.is_empty()) {
        // Nothing that the URL asks for may be passed over.
        match option {
            "sslmode=disable" | "sslmode=allow" | "sslmode=prefer" => {}
            tls if tls.starts_with("ssl") || tls.starts_with("channel_binding") => {
                return Err(WrongUrl(
                    "asks for TLS, which the harness does not speak: use a server that can be reached without \
                     (--server local makes one), or a tunnel (ssh -L), and leave this out of the URL"
                        .to_owned(),
                ));
            }
            _ => return Err(wrong("has options that the harness does not know (after the ?)")),
        }
    }
    let config: postgres::Config = base.parse().map_err(|_| wrong("can't be read"))?;
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
    use secrecy::ExposeSecret;

    #[test]
    fn a_url_is_an_address() {
        let address = address_of("postgres://me:p%40ss@db.example:5433/main").unwrap();
        assert_eq!(address.to_string(), "me@db.example:5433");
        assert_eq!(address.password.expose_secret(), "p@ss");
        assert_eq!(address.maintenance_database, "main");
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_password() {
        for url in [
            "postgres://me:secret@/x",
            "postgres://me:secret@db:port/x",
            "postgres://:secret@db/x",
            "postgres://me:secret@db:99999/x",
            "postgres://me:secret@db/x?options=-c%20a=b",
        ] {
            let message = address_of(url).unwrap_err().to_string();
            assert!(message.contains("postgres://USER") && !message.contains("secret"), "{message}");
        }
    }

    /// §hunt-h8: `?sslmode=require` was passed over, and the connection made without TLS.
    #[test]
    fn tls_that_is_asked_for_is_not_left_out_in_silence() {
        for option in ["sslmode=require", "sslmode=verify-full", "sslrootcert=/x", "channel_binding=require"]
        {
            let message = address_of(&format!("postgres://me:secret@db/x?{option}")).unwrap_err().to_string();
            assert!(message.contains("TLS") && !message.contains("secret"), "{message}");
        }
        assert!(address_of("postgres://me@db/x?sslmode=disable").is_ok());
    }
}
