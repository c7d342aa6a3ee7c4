//! The role of the configuration owns the catalogue and may create schemas.

use super::{Check, Examined, Finding, Severity};
use crate::names::quote_identifier;

pub(super) const CHECK: Check = Check {
    id: "role",
    about: "The role of the configuration owns the catalogue and may create schemas",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let role = &facts.server.role;
    let Some(owner) = &facts.server.schema_owner else { return vec![] };
    let mut findings = Vec::new();
    if !role.owns_schema {
        findings.push(CHECK.error(format!("The role {} does not own the schema sch_chameleon: {owner} does.", role.name),
            format!(
                "Set pg_conn.user in the configuration to {owner}, the role that the 1.8.2 replica uses, or run \
                 GRANT {} TO {};",
                quote_identifier(owner),
                quote_identifier(&role.name)
            ),
        ));
    } else if !role.not_owned.is_empty() {
        findings.push(CHECK.error(
            format!(
                "The role {} does not own all that is in sch_chameleon: {}.",
                role.name,
                role.not_owned.join(", ")
            ),
            format!("Give them to the owner of the schema: {}", give_to(&role.not_owned, owner)),
        ));
    }
    if !role.may_create_schemas {
        findings.push(CHECK.error(
            format!(
                "The role {} may not create schemas in the database {}.",
                role.name, facts.server.database
            ),
            format!(
                "Run GRANT CREATE ON DATABASE {} TO {};",
                quote_identifier(&facts.server.database),
                quote_identifier(&role.name)
            ),
        ));
    }
    findings
}

/// ALTER TABLE takes views and sequences too; the sequence of a column goes with its table, and is not to
/// be named.
fn give_to(relations: &[String], owner: &str) -> String {
    let owner = quote_identifier(owner);
    let statements: Vec<_> = relations
        .iter()
        .map(|name| format!("ALTER TABLE sch_chameleon.{} OWNER TO {owner};", quote_identifier(name)))
        .collect();
    statements.join(" ")
}
