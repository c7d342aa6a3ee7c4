//! Open batches that will not be read again: §orphans.
//!
//! Those that an applied batch has passed are orphans for certain: their events were lost long ago. Those that are only
//! not proven to be directly succeeded may be orphans, or may hold what nobody has applied yet.

use super::{Facts, Finding, counted};
use crate::batches::{Between, Gap, Sorted};
use crate::facts::snapshot::{OldBatch, OldSource, StoredCoordinate};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    catalogue.snapshot.sources.iter().flat_map(|source| findings(source, &catalogue.heard)).collect()
}

fn findings(source: &OldSource, heard: &[(Gap, Between)]) -> Vec<Finding> {
    let sorted = Sorted::of(&source.batches);
    let mut findings: Vec<_> = sorted.orphans.iter().take(NAMED).map(|batch| orphan(source, batch)).collect();
    let more = source.batches.more_open + sorted.orphans.len().saturating_sub(NAMED) as u64;
    if more > 0 {
        findings.push(others(source, more));
    }
    let read_on = sorted.live.last().map(|batch| place(&batch.coordinate));
    if sorted.gone_back {
        findings.push(gone_back(source));
    }
    if let Some(read_on) = read_on {
        findings.extend(sorted.unproven.iter().map(|batch| unproven(source, batch, &read_on, heard)));
    }
    findings
}

/// How many orphans of a source are told one by one.
const NAMED: usize = 10;

fn place(coordinate: &StoredCoordinate) -> String {
    coordinate.read().map_or_else(|_| "no coordinate".to_owned(), |place| place.to_string())
}

fn orphan(source: &OldSource, batch: &OldBatch) -> Finding {
    Finding::warning(
        "orphan-batches",
        format!(
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
fn all_tables(batch: &OldBatch) -> String {
    if batch.tables.count <= batch.tables.first.len() as u64 {
        return String::new();
    }
    format!(
        " All of them: SELECT DISTINCT v_schema_name, v_table_name FROM sch_chameleon.t_log_replica WHERE i_id_batch = {};",
        batch.id
    )
}

fn others(source: &OldSource, more: u64) -> Finding {
    Finding::warning(
        "orphan-batches",
        format!(
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

fn gone_back(source: &OldSource) -> Finding {
    let name = &source.name;
    let newest = source.batches.newest.as_ref().map(|batch| place(&batch.coordinate)).unwrap_or_default();
    let before = source.batches.furthest_before.as_ref().map(place).unwrap_or_default();
    Finding::error(
        "gone-back",
        format!(
            "1.8.2 has gone back in MySQL's log for the source {name}: its newest batch stands at {newest}, an older one at \
             {before}. It takes the batch with the latest ts_created, and the clock or the time zone was put back since one \
             was left open by a crash. What lies between the two would be applied a second time."
        ),
        format!(
            "Run 1.8.2's init_replica for {name}: it removes these batches, and copies all tables of the source anew."
        ),
    )
}

fn unproven(source: &OldSource, batch: &OldBatch, read_on: &str, heard: &[(Gap, Between)]) -> Finding {
    let OldBatch { id, tables, .. } = batch;
    let name = &source.name;
    Finding::error(
        "batch-succession",
        format!(
            "The batch {id} of the source {name} ({}) is open and holds rows, and nothing shows whether a later one was \
             applied: batches that may have followed it are gone from t_replica_batch. Either 1.8.2 crashed there long ago, \
             has gone on since, and the rows are lost; or it crashed just now, and nothing after it was applied.{}",
            place(&batch.coordinate),
            by_the_log(*id, heard)
        ),
        format!(
            "Sync the tables that it names with 1.8.2's sync_tables, which also takes their rows out of the batch; that is \
             right in either case: {tables}.{} If it is accepted instead, {name} is read on from {read_on}, the batch is left \
             out, and these tables are to be synced after the upgrade.",
            all_tables(batch)
        ),
    )
}

/// What MySQL's log has said of it.
fn by_the_log(batch: i64, heard: &[(Gap, Between)]) -> String {
    match heard.iter().find(|(gap, _)| gap.batch == batch) {
        Some((gap, Between::Holds { what, at })) => format!(
            " MySQL's log speaks for the first: between the last of the rows ({}) and the next batch ({}) it holds {what} (at {at}).",
            gap.from, gap.until
        ),
        Some((_, Between::Unread(why))) => format!(" MySQL's log, which may tell, could not be read: {why}."),
        Some((_, Between::Nothing)) | None => String::new(),
    }
}
