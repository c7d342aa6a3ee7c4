//! Objects in the catalogue's schema that are not pg_chameleon's: the upgrade puts them aside with the old catalogue.

use super::{Check, Examined, Finding, Severity};
use crate::wording::first_of;

pub(super) const CHECK: Check = Check {
    id: "own-objects",
    about: "The catalogue's schema holds pg_chameleon's objects only",
    rule: "§checks",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    finding(facts).into_iter().collect()
}

fn finding(facts: &Examined) -> Option<Finding> {
    let objects = &facts.catalogue.as_ref()?.strays.own_objects;
    if objects.count == 0 {
        return None;
    }
    let names: Vec<_> = objects.first.iter().map(|object| object.description.clone()).collect();
    let moves: Vec<_> = objects.first.iter().filter_map(|object| object.move_out.as_deref()).collect();
    let (are, they) = if objects.count == 1 { ("object is", "it goes") } else { ("objects are", "they go") };
    let keep = if moves.is_empty() {
        String::new()
    } else {
        format!(
            " To keep the others where they are of use, give them another schema first: {}",
            moves.join(" ")
        )
    };
    Some(CHECK.warning(format!(
            "{} {are} in sch_chameleon that pg_chameleon has not made, and with the catalogue {they} to \
             _sch_chameleon_version1: {}.",
            objects.count,
            first_of(&names, objects.count)
        ),
        format!(
            "Views and triggers stay with the old tables wherever they are: create them anew on the new ones after the \
             upgrade. Dropping _sch_chameleon_version1 with CASCADE drops all of them.{keep}"
        ),
    ))
}
