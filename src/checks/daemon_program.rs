//! The pg_chameleon 2 that is installed here starts, and knows the catalogue that the upgrade makes. An earlier release than 2.0.21
//! ends at each start: "replica catalogue version mismatch" (seen of 2.0.10, 2.0.16 and 2.0.20). The upgrade itself needs none, so
//! one that merely is on the PATH is no reason to refuse; one that is named as the daemon that will run is.

use super::{Check, Examined, Finding, Severity};
use crate::daemon::installed;

pub(super) const CHECK: Check = Check {
    id: "daemon-program",
    about: "The pg_chameleon 2 of this machine starts, and knows the catalogue that the upgrade makes",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let Some(here) = &facts.installed else { return vec![] };
    let version = here.pg_chameleon.as_deref().unwrap_or_default();
    let what = if here.is_too_early() {
        "does not know the 2.0.10 catalogue of 2.0.21: its daemons would end at each start"
    } else if !here.starts {
        "does not start: its Python has no pkg_resources, which came with setuptools before 81"
    } else {
        return vec![];
    };
    let remedy = installed::remedy();
    let found = |program: &str| format!("{program} is pg_chameleon {version}, which {what}.");
    let named = facts.judge.as_ref().and_then(|judge| judge.named.as_ref());
    vec![match named {
        Some(named) => CHECK.error(found(&format!("{} (--daemon)", named.display())), remedy),
        None => CHECK.warning(found("The chameleon on the PATH"), remedy),
    }]
}
