//! The catalogue can be read. What keeps it from being read is met while the other checks' facts are gathered, and is the
//! only finding then.

use super::{Check, Finding, Severity};
use tokio_postgres::error::SqlState;

pub(super) const CHECK: Check = Check {
    id: "catalogue",
    about: "The catalogue can be read",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: |_| vec![],
};

/// The finding of a catalogue that can't be read: what PostgreSQL answered, and with which code.
pub(crate) fn unreadable(found: &str, code: Option<&SqlState>) -> Finding {
    if code == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return CHECK.error(
            format!("The role of the configuration may not read sch_chameleon: {found}."),
            "Set pg_conn.user to the role of the replica, or grant USAGE on the schema and SELECT on its tables.",
        );
    }
    let remedy = if code == Some(&SqlState::LOCK_NOT_AVAILABLE) {
        "Another session has locked a table of it for longer than the configuration's lock_timeout: wait until it has ended, \
         and run again. Who is at work: SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle';"
    } else {
        "Look at the server's log. A catalogue that says 1.7 and lacks a table or column was not made by pg_chameleon 1.8.2."
    };
    CHECK.error(format!("The catalogue can't be read: {found}."), remedy)
}
