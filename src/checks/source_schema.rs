//! 1.8.2 has written the schema on MySQL (`t_source_schema`) of every source.

use super::{Check, Examined, Finding, Severity, findings_of_refusals};
use crate::plan::Refusal;

pub(super) const CHECK: Check = Check {
    id: "source-schema",
    about: "The schema on MySQL of every old source is known",
    rule: "§mappings",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    findings_of_refusals(facts, |refusal| {
        match refusal {
        Refusal::SourceSchemaEmpty { source } => Some(CHECK.error(format!("t_source_schema is empty for the source {source}: its schema on MySQL is not known."),
            format!(
                "Start the 1.8.2 replica of {source} once and stop it again: starting it fills in t_source_schema."
            ),
        )),
        _ => None,
    }
    })
}
