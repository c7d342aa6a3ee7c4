//! The sessions that programs have left on the replica's database: a program that has ended is not done before
//! PostgreSQL is, which finishes the statement that it had been sent.

use super::ChameleonError;
use postgres::Client;
use std::thread::sleep;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Sessions of others than the harness, whose own say nothing of what they are.
const OTHERS: &str = "FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";

/// Waits until as many daemons of 2.0 as there are `daemons` have come to PostgreSQL, each with both of its processes. Whether they
/// have: not when one `has_ended`, or they need longer than they may.
pub(crate) fn of_daemons_begin<E: From<postgres::Error>>(
    client: &mut Client,
    daemons: usize,
    mut has_ended: impl FnMut() -> Result<bool, E>,
) -> Result<bool, E> {
    let wanted = i64::try_from(daemons).unwrap_or(i64::MAX).saturating_mul(2);
    let deadline = Instant::now() + TIMEOUT;
    while Instant::now() < deadline {
        let sessions: i64 = client.query_one(&format!("SELECT count(*) {OTHERS}"), &[])?.get(0);
        if sessions >= wanted {
            return Ok(true);
        }
        if has_ended()? {
            break;
        }
        sleep(POLL_INTERVAL);
    }
    Ok(false)
}

/// Waits until PostgreSQL has ended the sessions of all programs, which have ended or are about to.
pub(crate) fn wait_for_the_end(client: &mut Client) -> Result<(), ChameleonError> {
    none_left(client, &format!("SELECT count(*) {OTHERS}"))
}

/// Ends the sessions of all programs, which were killed, and waits until PostgreSQL has undone what they were doing.
pub(crate) fn end(client: &mut Client) -> Result<(), ChameleonError> {
    none_left(client, &format!("SELECT count(pg_terminate_backend(pid)) {OTHERS}"))
}

/// Ends the sessions of daemons of 2.0, whose processes were killed or are about to end, and waits until they have. Their names
/// say what they are from their first batch on; before, what they have asked does.
pub(crate) fn end_of_daemons(client: &mut Client) -> Result<(), ChameleonError> {
    let daemons =
        "(application_name LIKE '[pg_chameleon]%' OR application_name = '' AND query LIKE '%sch_chameleon%')";
    none_left(client, &format!("SELECT count(pg_terminate_backend(pid)) {OTHERS} AND {daemons}"))
}

fn none_left(client: &mut Client, count: &str) -> Result<(), ChameleonError> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let row =
            client.query_one(count, &[]).map_err(ChameleonError::sql("look for sessions of programs"))?;
        match row.get::<_, i64>(0) {
            0 => return Ok(()),
            left if Instant::now() > deadline => {
                return Err(ChameleonError::Unexpected(format!(
                    "{left} sessions of ended programs don't end"
                )));
            }
            _ => sleep(POLL_INTERVAL),
        }
    }
}
