//! PostgreSQL 10 or later that can be written to.

use super::{Facts, Finding};
use crate::catalogue::names::quote_identifier;
use crate::catalogue::v1::facts::Server;

const OLDEST: u32 = 100_000;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(too_old(facts.server.version_number, &facts.server.version));
    if facts.server.in_recovery {
        findings.push(Finding::error(
            "postgresql",
            "The server is a standby: nothing can be written to it.",
            "Set pg_conn in the configuration to the primary server.",
        ));
    }
    if facts.server.read_only {
        findings.push(read_only(&facts.server));
    }
    findings
}

fn too_old(version_number: u32, version: &str) -> Option<Finding> {
    (version_number < OLDEST).then(|| {
        Finding::error(
            "postgresql",
            format!("The server is PostgreSQL {version}; 10 is the oldest that will do."),
            "Upgrade PostgreSQL first; the 1.8.2 replica goes on working on the new server.",
        )
    })
}

/// Somebody has closed the database, or the role, to writers: that is not for an upgrade to override.
fn read_only(server: &Server) -> Finding {
    let (role, database) = (&server.role.name, &server.database);
    Finding::error(
        "postgresql",
        format!(
            "Sessions of {role} on the database {database} are read-only by default (default_transaction_read_only): \
             neither 1.8.2 nor the upgrade can write."
        ),
        format!(
            "When it shall be written to again: ALTER DATABASE {} RESET default_transaction_read_only; (or ALTER ROLE {} \
             or ALTER SYSTEM, wherever it was set).",
            quote_identifier(database),
            quote_identifier(role)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No package of a server that is too old can be had: the rule alone is tried.
    #[test]
    fn postgresql_10_is_the_oldest() {
        let refused = |number, version| too_old(number, version).is_some_and(|it| it.found.contains(version));
        assert!(refused(90_624, "9.6.24"));
        assert!(!refused(100_000, "10.0"));
        assert!(!refused(150_000, "15.0"));
    }
}
