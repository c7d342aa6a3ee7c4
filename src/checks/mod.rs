//! The checks (§checks): what each found, and what to do about it.
//!
//! Every check is a pure function of the [`Facts`]; all are run, and all findings are shown.

pub mod acceptance;
mod base_names;
mod binlog_contents;
pub mod binlog_files;
mod binlog_settings;
mod charset;
mod column_names;
mod coordinates;
mod daemon;
mod dependents;
mod destination;
mod discarded_rows;
mod encoding;
mod gtid_set;
mod keys;
mod left_behind;
mod leftovers;
mod locks;
mod mappings;
mod misplaced_tables;
mod mysql;
mod mysql_schemas;
mod mysql_version;
mod names;
mod never_initialised;
mod offline;
mod orphans;
mod own_objects;
pub(crate) mod pooler;
mod replication;
mod role;
mod server;
mod server_id;
mod server_identity;
mod source_schema;
mod source_types;
mod start;
mod stopped;
mod table_structure;
mod tables_left_out;
mod unreplayable;
mod version;
mod waiting;
mod window;
mod window_ddl;
mod window_judge;
mod window_statements;
mod window_tables;
mod zero_dates;

use crate::examination::Facts;
use crate::examination::mysql::{Answer, AskedSource};
use crate::facts::postgres::CatalogueVersion;
use crate::facts::snapshot::OldSource;
use crate::finding::Finding;
use crate::plan::Refusal;
use crate::wording::counted;
use acceptance::Acceptance;

type Check = fn(&Facts) -> Vec<Finding>;

/// Every check, in the order in which findings are shown.
const CHECKS: &[Check] = &[
    server::check,
    pooler::check,
    role::check,
    version::check,
    leftovers::check,
    source_types::check,
    daemon::check,
    server_id::check,
    tables_left_out::check,
    source_schema::check,
    mappings::check,
    stopped::check,
    locks::check,
    start::check,
    coordinates::check,
    base_names::check,
    names::check,
    encoding::check,
    keys::check,
    misplaced_tables::check,
    unreplayable::check,
    orphans::check,
    never_initialised::check,
    destination::check,
    discarded_rows::check,
    own_objects::check,
    dependents::check,
    waiting::check,
    mysql::check,
    server_identity::check,
    mysql_version::check,
    charset::check,
    binlog_settings::check,
    replication::check,
    binlog_files::check,
    mysql_schemas::check,
    table_structure::check,
    column_names::check,
    binlog_contents::check,
    gtid_set::check,
    window::check,
    window_tables::check,
    window_statements::check,
    window_judge::check,
    window_ddl::check,
    offline::check,
];

/// What is looked at when there is nothing to upgrade any more: the others ask what an upgrade would need.
const AFTER_AN_UPGRADE: &[Check] = &[leftovers::check, left_behind::check];

/// Runs every check. Errors that are accepted are among what is found, as accepted.
#[must_use]
pub fn run(facts: &Facts, acceptances: &[Acceptance]) -> Vec<Finding> {
    let checks = if facts.version == CatalogueVersion::V2_0_10 { AFTER_AN_UPGRADE } else { CHECKS };
    let mut findings: Vec<_> = checks.iter().flat_map(|check| check(facts)).collect();
    findings.extend(zero_dates::check(facts, &findings));
    acceptance::apply(acceptances, &mut findings);
    findings
}

/// The old sources with tables whose schema is not on the server that they are to be read from.
fn old_sources_without<'a>(
    facts: &'a Facts,
    asked: &'a AskedSource,
    answer: &'a Answer,
) -> impl Iterator<Item = &'a OldSource> {
    let is_absent = |source: &&OldSource| {
        let schema = source.source_schema.as_ref();
        source.tables.count > 0 && schema.is_some_and(|schema| answer.absent_schemas.contains(schema))
    };
    facts.old_sources(&asked.name).filter(is_absent)
}

/// Findings made of the refusals of the plan that a check is about.
fn findings_of_refusals(facts: &Facts, finding: impl FnMut(&Refusal) -> Option<Finding>) -> Vec<Finding> {
    facts.refusals().iter().filter_map(finding).collect()
}
