//! `sch_chameleon` exists and is a 1.7 catalogue.

use super::{Facts, Finding};

/// What `sch_chameleon` is, by its `v_version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogueVersion {
    /// There is no such schema.
    Missing,
    /// The schema has no `v_version`, or one without a row: it is not pg_chameleon's.
    Foreign,
    /// The role may not read it.
    Unreadable,
    /// 1.7: what is upgraded.
    V1_7,
    /// 2.0.10: there is nothing to do.
    V2_0_10,
    /// Another version of pg_chameleon's catalogue.
    Other(String),
}

impl CatalogueVersion {
    /// What `v_version` says.
    #[must_use]
    pub fn of(version: Option<String>) -> Self {
        match version.as_deref() {
            None => Self::Foreign,
            Some("1.7") => Self::V1_7,
            Some("2.0.10") => Self::V2_0_10,
            Some(other) => Self::Other(other.to_owned()),
        }
    }
}

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let database = &facts.server.database;
    let (found, remedy) = match &facts.version {
        CatalogueVersion::V1_7 | CatalogueVersion::V2_0_10 | CatalogueVersion::Unreadable => return vec![],
        CatalogueVersion::Missing => (
            format!("The database {database} has no schema sch_chameleon."),
            "Set pg_conn.database in the configuration to the database that the 1.8.2 replica writes to.".to_owned(),
        ),
        CatalogueVersion::Foreign => (
            "The schema sch_chameleon says no version: it has no view v_version, or one without a row. It is not a \
             complete replica catalogue."
                .to_owned(),
            format!("Check that {database} is the database that the 1.8.2 replica writes to."),
        ),
        CatalogueVersion::Other(version) => (
            format!("The catalogue is {version}; this upgrade starts from 1.7."),
            remedy_for(version),
        ),
    };
    vec![Finding::error("catalogue-version", found, remedy)]
}

fn remedy_for(version: &str) -> String {
    if version.starts_with("2.0.") {
        "It is a 2.0 catalogue already. A pg_chameleon 2.0 release upgrades it to its own version when its replica is \
         stopped and `chameleon upgrade_replica_schema` is run."
            .to_owned()
    } else {
        "Upgrade pg_chameleon to 1.8.2, run its `upgrade_schema`, and start its replica once for each source."
            .to_owned()
    }
}
