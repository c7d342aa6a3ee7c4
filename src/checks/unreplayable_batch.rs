//! What waits can be replayed: `fn_process_batch` takes only batches that are started and processed.

use super::{Check, Examined, Finding, Severity, counted};
use crate::facts::snapshot::OldSource;

pub(super) const CHECK: Check = Check {
    id: "unreplayable-batch",
    about: "What waits to be replayed can be replayed",
    rule: "§procedure-5",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    catalogue.snapshot.sources.iter().filter_map(finding).collect()
}

fn finding(source: &OldSource) -> Option<Finding> {
    let (batch, events) = source.waiting.first_passed_over?;
    let more = match source.waiting.passed_over {
        0 | 1 => String::new(),
        all => format!(" So are {} more of its batches.", all - 1),
    };
    Some(CHECK.error(format!(
            "The batch {batch} of the source {} lists {} to replay, but is not marked started and processed: 1.8.2 passes \
             it over, and its events would be lost.{more}",
            source.name,
            counted(events, "event")
        ),
        format!(
            "Find out how it came about; to have it replayed: UPDATE sch_chameleon.t_replica_batch SET b_started = true, \
             b_processed = true WHERE i_id_batch = {batch};"
        ),
    ))
}
