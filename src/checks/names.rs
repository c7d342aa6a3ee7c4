//! Every name fits where the 2.0 catalogue keeps it: tables and schemas in 64 characters, the log
//! tables of a source in PostgreSQL's 63 bytes.

use super::{Check, Examined, Finding, Severity, counted, listed};
use crate::names::{MAX_SOURCE_NAME_BYTES, log_table_names};

pub(super) const CHECK: Check = Check {
    id: "names",
    about: "Every name fits where the 2.0 catalogue keeps it",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let mut findings: Vec<_> = facts
        .targets
        .iter()
        .filter(|target| target.name.len() > MAX_SOURCE_NAME_BYTES)
        .map(|target| log_tables(&target.name))
        .collect();
    if let Some(catalogue) = &facts.catalogue {
        findings.extend(identifiers(&catalogue.tables.too_long));
    }
    findings
}

fn log_tables(source: &str) -> Finding {
    let [first, _] = log_table_names(source);
    CHECK.error(format!(
            "The name of the source {source} is too long: its log table {first} would have {} bytes, PostgreSQL keeps 63.",
            first.len()
        ),
        format!("Give the source a name of at most {MAX_SOURCE_NAME_BYTES} bytes in the configuration."),
    )
}

fn identifiers(tables: &crate::facts::postgres::UnfitTables) -> Option<Finding> {
    (tables.count > 0).then(|| {
        CHECK.error(format!(
                "{} of t_replica_tables cannot be stored in 2.0, which keeps 64 characters of a table's and of a \
                 schema's name: {}.",
                counted(tables.count, "row"),
                listed(tables)
            ),
            "MySQL has no such long names: these rows are not of pg_chameleon's making. Correct the names, or delete them: \
             DELETE FROM sch_chameleon.t_replica_tables WHERE length(v_table_name) > 64 OR length(v_schema_name) > 64;",
        )
    })
}
