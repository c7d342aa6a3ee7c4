//! pg_chameleon 2.0.21 works with the configuration: some keys it can't do without, some values end it, although the
//! upgrade has no use for them. A warning where it is enough to mend the configuration afterwards; an error where the
//! catalogue would hold what ends the daemon.

use super::{Check, Examined, Finding, Severity};
use crate::config::{DaemonRequirement, Harm};

const PASSWORD: &str = "Write password: \"''\" (two single quotes within double ones) when none is meant: libpq then looks into \
                        its password file (~/.pgpass), but not at PGPASSWORD. Else write the password.";

pub(super) const CHECK: Check = Check {
    id: "daemon-configuration",
    about: "pg_chameleon 2 works with the configuration",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let password = facts
        .misread_password
        .map(|misread| CHECK.warning(format!("pg_conn of the configuration: {misread}."), PASSWORD));
    let others = facts.daemon_requirements.iter().map(|(place, requirement)| finding(place, requirement));
    password.into_iter().chain(others).collect()
}

fn finding(place: &str, DaemonRequirement { line, what, harm, remedy }: &DaemonRequirement) -> Finding {
    let found = |harm: &str| format!("{place} (line {line}): {what}. {harm}");
    match harm {
        Harm::Ends => {
            CHECK.warning(found("The daemon of pg_chameleon 2.0.21 ends at that."), remedy)
        }
        Harm::EndsForGood => CHECK.error(found(
                "The daemon of pg_chameleon 2.0.21 ends at every start, once the catalogue has a source of that name.",
            ),
            remedy,
        ),
        Harm::CopiesEnd => CHECK.warning(found(
                "The daemon is well with it; init_replica, sync_tables and refresh_schema of pg_chameleon 2.0.21 end with \
                 'unknown encoding'.",
            ),
            remedy,
        ),
        Harm::None => CHECK.info(format!("{place} (line {line}): {what}. {remedy}")),
    }
}
