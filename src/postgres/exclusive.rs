//! One upgrader at a time: a session advisory lock on the catalogue's database.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// The key of the lock: the first eight bytes of this program's name, "chameleo".
pub const KEY: i64 = i64::from_be_bytes(*b"chameleo");

const HOLDER: &str = "
    SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32) | objid::bigint = $1";

/// Whether this session is now the only upgrader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exclusive {
    /// It is, until the session ends.
    Taken,
    /// Another session upgrades, with this server process when it could be seen.
    Held(Option<i32>),
}

/// Takes the lock, or says who has it.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn take(client: &Client) -> Result<Exclusive, Error> {
    let taken: bool =
        client.query_typed_one("SELECT pg_try_advisory_lock($1)", &[(&KEY, Type::INT8)]).await?.try_get(0)?;
    if taken {
        return Ok(Exclusive::Taken);
    }
    let holder = client.query_typed_opt(HOLDER, &[(&KEY, Type::INT8)]).await?;
    Ok(Exclusive::Held(holder.map(|row| row.try_get(0)).transpose()?))
}

const HOLDS: &str = "
    SELECT EXISTS (SELECT FROM pg_locks
                   WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid = pg_backend_pid()
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                     AND (classid::bigint << 32) | objid::bigint = $1)";

/// Whether the statement is run in the session that has the lock: it is, unless a pooler has put another in its place.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn holds(client: &Client) -> Result<bool, Error> {
    client.query_typed_one(HOLDS, &[(&KEY, Type::INT8)]).await?.try_get(0)
}
