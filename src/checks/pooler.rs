//! What a session locks and sets holds for as long as the session: no pooler gives it to others in between.

use super::{Check, Examined, Finding, Severity};
use crate::facts::postgres::Pooling;

pub(super) const CHECK: Check = Check {
    id: "pooler",
    about: "No pooler gives one server session to several clients in turn",
    rule: "§sessions-settings",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    finding(&facts.pooling).into_iter().collect()
}

/// The finding of a pooler that the upgrade can't be done through.
pub(crate) fn finding(pooling: &Pooling) -> Option<Finding> {
    let found = match pooling {
        Pooling::Sessions => return None,
        Pooling::Transactions(one, other) if one == other => format!(
            "A pooler stands between this program and PostgreSQL, and gives a server session to a client for one \
             transaction only: two clients met in the server process {one}."
        ),
        Pooling::Transactions(one, other) => format!(
            "A pooler stands between this program and PostgreSQL, and gives a server session to a client for one \
             transaction only: one client met the server processes {one} and {other}."
        ),
        Pooling::Statements(cause) => format!(
            "A pooler stands between this program and PostgreSQL, and takes no transactions: {cause}."
        ),
    };
    Some(CHECK.error(format!("{found} The locks and settings of a session don't hold there."),
        "For the upgrade, set pg_conn.host and pg_conn.port in the configuration to the PostgreSQL server itself, or to a \
         pool that keeps a session for its client (pgbouncer: pool_mode = session).",
    ))
}
