//! 1.8.2 has written the schema on MySQL (`t_source_schema`) of every source.

use super::{Facts, Finding, findings_of_refusals};
use crate::plan::Refusal;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    findings_of_refusals(facts, |refusal| match refusal {
        Refusal::SourceSchemaEmpty { source } => Some(Finding::error(
            "source-schema",
            format!("t_source_schema is empty for the source {source}: its schema on MySQL is not known."),
            format!(
                "Start the 1.8.2 replica of {source} once and stop it again: starting it fills in t_source_schema."
            ),
        )),
        _ => None,
    })
}
