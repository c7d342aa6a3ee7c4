//! Every table is registered for the source whose destination its schema is.
//!
//! Replaying, 1.8.2 goes by a table's schema and name alone; from where a table is read goes by its source. Brought over
//! for another source a table would start from the wrong point, and one that both have can't be brought over at all. A
//! row whose schema is no destination is replicated by neither version.

use super::{Check, Examined, Finding, Severity, counted};
use crate::facts::postgres::Misplaced;
use crate::names::quote_literal;
use crate::wording::first_of;

/// How many pairs of source and schema are told one by one.
const TOLD: usize = 10;

pub(super) const CHECK: Check = Check {
    id: "misplaced-tables",
    about: "Every table is registered once, for the source that it belongs to",
    rule: "§complete",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let misplaced = &catalogue.strays.misplaced;
    let mut findings: Vec<_> = misplaced.iter().take(TOLD).map(finding).collect();
    if misplaced.len() > TOLD {
        let more = counted((misplaced.len() - TOLD) as u64, "more pair");
        let mended = misplaced.iter().skip(TOLD).all(|it| it.owner.is_none());
        let found = format!("The same holds of {more} of source and schema.");
        let remedy = "As above; they are named when those are mended.";
        findings.push(if mended { CHECK.warning(found, remedy) } else { CHECK.error(found, remedy) });
    }
    findings
}

fn finding(misplaced: &Misplaced) -> Finding {
    let Misplaced { source_id, source, schema, owner, tables, twice, first } = misplaced;
    let names: Vec<_> = first.iter().map(|table| format!("{schema}.{table}")).collect();
    let begins =
        format!("{} registered for the source {source}: {}", are(*tables), first_of(&names, *tables));
    let of_source = format!("i_id_source = {source_id} AND v_schema_name = {}", quote_literal(schema));
    match owner {
        None => CHECK.warning(format!(
                "{begins}. {schema} is the destination of no source: no replica writes there, neither 1.8.2 nor 2.0. The rows \
                 are brought over all the same."
            ),
            format!(
                "If the destination was renamed, sync the tables again with 1.8.2's sync_tables. Then delete what is left of \
                 the old name: DELETE FROM sch_chameleon.t_replica_tables WHERE {of_source};"
            ),
        ),
        Some((owner_id, owner)) if *twice > 0 => CHECK.error(format!(
                "{begins}. {schema} is the destination of the source {owner}, for which {twice} of them are registered too: \
                 they can't be brought over twice."
            ),
            format!(
                "Those of {owner} count. Delete the others: DELETE FROM sch_chameleon.t_replica_tables WHERE {of_source} AND \
                 v_table_name IN (SELECT v_table_name FROM sch_chameleon.t_replica_tables WHERE i_id_source = {owner_id} AND \
                 v_schema_name = {});",
                quote_literal(schema)
            ),
        ),
        Some((owner_id, owner)) => CHECK.error(format!(
                "{begins}. {schema} is the destination of the source {owner}: they would be read from where {source} stands, \
                 and rows lost or applied twice."
            ),
            format!(
                "Give them to {owner}: UPDATE sch_chameleon.t_replica_tables SET i_id_source = {owner_id} WHERE {of_source};"
            ),
        ),
    }
}

fn are(tables: u64) -> String {
    let verb = if tables == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(tables, "table"))
}
