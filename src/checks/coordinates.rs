//! The coordinates that decide where the new replica starts can be read.

use super::{Check, Examined, Finding, Severity, findings_of_refusals};
use crate::plan::Refusal;

pub(super) const CHECK: Check = Check {
    id: "coordinates",
    about: "The coordinates of open batches and of tables can be read",
    rule: "§coordinate-order",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    findings_of_refusals(facts, |refusal| {
        match refusal {
        Refusal::BatchCoordinate { source, batch, error } => Some(CHECK.error(format!("The open batch {batch} of the source {source} can't be used: {error}."),
            format!(
                "Look at it with SELECT * FROM sch_chameleon.t_replica_batch WHERE i_id_batch = {batch}; if it can't be \
                 mended, run 1.8.2's init_replica for {source}."
            ),
        )),
        Refusal::TableCoordinate { source, error } => Some(CHECK.error(format!("The coordinate of a table of the source {source} can't be used: {error}."),
            "Look for it with SELECT * FROM sch_chameleon.t_replica_tables WHERE t_binlog_name IS NOT NULL OR \
             i_binlog_position IS NOT NULL; and sync that table again with 1.8.2's sync_tables.",
        )),
        _ => None,
    }
    })
}
