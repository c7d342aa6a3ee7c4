//! How many events wait to be replayed, for each source.

use super::{Check, Examined, Finding, Severity, counted};
use crate::facts::snapshot::OldSource;

pub(super) const CHECK: Check = Check {
    id: "waiting-rows",
    about: "Nothing waits to be replayed",
    rule: "§procedure-5",
    worst: Severity::Info,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let sources = facts.catalogue.iter().flat_map(|catalogue| &catalogue.snapshot.sources);
    sources.filter_map(waiting).collect()
}

fn waiting(source: &OldSource) -> Option<Finding> {
    let waiting = source.waiting.events;
    (waiting > 0).then(|| {
        let verb = if waiting == 1 { "waits" } else { "wait" };
        let events = counted(waiting, "event");
        CHECK.info(format!(
            "{events} of the source {} {verb} to be replayed: that is done first.",
            source.name
        ))
    })
}
