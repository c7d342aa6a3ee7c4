//! Every replicated table is read by the daemon of its new source: limit_tables, skip_tables and skip_events of the
//! configuration leave out none. §left-out-tables.

use super::{Check, Examined, Finding, Severity, counted};
use crate::examination::LeftOut;

pub(super) const CHECK: Check = Check {
    id: "tables-left-out",
    about: "The configuration's lists leave no replicated table out",
    rule: "§left-out-tables",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let left_out = facts.catalogue.iter().flat_map(|catalogue| &catalogue.left_out);
    left_out.map(finding).collect()
}

fn finding(left_out: &LeftOut) -> Finding {
    let LeftOut { source, event, count, .. } = left_out;
    let (tables, those) = (counted(*count, "table"), named(left_out));
    let is = if *count == 1 { "is" } else { "are" };
    match event {
        None => CHECK.error(format!(
                "Source {source}: limit_tables and skip_tables of the configuration leave out {tables} that {is} replicated: \
                 {those}. The daemon passes over what is written to them, without a word."
            ),
            "Correct the lists: of a schema that limit_tables names, only the tables that it names (schema.table) are read; a \
             schema alone leaves out all of its tables. Empty lists leave out nothing.",
        ),
        Some(event) => CHECK.warning(format!(
                "Source {source}: skip_events of the configuration has the daemon pass over each {event} in {tables} that {is} \
                 replicated: {those}."
            ),
            "Where that is not meant, take them out of skip_events.",
        ),
    }
}

fn named(left_out: &LeftOut) -> String {
    let names: Vec<_> = left_out.first.iter().map(|(schema, table)| format!("{schema}.{table}")).collect();
    let more = left_out.count.saturating_sub(names.len() as u64);
    if more == 0 { names.join(", ") } else { format!("{}, and {more} more", names.join(", ")) }
}
