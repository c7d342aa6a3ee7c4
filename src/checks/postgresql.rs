//! PostgreSQL 10 or later that can be written to. A version that the tests don't run on is told.

use super::{Check, Examined, Finding, Severity};
use crate::facts::postgres::Server;
use crate::names::quote_identifier;
use crate::wording::sentence;

const OLDEST: u32 = 10;
/// What `make test` and `make matrix` run on. The README says the same.
const TESTED: [u32; 5] = [13, 15, 16, 17, 18];

pub(super) const CHECK: Check = Check {
    id: "postgresql",
    about: "PostgreSQL can be reached, is of version 10 or later, and can be written to",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(version(facts.server.version_number, &facts.server.version));
    if facts.server.in_recovery {
        findings.push(CHECK.error(
            "The server is a standby: nothing can be written to it.",
            "Set pg_conn in the configuration to the primary server.",
        ));
    }
    if facts.server.read_only {
        findings.push(read_only(&facts.server));
    }
    findings
}

/// The finding of a server that lets nobody in.
pub(crate) fn unreachable(why: &str, remedy: impl Into<String>) -> Finding {
    CHECK.error(format!("{}.", sentence(why)), remedy)
}

/// `number` is PostgreSQL's server_version_num. Its minor version doesn't count.
fn version(number: u32, version: &str) -> Option<Finding> {
    let major = number / 10_000;
    if major < OLDEST {
        return Some(CHECK.error(format!("The server is PostgreSQL {version}; 10 is the oldest that will do."),
            "Upgrade PostgreSQL first, best to one of 13 and 15 to 18, which this is tested on: stop 1.8.2, then \
             pg_upgrade, or pg_dump and restore of the whole database. Both keep the catalogue as it is: 1.8.2 goes on \
             from it on the new server (set pg_conn in its configuration when the address is another). Let it catch up, \
             stop it, and repeat this.",
        ));
    }
    (!TESTED.contains(&major)).then(|| {
        CHECK.info(format!(
                "The server is PostgreSQL {version}. Nothing is known against it, but this is tested on 13 and 15 to 18 \
                 only: rehearse the upgrade on a copy first (chameleon-harness replay)."
            ),
        )
    })
}

/// Somebody has closed the database, or the role, to writers: that is not for an upgrade to override.
fn read_only(server: &Server) -> Finding {
    let (role, database) = (&server.role.name, &server.database);
    CHECK.error(format!(
            "Sessions of {role} on the database {database} are read-only by default (default_transaction_read_only): \
             neither 1.8.2 nor the upgrade can write."
        ),
        format!(
            "When it shall be written to again: SET default_transaction_read_only = off; ALTER DATABASE {} RESET \
             default_transaction_read_only; If it was set elsewhere, with ALTER ROLE or ALTER SYSTEM, reset it there.",
            quote_identifier(database)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn severity(number: u32, text: &str) -> Option<Severity> {
        let finding = version(number, text)?;
        assert!(finding.check == "postgresql" && finding.found.contains(text), "{finding:?}");
        Some(finding.severity)
    }

    /// §report-65.
    #[test]
    fn postgresql_10_is_the_oldest() {
        assert_eq!(severity(90_624, "9.6.24"), Some(Severity::Error));
        assert_eq!(severity(90_500, "9.5.0"), Some(Severity::Error));
        assert_eq!(severity(100_000, "10.0"), Some(Severity::Info));
    }

    #[test]
    fn versions_that_are_not_tested_are_told() {
        for (number, text) in [
            (100_023, "10.23"),
            (110_022, "11.22"),
            (120_022, "12.22"),
            (140_023, "14.23"),
            (190_000, "19beta1"),
        ] {
            assert_eq!(severity(number, text), Some(Severity::Info), "{text}");
        }
        for number in [130_000, 130_023, 150_000, 150_020, 160_015, 170_011, 180_000, 180_099] {
            assert_eq!(version(number, ""), None, "{number}");
        }
    }
}
