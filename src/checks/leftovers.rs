//! No schema is left over from an earlier upgrade: the next one needs both names. Once a catalogue is 2.0.10, what was put
//! aside is no leftover: it is the way back.

use super::{CatalogueVersion, Check, Examined, Finding, Severity};
use crate::names::{VERSION1, quote_identifier};

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
    let one = |schema: &String| if upgraded { after_an_upgrade(schema) } else { in_the_way(schema) };
    facts.server.leftovers.iter().map(one).collect()
}

fn in_the_way(schema: &str) -> Finding {
    let origin = if schema == VERSION1 {
        "the catalogue that an earlier upgrade put aside"
    } else {
        "the 2.0 catalogue of an earlier upgrade that failed or was rolled back, kept for inspection"
    };
    CHECK.error(format!("The schema {schema} is left over: {origin}."), remedy(schema))
}

fn remedy(schema: &str) -> String {
    let name = quote_identifier(schema);
    let kept = quote_identifier(&format!("{schema}_kept"));
    format!(
        "When it is of no more use: DROP SCHEMA {name} CASCADE; to keep it: ALTER SCHEMA {name} RENAME TO {kept};"
    )
}

fn after_an_upgrade(schema: &str) -> Finding {
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
            remedy(schema),
        )
    }
}
