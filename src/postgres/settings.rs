//! What sessions set, whatever the role or the database says. §sessions-settings.
//!
//! Statements of this program run under settings of its own, so that they mean the same everywhere and nothing of a
//! user's schema is called or read in place of pg_catalog's. Only what 1.8.2 itself would have run (waiting DDL,
//! `fn_process_batch`) runs under the role's. `tests/sessions` tries every setting that a role can have, and shadows of
//! all that pg_catalog holds: left to the role, `standard_conforming_strings`, `quote_all_identifiers`, `IntervalStyle` and
//! `restrict_nonsystem_relation_kind` make a difference.

use super::connection_lost;
use std::fmt::Write as _;
use std::time::Duration;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// What decides the meaning of statements, in every version of PostgreSQL.
const MEANING: [(&str, &str); 5] = [
    // Temporary objects come first where they are not named.
    ("search_path", "pg_catalog, pg_temp"),
    // Backslashes: off, a key that can't be read was stored as one wrong column.
    ("standard_conforming_strings", "on"),
    // A name in a finding is the name.
    ("quote_all_identifiers", "off"),
    // Lags are shown as text.
    ("intervalstyle", "postgres"),
    // A policy on a table of the catalogue must not hide rows: it raises an error instead.
    ("row_security", "off"),
];

/// The same, of settings that not every version has.
const MEANING_WHERE_KNOWN: [(&str, &str); 5] = [
    // v_version is a view.
    ("restrict_nonsystem_relation_kind", "''"),
    // The new catalogue is a plain one.
    ("default_with_oids", "'off'"),
    ("default_table_access_method", "'heap'"),
    // The statements are few and long, or many and short: compiling them never pays.
    ("jit", "'off'"),
    // Bytes that are no UTF-8 come as they are where the server does not know what they are.
    (
        "client_encoding",
        "CASE WHEN current_setting('server_encoding') = 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END",
    ),
];

/// What is not meant for an upgrade, which may replay for hours, wait for an answer at its prompt; and what makes an
/// error more than that. (Read-only by default is another thing: somebody wants nothing to be written; a check refuses.)
const PATIENCE: [(&str, &str); 7] = [
    ("statement_timeout", "'0'"),
    ("transaction_timeout", "'0'"),
    ("idle_in_transaction_session_timeout", "'0'"),
    ("idle_session_timeout", "'0'"),
    ("default_transaction_isolation", "'read committed'"),
    ("exit_on_error", "'off'"),
    ("client_encoding", MEANING_WHERE_KNOWN[4].1),
];

/// Has the server notice within a second that a client is gone, also while it waits for a lock.
const NOTICE_THE_END: &str = "
    SELECT set_config(name, '1000', false) FROM pg_settings WHERE name = 'client_connection_check_interval'";

/// What statements of a role may have left in the session: the settings, temporary objects and all else that
/// `DISCARD ALL` takes away but for advisory locks, of which one is this program's own.
const NOTHING_LEFT: &str = "
    RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; CLOSE ALL; UNLISTEN *; DEALLOCATE ALL; DISCARD SEQUENCES;
    DISCARD TEMP";

/// Lets go one of the session's advisory locks, but for the one with the key $1, when that is any.
const LET_GO: &str = "
    SELECT CASE WHEN l.objsubid = 2 THEN CASE WHEN l.mode = 'ShareLock'
                     THEN pg_advisory_unlock_shared(signed.class, signed.object)
                     ELSE pg_advisory_unlock(signed.class, signed.object) END
                WHEN l.mode = 'ShareLock' THEN pg_advisory_unlock_shared(key) ELSE pg_advisory_unlock(key) END
    FROM pg_locks l
    CROSS JOIN LATERAL (SELECT (l.classid::bigint << 32) | l.objid::bigint AS key) AS k
    CROSS JOIN LATERAL (SELECT l.classid::bigint::bit(32)::integer AS class, l.objid::bigint::bit(32)::integer AS object)
        AS signed
    WHERE l.locktype = 'advisory' AND l.granted AND l.pid = pg_backend_pid()
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (l.objsubid <> 1 OR key IS DISTINCT FROM $1)
    LIMIT 1";

/// So often may a lock be held.
const OFTEN: usize = 10_000;

/// Makes the session independent of what the role or the database sets. It waits for a lock for `lock_timeout`, for
/// ever when that is zero.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn prepare(client: &Client, lock_timeout: Duration) -> Result<(), Error> {
    client.batch_execute(&(meaning("SESSION") + &patience("false"))).await?;
    wait_for_locks(client, lock_timeout).await?;
    notice_the_end(client).await
}

/// What [`prepare`] sets, as far as it decides the meaning of statements.
#[must_use]
pub fn settings_of_a_session(lock_timeout: Duration) -> String {
    let (meaning, patience) = (meaning("SESSION"), patience("false"));
    format!("{meaning}{patience};\nSET lock_timeout = {};\n", lock_timeout.as_millis())
}

async fn notice_the_end(client: &Client) -> Result<(), Error> {
    match under_our_own(client, client.batch_execute(NOTICE_THE_END)).await {
        // Some systems can't tell.
        Err(error) if connection_lost(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Begins a transaction that reads everything at one moment. What is set goes with it: nothing of it stays in the
/// session, which may be a pooler's.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn at_one_moment(client: &Client, lock_timeout: Duration) -> Result<(), Error> {
    let milliseconds = lock_timeout.as_millis();
    let settings = meaning("LOCAL") + &patience("true");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    client.batch_execute(&format!("{begin};\n{settings};\nSET LOCAL lock_timeout = {milliseconds}")).await
}

/// Gives the session to statements of the role's: all is as in a session that has just been opened, but for timeouts
/// and the advisory lock with the key `kept`, when there is one.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn as_the_role(client: &Client, kept: Option<i64>) -> Result<(), Error> {
    client.batch_execute(NOTHING_LEFT).await?;
    under_our_own(client, async {
        client.batch_execute(&patience("false")).await?;
        for _ in 0..OFTEN {
            if client.query_typed_opt(LET_GO, &[(&kept, Type::INT8)]).await?.is_none() {
                break;
            }
        }
        Ok(())
    })
    .await?;
    notice_the_end(client).await
}

/// Leaves nothing in the session: behind a pooler somebody else gets it next, and may get it as it is.
///
/// # Errors
/// What PostgreSQL answers.
pub(super) async fn leave_nothing(client: &Client) -> Result<(), Error> {
    client
        .batch_execute(&format!("ROLLBACK; {NOTHING_LEFT}; SELECT pg_catalog.pg_advisory_unlock_all()"))
        .await
}

/// In a session that was [given](as_the_role) to the role: does something under settings of this program's own, which
/// go with the transaction that it is done in.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn under_our_own<T>(
    client: &Client,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    client.batch_execute(&format!("BEGIN;\n{}", meaning_in_every_version("LOCAL"))).await?;
    match work.await {
        Ok(done) => client.batch_execute("COMMIT").await.map(|()| done),
        Err(error) => {
            // When this fails too, the session is of no more use, and the next statement says so.
            drop(client.batch_execute("ROLLBACK").await);
            Err(error)
        }
    }
}

/// From now on the session waits for a lock for `longest`, for ever when that is zero.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn wait_for_locks(client: &Client, longest: Duration) -> Result<(), Error> {
    client.batch_execute(&format!("SET lock_timeout = {}", longest.as_millis())).await
}

/// `scope`: SESSION or LOCAL. These statements call and read nothing.
fn meaning_in_every_version(scope: &str) -> String {
    MEANING.iter().fold(String::new(), |mut sql, (name, value)| {
        // A String takes everything.
        _ = writeln!(sql, "SET {scope} {name} = {value};");
        sql
    })
}

fn meaning(scope: &str) -> String {
    let known = where_known(&MEANING_WHERE_KNOWN, if scope == "LOCAL" { "true" } else { "false" });
    format!("{}{known};\n", meaning_in_every_version(scope))
}

fn patience(local: &str) -> String {
    where_known(&PATIENCE, local)
}

/// Sets those that the server knows.
fn where_known(settings: &[(&str, &str)], local: &str) -> String {
    let values: Vec<_> = settings.iter().map(|(name, value)| format!("('{name}', {value})")).collect();
    format!(
        "SELECT set_config(name, value, {local}) FROM (VALUES {}) AS wanted (name, value) JOIN pg_settings USING (name)",
        values.join(", ")
    )
}
