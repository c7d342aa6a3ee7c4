//! What a build of PostgreSQL may lack: Debian's has all of it, those that come as wheels have little.

use crate::process::tools::Missing;
use postgres::Client;

/// Whether the server can encrypt; `psql` and `pg_dump` of the same build then can, too.
///
/// # Errors
/// [`Missing`] when it can't, or does not answer.
pub fn has_tls(client: &mut Client) -> Result<(), Missing> {
    let library = client.query_one("SHOW ssl_library", &[]).map(|row| row.get::<_, String>(0));
    let found = library.is_ok_and(|library| !library.is_empty());
    found.then_some(()).ok_or_else(|| missing("PostgreSQL with TLS"))
}

/// Whether an extension can be created.
///
/// # Errors
/// [`Missing`] when it can't, or the server does not answer.
pub fn has_extension(client: &mut Client, name: &str) -> Result<(), Missing> {
    let query = "SELECT FROM pg_catalog.pg_available_extensions WHERE name = $1";
    let found = client.query_opt(query, &[&name]).is_ok_and(|row| row.is_some());
    found.then_some(()).ok_or_else(|| missing(&format!("PostgreSQL with the extension {name}")))
}

fn missing(what: &str) -> Missing {
    Missing { what: what.to_owned(), remedy: "install PostgreSQL from your system's packages".to_owned() }
}
