//! PostgreSQL 10 or later that can be written to.

use super::{Facts, Finding};

const OLDEST: u32 = 100_000;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.server.version_number < OLDEST {
        findings.push(Finding::error(
            "postgresql",
            format!("The server is PostgreSQL {}; 10 is the oldest that will do.", facts.server.version),
            "Upgrade PostgreSQL first; the 1.8.2 replica goes on working on the new server.",
        ));
    }
    if facts.server.in_recovery {
        findings.push(Finding::error(
            "postgresql",
            "The server is a standby: nothing can be written to it.",
            "Set pg_conn in the configuration to the primary server.",
        ));
    }
    findings
}
