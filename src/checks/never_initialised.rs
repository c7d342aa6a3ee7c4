//! Sources without tables and without a live batch: there is nothing to bring over.
//!
//! Their schemas are mapped all the same. When the destination schema is missing, the first CREATE TABLE on MySQL fails
//! there, and pg_chameleon 2.0.21 disables that table.

use super::{Check, Examined, Finding, Severity};
use crate::facts::snapshot::OldSource;
use crate::names::quote_identifier;
use crate::plan;

pub(super) const CHECK: Check = Check {
    id: "never-initialised",
    about: "Every source was initialised, or its destination schema is there",
    rule: "§never-initialised",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    let empty = catalogue.snapshot.sources.iter().filter(|source| plan::never_initialised(source));
    empty
        .map(|source| {
            let missing = catalogue.strays.missing_destinations.contains(&source.dest_schema);
            finding(facts, source, missing)
        })
        .collect()
}

fn finding(facts: &Examined, source: &OldSource, missing: bool) -> Finding {
    let OldSource { name, dest_schema, .. } = source;
    let found = format!("The source {name} was never initialised: it has no tables and no open batch.");
    let found = if missing {
        format!(
            "{found} Its destination schema {dest_schema} is not there: pg_chameleon 2 would fail to create the first table \
             that MySQL creates in it, and disable that table."
        )
    } else {
        format!("{found} Its schema is mapped, and nothing is replicated into {dest_schema} yet.")
    };
    let copy = copy(facts, source);
    let remedy = if missing {
        format!(
            "To replicate what MySQL creates in it from now on: CREATE SCHEMA {}; to have what is in it already: {copy}, which \
             creates the schema.",
            quote_identifier(dest_schema)
        )
    } else {
        format!("To have what is in it: {copy}.")
    };
    CHECK.warning(found, remedy)
}

/// How to copy the tables of the one schema. 2.0's init_replica copies all schemas of a source again: it is for those of
/// which none was initialised.
fn copy(facts: &Examined, source: &OldSource) -> String {
    let schema = source.source_schema.as_deref().unwrap_or_default();
    let target = facts.targets.iter().find(|target| {
        let mut pairs = target.mappings.iter();
        pairs.any(|pair| pair.source_schema == schema && pair.dest_schema == source.dest_schema)
    });
    let target = target.map_or("SOURCE", |target| &target.name);
    let alone = facts.catalogue.as_ref().is_some_and(|catalogue| {
        let plan = catalogue.planned.as_ref().ok();
        let planned = plan.and_then(|plan| plan.sources.iter().find(|planned| planned.name == target));
        planned.is_some_and(|planned| planned.batch_start.is_none())
    });
    if alone {
        format!(
            "1.8.2's init_replica before the upgrade, or 2.0's after it (chameleon init_replica, source {target})"
        )
    } else {
        format!(
            "1.8.2's init_replica before the upgrade, or chameleon refresh_schema after it (source {target}, schema {schema})"
        )
    }
}
