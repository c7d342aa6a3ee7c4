//! Open batches that are not proven to be directly succeeded: they may be orphans, or may hold what nobody has applied yet.

use super::orphan_batches::{all_tables, place};
use super::{Check, Examined, Finding, Severity};
use crate::batches::{Between, Gap, Sorted};
use crate::facts::snapshot::{OldBatch, OldSource};

pub(super) const CHECK: Check = Check {
    id: "batch-succession",
    about: "Every open batch is proven to be live, or to be an orphan",
    rule: "§directly-succeeded",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    catalogue.snapshot.sources.iter().flat_map(|source| of_source(source, &catalogue.heard)).collect()
}

fn of_source(source: &OldSource, heard: &[(Gap, Between)]) -> Vec<Finding> {
    let sorted = Sorted::of(&source.batches);
    let Some(read_on) = sorted.live.last().map(|batch| place(&batch.coordinate)) else { return vec![] };
    sorted.unproven.iter().map(|batch| unproven(source, batch, &read_on, heard)).collect()
}

fn unproven(source: &OldSource, batch: &OldBatch, read_on: &str, heard: &[(Gap, Between)]) -> Finding {
    let OldBatch { id, tables, .. } = batch;
    let name = &source.name;
    CHECK.error(format!(
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
