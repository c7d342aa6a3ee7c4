//! Open batches that an applied one has passed: orphans. Their events were lost long ago, and the upgrade leaves them out.

use super::{Check, Examined, Finding, Severity, counted};
use crate::batches::Sorted;
use crate::facts::snapshot::{OldBatch, OldSource, StoredCoordinate};

/// How many orphans of a source are told one by one.
const NAMED: usize = 10;

pub(super) const CHECK: Check = Check {
    id: "orphan-batches",
    about: "No open batch was passed by an applied one",
    rule: "§orphans",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    catalogue.snapshot.sources.iter().flat_map(of_source).collect()
}

fn of_source(source: &OldSource) -> Vec<Finding> {
    let sorted = Sorted::of(&source.batches);
    let mut findings: Vec<_> = sorted.orphans.iter().take(NAMED).map(|batch| orphan(source, batch)).collect();
    let more = source.batches.more_open + sorted.orphans.len().saturating_sub(NAMED) as u64;
    if more > 0 {
        findings.push(others(source, more));
    }
    findings
}

/// Where a batch stands.
pub(super) fn place(coordinate: &StoredCoordinate) -> String {
    coordinate.read().map_or_else(|_| "no coordinate".to_owned(), |place| place.to_string())
}

fn orphan(source: &OldSource, batch: &OldBatch) -> Finding {
    CHECK.warning(format!(
            "The batch {} of the source {} ({}) is still open though a later batch was applied: 1.8.2 crashed there, and \
             will never apply it. It is left out of the upgrade.",
            batch.id,
            source.name,
            place(&batch.coordinate)
        ),
        format!(
            "Its events are missing from these tables, unless they were synced since: {}. Sync them with 1.8.2's \
             sync_tables, which also takes their rows out of the batch, or with 2.0's after the upgrade.{}",
            batch.tables,
            all_tables(batch)
        ),
    )
}

/// How to name all tables, where some are only counted.
pub(super) fn all_tables(batch: &OldBatch) -> String {
    if batch.tables.count <= batch.tables.first.len() as u64 {
        return String::new();
    }
    format!(
        " All of them: SELECT DISTINCT v_schema_name, v_table_name FROM sch_chameleon.t_log_replica WHERE i_id_batch = {};",
        batch.id
    )
}

fn others(source: &OldSource, more: u64) -> Finding {
    CHECK.warning(format!(
            "{} of the source {} are left out of the upgrade as well: 1.8.2 crashed there, and will never apply them.",
            counted(more, "older open batche").replace("batche,", "batch,"),
            source.name
        ),
        format!(
            "Sync their tables too: SELECT DISTINCT v_schema_name, v_table_name FROM sch_chameleon.t_log_replica JOIN \
             sch_chameleon.t_replica_batch USING (i_id_batch) WHERE i_id_source = {} AND NOT b_replayed AND i_id_batch NOT \
             IN (SELECT i_id_batch FROM sch_chameleon.t_batch_events);",
            source.id.0
        ),
    )
}
