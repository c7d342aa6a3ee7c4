//! Objects in other schemas refer to the catalogue: they will go on referring to the old one.

use super::{Facts, Finding};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(catalogue) = &facts.catalogue else { return vec![] };
    catalogue
        .dependents
        .iter()
        .map(|dependent| {
            Finding::warning(
                "dependents",
                format!(
                    "{} depends on {} of the catalogue and follows it to _sch_chameleon_version1.",
                    dependent.object, dependent.depends_on
                ),
                "Create it anew on sch_chameleon after the upgrade; dropping _sch_chameleon_version1 with CASCADE would \
                 drop it too.",
            )
        })
        .collect()
}
