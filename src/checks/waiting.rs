//! How many events wait to be replayed, for each source; and whether they can be.
//!
//! §stored-twice: 1.8.2 that was killed between two chunks of rows stores them again when it is
//! started; once such a batch is listed, 1.8.2 ends at it for ever, and so would the replay.

use super::{Facts, Finding, counted};
use crate::facts::snapshot::{OldSource, StoredTwice};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let of = |source| waiting(source).into_iter().chain(stored_twice(source));
    catalogue.snapshot.sources.iter().flat_map(of).collect()
}

fn waiting(source: &OldSource) -> Option<Finding> {
    let waiting = source.waiting.events;
    (waiting > 0).then(|| {
        let verb = if waiting == 1 { "waits" } else { "wait" };
        let events = counted(waiting, "event");
        Finding::info(
            "waiting-rows",
            format!("{events} of the source {} {verb} to be replayed: that is done first.", source.name),
        )
    })
}

fn stored_twice(source: &OldSource) -> impl Iterator<Item = Finding> {
    source.waiting.stored_twice.iter().map(|StoredTwice { batch, tables }| {
        Finding::error(
            "stored-twice",
            format!(
                "The batch {batch} of the source {} waits to be replayed, and its rows were stored twice: 1.8.2 was killed \
                 while it stored them, and has read them again. It can't be replayed: the first row that is there already \
                 ends 1.8.2, at each start.",
                source.name
            ),
            format!(
                "Sync the tables that the batch names with 1.8.2's sync_tables, which also takes their rows out of the \
                 batch: {tables}. All of them are named by SELECT DISTINCT v_schema_name, v_table_name FROM \
                 sch_chameleon.t_log_replica WHERE i_id_batch = {batch};"
            ),
        )
    })
}
