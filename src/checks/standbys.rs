//! A commit that waits for a standby finds one. Where none is connected it waits until one is: the upgrade stands at its
//! first commit, and an upgrade that is broken off there has been done all the same (seen; §truthful finds that out).

use super::{Check, Examined, Finding, Severity};

pub(super) const CHECK: Check = Check {
    id: "standbys",
    about: "A commit does not wait for a standby that is not there",
    rule: "§awaited-standbys",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    facts.server.awaited_standbys.iter().map(|names| finding(names, &facts.server.role.name)).collect()
}

fn finding(names: &str, role: &str) -> Finding {
    CHECK.warning(
        format!(
            "Commits of {role} wait for a standby (synchronous_standby_names is {names:?}), and none is connected: the upgrade \
             would wait at its first commit until one is."
        ),
        "Connect the standby again. Or have commits wait for none: ALTER SYSTEM SET synchronous_standby_names = ''; SELECT \
         pg_reload_conf(); and put it back when the standby is there.",
    )
}
