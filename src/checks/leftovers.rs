//! No schema is left over from an earlier upgrade: the next one needs both names. Once a catalogue is 2.0.10, what was put
//! aside is no leftover: it is the way back.

use super::{CatalogueVersion, Check, Examined, Finding, Severity};
use crate::names::VERSION1;
use crate::shell;

pub(super) const CHECK: Check = Check {
    id: "leftovers",
    about: "No schema is left over from an earlier upgrade",
    rule: "§repeatable",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let upgraded = facts.version == CatalogueVersion::V2_0_10;
    let one = |schema: &String| {
        let remedy = remedy(schema, &facts.configuration);
        if upgraded { after_an_upgrade(schema, remedy) } else { in_the_way(schema, remedy) }
    };
    facts.server.leftovers.iter().map(one).collect()
}

fn in_the_way(schema: &str, remedy: String) -> Finding {
    let origin = if schema == VERSION1 {
        "the catalogue that an earlier upgrade put aside"
    } else {
        "the 2.0 catalogue of an earlier upgrade that failed or was rolled back, kept for inspection"
    };
    CHECK.error(format!("The schema {schema} is left over: {origin}."), remedy)
}

/// By `cleanup`, which shows what is in it, and what else would go with it. §commands
pub(crate) fn remedy(schema: &str, configuration: &str) -> String {
    let which = schema.trim_start_matches("_sch_chameleon_");
    let cleanup = |options: &str| {
        shell::command("cleanup", configuration, format!("--schema {which} {options}").trim_end())
    };
    format!(
        "What is in it, and what depends on it: `{}` When it is of no more use: `{}` To keep it: `{}`",
        cleanup(""),
        cleanup("--drop"),
        cleanup(&format!("--rename-to {schema}_kept"))
    )
}

fn after_an_upgrade(schema: &str, remedy: String) -> Finding {
    if schema == VERSION1 {
        CHECK.info(format!(
                "{schema} is the 1.7 catalogue that the upgrade has put aside: the way back (chameleon-upgrade rollback). Keep \
                 it until the new replica has proven itself."
            ),
        )
    } else {
        CHECK.warning(
            format!(
                "The schema {schema} is left over of an earlier attempt. A rollback would need its name."
            ),
            remedy,
        )
    }
}
