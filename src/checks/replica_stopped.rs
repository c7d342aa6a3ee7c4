//! No pg_chameleon is at work on the catalogue.
//!
//! Its sessions bear an application name that begins with `[PGCH]` (1.8.2) or `[pg_chameleon]` (2.0). A status `running` without a session
//! is what a killed replica leaves: that it is dead is for the administrator to say.

use super::{Check, Examined, Finding, Severity};
use crate::examination::Catalogue;
use crate::facts::postgres::Session;

pub(super) const CHECK: Check = Check {
    id: "replica-stopped",
    about: "No pg_chameleon is at work on the catalogue",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let mut findings: Vec<_> = catalogue.sessions.iter().map(of_1_7).collect();
    if findings.is_empty() {
        findings.extend(killed(catalogue, facts.assume_stopped));
    }
    findings.extend(initialising(catalogue));
    findings
}

fn of_1_7(session: &Session) -> Finding {
    at_work(&CHECK, session, "stop_replica with each configuration")
}

/// A session of pg_chameleon. `stop`: how the replica of a source is stopped.
pub(crate) fn at_work<E>(check: &Check<E>, session: &Session, stop: &str) -> Finding {
    let role = session.role.as_ref().map(|role| format!(" of the role {role}")).unwrap_or_default();
    let from = session.client.as_ref().map(|client| format!(", from {client}")).unwrap_or_default();
    check.error(
        format!(
            "pg_chameleon is at work on this database: {:?} (server process {}{role}{from}).",
            session.application_name, session.pid
        ),
        format!(
            "Stop the replica of every source ({stop}), wait until it has ended, and run again. A session whose process has \
             ended, as a pooler keeps them: SELECT pg_terminate_backend({});",
            session.pid
        ),
    )
}

/// A status that says that a replica is at work, where no session does: that it is dead is for the administrator to say.
pub(crate) fn said_to_be_at_work<E>(
    check: &Check<E>,
    found: String,
    remedy: &str,
    assume_stopped: bool,
) -> Finding {
    if assume_stopped {
        check.warning(found, "Taken as stopped, because of --assume-stopped.")
    } else {
        check.error(found, remedy)
    }
}

/// How the replica of a source of 2.0 is stopped.
pub(crate) const STOP: &str = "chameleon stop_replica";

/// What to do about such a status of 2.0.
pub(crate) const STOP_OR_ASSUME: &str = "Stop it (chameleon stop_replica). When it was killed, make sure that no process of it is \
                                         left, then run again with --assume-stopped.";

fn killed(catalogue: &Catalogue, assume_stopped: bool) -> Option<Finding> {
    let running: Vec<_> = names_in_status(catalogue, "running");
    if running.is_empty() {
        return None;
    }
    let found = format!(
        "The status of {} is running and no session of pg_chameleon is connected: the replica was killed, or is about \
         to connect again.",
        running.join(", ")
    );
    let remedy = "Make sure that no pg_chameleon process is left on the machine of the replica, then run again with \
                  --assume-stopped.";
    Some(said_to_be_at_work(&CHECK, found, remedy, assume_stopped))
}

/// A replica whose first copy never ended has tables that are not complete.
fn initialising(catalogue: &Catalogue) -> Option<Finding> {
    let initialising = names_in_status(catalogue, "initialising");
    (!initialising.is_empty()).then(|| {
        CHECK.error(format!("The status of {} is initialising: its tables are still being copied, or the copy was broken off.",
                initialising.join(", ")),
            "Let 1.8.2's init_replica end, or run it again, then start and stop the replica once.",
        )
    })
}

fn names_in_status<'a>(catalogue: &'a Catalogue, status: &str) -> Vec<&'a str> {
    let sources = catalogue.snapshot.sources.iter().filter(|source| source.status == status);
    sources.map(|source| source.name.as_str()).collect()
}
