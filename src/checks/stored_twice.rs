//! Batches that wait to be replayed and can't be: 1.8.2 that was killed between two chunks of rows stores them again when it
//! is started; once such a batch is listed, 1.8.2 ends at it for ever, and so would the replay.

use super::{Check, Examined, Finding, Severity};
use crate::facts::snapshot::{OldSource, StoredTwice};

pub(super) const CHECK: Check = Check {
    id: "stored-twice",
    about: "The rows of no waiting batch were stored twice",
    rule: "§stored-twice",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let sources = facts.catalogue.iter().flat_map(|catalogue| &catalogue.snapshot.sources);
    sources.flat_map(stored_twice).collect()
}

fn stored_twice(source: &OldSource) -> impl Iterator<Item = Finding> {
    source.waiting.stored_twice.iter().map(|StoredTwice { batch, tables }| {
        CHECK.error(format!(
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
