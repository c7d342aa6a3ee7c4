//! The daemon of pg_chameleon 2.0.21 starts with the configuration: it can't do without some keys that the upgrade has no
//! use for. A warning, because nothing is damaged: it starts as soon as they are there.

use super::{Facts, Finding};
use crate::config::Hindrance;

const CHECK: &str = "daemon-configuration";

const REMEDY: &str = "Add it as in the example of pg_chameleon (config-example.yml, which init-config and \
                      set_configuration_files write). limit_tables and skip_tables may be empty; skip_events may be left \
                      out, and must not be empty.";

const PASSWORD: &str = "Write password: \"''\" (two single quotes within double ones) when none is meant: libpq then looks into \
                        its password file (~/.pgpass), but not at PGPASSWORD. Else write the password.";

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let found = facts.hindrances.iter().map(|(place, hindrance)| match hindrance {
        Hindrance::Password(_) => Finding::warning(CHECK, format!("{place}: {hindrance}."), PASSWORD),
        _ => Finding::warning(
            CHECK,
            format!("{place}: {hindrance}. The daemon of pg_chameleon 2.0.21 ends at that."),
            REMEDY,
        ),
    });
    found.collect()
}
