//! `sch_chameleon` exists and is a 1.7 catalogue.

use super::{CatalogueVersion, Check, Examined, Finding, Severity};

pub(super) const CHECK: Check = Check {
    id: "catalogue-version",
    about: "sch_chameleon is a complete catalogue of version 1.7",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
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
    vec![CHECK.error(found, remedy)]
}

fn remedy_for(version: &str) -> String {
    if version.starts_with("2.0.") {
        "It is a 2.0 catalogue already. chameleon-upgrade upgrade takes 2.0.0 to 2.0.9 to 2.0.10 when the replica is stopped; \
         what is later is for the pg_chameleon that has made it."
            .to_owned()
    } else {
        "Upgrade pg_chameleon to 1.8.2, run its `upgrade_schema`, and start its replica once for each source."
            .to_owned()
    }
}
