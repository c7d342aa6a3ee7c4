//! pg_chameleon 2.0.21 works with the configuration: some keys it can't do without, some values end it, although the
//! upgrade has no use for them. A warning where it is enough to mend the configuration afterwards; an error where the
//! catalogue would hold what ends the daemon.

use super::{Facts, Finding};
use crate::config::{Harm, Hindrance};

const CHECK: &str = "daemon-configuration";

const PASSWORD: &str = "Write password: \"''\" (two single quotes within double ones) when none is meant: libpq then looks into \
                        its password file (~/.pgpass), but not at PGPASSWORD. Else write the password.";

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let password = facts.misread_password.map(|misread| {
        Finding::warning(CHECK, format!("pg_conn of the configuration: {misread}."), PASSWORD)
    });
    let others = facts.hindrances.iter().map(|(place, hindrance)| finding(place, hindrance));
    password.into_iter().chain(others).collect()
}

fn finding(place: &str, Hindrance { line, what, harm, remedy }: &Hindrance) -> Finding {
    let found = |harm: &str| format!("{place} (line {line}): {what}. {harm}");
    match harm {
        Harm::Ends => {
            Finding::warning(CHECK, found("The daemon of pg_chameleon 2.0.21 ends at that."), remedy)
        }
        Harm::EndsForGood => Finding::error(
            CHECK,
            found(
                "The daemon of pg_chameleon 2.0.21 ends at every start, once the catalogue has a source of that name.",
            ),
            remedy,
        ),
        Harm::CopiesEnd => Finding::warning(
            CHECK,
            found(
                "The daemon is well with it; init_replica, sync_tables and refresh_schema of pg_chameleon 2.0.21 end with \
                 'unknown encoding'.",
            ),
            remedy,
        ),
        Harm::None => Finding::info(CHECK, format!("{place} (line {line}): {what}. {remedy}")),
    }
}
