//! Objects in other schemas refer to the catalogue: they will go on referring to the old one.

use super::{Check, Examined, Finding, Severity};

pub(super) const CHECK: Check = Check {
    id: "dependents",
    about: "No object of another schema refers to the catalogue",
    rule: "§checks",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    catalogue
        .dependents
        .iter()
        .map(|dependent| {
            CHECK.warning(format!(
                    "{} depends on {} of the catalogue and follows it to _sch_chameleon_version1.",
                    dependent.object, dependent.depends_on
                ),
                "Create it anew on sch_chameleon after the upgrade; dropping _sch_chameleon_version1 with CASCADE would \
                 drop it too.",
            )
        })
        .collect()
}
