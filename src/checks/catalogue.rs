//! The catalogue can be read. What keeps it from being read is met while the other checks' facts are gathered, and is the
//! only finding then.

use super::{Check, Finding, Severity};

pub(super) const CHECK: Check = Check {
    id: "catalogue",
    about: "The catalogue can be read",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: |_| vec![],
};

/// The finding of a catalogue that can't be read. `locked`: for longer than lock_timeout.
pub(crate) fn unreadable(found: &str, locked: bool) -> Finding {
    let remedy = if locked {
        "Another session has locked a table of it for longer than the configuration's lock_timeout: wait until it has ended, \
         and run again. Who is at work: SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle';"
    } else {
        "Look at the server's log. A catalogue that says 1.7 and lacks a table or column was not made by pg_chameleon 1.8.2."
    };
    CHECK.error(format!("The catalogue can't be read: {found}."), remedy)
}
