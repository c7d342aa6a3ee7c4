//! 1.8.2 takes the batch with the largest `ts_created` for its next read. Where a clock or a time zone was put back since
//! one was left open by a crash, it has gone back in the log to that one, and reads again what it has applied.

use super::orphan_batches::place;
use super::{Check, Examined, Finding, Severity};
use crate::batches::Sorted;
use crate::facts::snapshot::OldSource;

pub(super) const CHECK: Check = Check {
    id: "gone-back",
    about: "1.8.2 has not gone back in MySQL's log",
    rule: "§batches",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let sources = catalogue.snapshot.sources.iter();
    sources.filter(|source| Sorted::of(&source.batches).gone_back).map(finding).collect()
}

fn finding(source: &OldSource) -> Finding {
    let name = &source.name;
    let newest = source.batches.newest.as_ref().map(|batch| place(&batch.coordinate)).unwrap_or_default();
    let before = source.batches.furthest_before.as_ref().map(place).unwrap_or_default();
    CHECK.error(format!(
            "1.8.2 has gone back in MySQL's log for the source {name}: its newest batch stands at {newest}, an older one at \
             {before}. It takes the batch with the latest ts_created, and the clock or the time zone was put back since one \
             was left open by a crash. What lies between the two would be applied a second time."
        ),
        format!(
            "Run 1.8.2's init_replica for {name}: it removes these batches, and copies all tables of the source anew."
        ),
    )
}
