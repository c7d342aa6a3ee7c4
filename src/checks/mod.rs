//! The checks of §checks: what each found, and what to do about it.
//!
//! A check is one value, a [`Check`], in a file that bears its id, and looks at what was examined without asking anything.
//! All are run, and all findings are shown, unless some are chosen. docs/checks.md is made from the list.

pub mod acceptance;
mod batch_succession;
mod binlog_base_name;
mod binlog_contents;
pub(crate) mod binlog_files;
mod binlog_read;
mod binlog_retention;
mod binlog_row_metadata;
mod binlog_settings;
pub(crate) mod catalogue;
mod catalogue_version;
pub mod check;
mod coordinates;
mod daemon_configuration;
mod daemon_program;
mod dependents;
mod destination_tables;
pub(crate) mod discarded_rows;
mod encoding;
mod gone_back;
mod gtid_set;
mod key_columns;
mod leftovers;
mod locks;
mod misplaced_tables;
mod mysql;
mod mysql_charset;
mod mysql_schemas;
mod mysql_version;
mod names;
mod never_initialised;
mod offline;
mod orphan_batches;
mod own_objects;
pub(crate) mod pooler;
pub(crate) mod postgresql;
mod primary_keys;
pub(crate) mod replica_stopped;
mod replication_privileges;
mod role;
mod schema_mappings;
mod server_id;
mod server_identity;
mod source_schema;
mod source_types;
mod standbys;
mod start;
mod stored_twice;
mod table_structure;
mod tables_left_behind;
mod tables_left_out;
mod unreplayable_batch;
mod waiting_rows;
mod window;
mod window_ddl;
mod window_judge;
mod window_statements;
mod window_tables;
mod zero_dates;

use crate::examination::Examined;
use crate::examination::mysql::{Answer, AskedSource};
use crate::facts::postgres::{CatalogueVersion, UnfitTables};
use crate::facts::snapshot::OldSource;
use crate::finding::{Finding, Severity};
use crate::plan::Refusal;
use crate::wording::{counted, first_of};
use acceptance::Acceptance;
pub use check::Check;

/// Every check, in the order in which findings are shown.
pub const CHECKS: &[Check] = &[
    postgresql::CHECK,
    pooler::CHECK,
    role::CHECK,
    catalogue::CHECK,
    catalogue_version::CHECK,
    leftovers::CHECK,
    source_types::CHECK,
    daemon_configuration::CHECK,
    server_id::CHECK,
    tables_left_out::CHECK,
    source_schema::CHECK,
    schema_mappings::CHECK,
    replica_stopped::CHECK,
    locks::CHECK,
    standbys::CHECK,
    start::CHECK,
    coordinates::CHECK,
    binlog_base_name::CHECK,
    names::CHECK,
    encoding::CHECK,
    key_columns::CHECK,
    misplaced_tables::CHECK,
    unreplayable_batch::CHECK,
    orphan_batches::CHECK,
    gone_back::CHECK,
    batch_succession::CHECK,
    never_initialised::CHECK,
    destination_tables::CHECK,
    primary_keys::CHECK,
    discarded_rows::CHECK,
    own_objects::CHECK,
    dependents::CHECK,
    waiting_rows::CHECK,
    stored_twice::CHECK,
    tables_left_behind::CHECK,
    daemon_program::CHECK,
    mysql::CHECK,
    server_identity::CHECK,
    mysql_version::CHECK,
    mysql_charset::CHECK,
    binlog_settings::CHECK,
    replication_privileges::CHECK,
    binlog_read::CHECK,
    binlog_retention::CHECK,
    binlog_files::CHECK,
    mysql_schemas::CHECK,
    table_structure::CHECK,
    binlog_row_metadata::CHECK,
    binlog_contents::CHECK,
    gtid_set::CHECK,
    window::CHECK,
    window_tables::CHECK,
    window_statements::CHECK,
    window_judge::CHECK,
    window_ddl::CHECK,
    offline::CHECK,
    zero_dates::CHECK,
];

/// What is looked at when there is nothing to upgrade any more: the others ask what an upgrade would need.
const AFTER_AN_UPGRADE: &[Check] = &[leftovers::CHECK, tables_left_behind::CHECK];

/// The check of this id, for the command line.
///
/// # Errors
/// That there is none.
pub fn by_id(id: &str) -> Result<&'static Check, String> {
    let found = CHECKS.iter().find(|check| check.id == id.trim());
    found.ok_or_else(|| format!("{id:?} is no check; check --list shows all"))
}

/// Runs every check, or those of `only` when it names any. Errors that are accepted are among what is found, as accepted.
#[must_use]
pub fn run(examined: &Examined, only: &[&Check], acceptances: &[Acceptance]) -> Vec<Finding> {
    let all = if examined.version == CatalogueVersion::V2_0_10 { AFTER_AN_UPGRADE } else { CHECKS };
    let chosen = all.iter().filter(|check| only.is_empty() || only.iter().any(|it| it.id == check.id));
    let mut findings: Vec<_> = chosen.flat_map(|check| check.findings(examined)).collect();
    acceptance::apply(acceptances, &mut findings);
    findings
}

/// The first tables by name, and how many more there are.
fn listed(tables: &UnfitTables) -> String {
    let first: Vec<_> =
        tables.first.iter().map(|table| format!("{}.{}", table.schema, table.table)).collect();
    first_of(&first, tables.count)
}

/// The old sources with tables whose schema is not on the server that they are to be read from.
fn old_sources_without<'a>(
    facts: &'a Examined,
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
fn findings_of_refusals(facts: &Examined, finding: impl FnMut(&Refusal) -> Option<Finding>) -> Vec<Finding> {
    facts.refusals().iter().filter_map(finding).collect()
}
