//! What waits can be replayed: `fn_process_batch` takes only batches that are started and processed.

use super::{Facts, Finding, counted};
use crate::batches::{self, BatchState};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let mut findings = Vec::new();
    for source in &catalogue.snapshot.sources {
        let stuck = batches::in_state(source, BatchState::Applied)
            .filter(|batch| batch.listed && !batch.replayed && !batch.started);
        findings.extend(stuck.map(|batch| {
            Finding::error(
                "unreplayable-batch",
                format!(
                    "The batch {} of the source {} lists {} to replay, but is not marked started: 1.8.2 passes it over, \
                     and its events would be lost.",
                    batch.id,
                    source.name,
                    counted(batch.waiting, "event")
                ),
                format!(
                    "Find out how it came about; to have it replayed: UPDATE sch_chameleon.t_replica_batch SET b_started \
                     = true WHERE i_id_batch = {};",
                    batch.id
                ),
            )
        }));
    }
    findings
}
