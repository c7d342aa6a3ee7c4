//! What the comparison has shown, as a document: docs/original.md. Nothing is in it that would be different the next time.

use super::{Attempted, Beside, Fate, OnPurpose};
use crate::live::daemon::Course;
use std::collections::BTreeSet;

const TEXT: &str = include_str!("document.md");

/// The document of all states, each in words with what became of it.
#[must_use]
pub fn document(all: &[(String, Beside)]) -> String {
    let rows: Vec<_> = all.iter().map(|(state, beside)| row(state, beside)).collect();
    let table = format!(
        "| state of the 1.7 replica | the original | the replica after it | ours | the replica after it |\n|---|---|---|---|---|\n{}",
        rows.join("\n")
    );
    let same = || all.iter().filter_map(|(_, beside)| beside.same.as_ref());
    let on_purpose: BTreeSet<OnPurpose> = same().flat_map(|(_, on_purpose)| on_purpose).copied().collect();
    let differences: Vec<_> = on_purpose.iter().map(|known| format!("- {}", known.says())).collect();
    TEXT.replace("{table}", &table)
        .replace("{summary}", &summary(all))
        .replace("{rows}", &same().map(|(rows, _)| rows).sum::<usize>().to_string())
        .replace("{differences}", &differences.join("\n"))
}

/// The figures, in a sentence or two.
#[must_use]
pub fn summary(all: &[(String, Beside)]) -> String {
    let well = |fate: fn(&Beside) -> &Fate| {
        all.iter().filter(|(_, beside)| fate(beside).course.as_ref().is_some_and(Course::is_well)).count()
    };
    let courses = || all.iter().filter_map(|(_, beside)| beside.ours.course.as_ref());
    format!(
        "Of the {} states, the original left a whole replica in {}, ours in {}. After ours, {} tables were compared with MySQL \
         row by row: {} unequal.",
        all.len(),
        well(|beside| &beside.original),
        well(|beside| &beside.ours),
        courses().map(|course| course.compared).sum::<usize>(),
        courses().map(|course| course.unequal.len()).sum::<usize>()
    )
}

fn row(state: &str, Beside { original, ours, again, same }: &Beside) -> String {
    let first = upgrade(&ours.attempted);
    let ours_said = if *again { format!("{first}; run again: exit 0") } else { first };
    let same = same.as_ref().map(|_| "; the same catalogue, row for row").unwrap_or_default();
    format!(
        "| {state} | {} | {} | {ours_said}{same} | {} |",
        upgrade(&original.attempted),
        replica(original),
        ours.course.as_ref().map(course).unwrap_or_default()
    )
}

fn upgrade(Attempted { exit, said, refused_by }: &Attempted) -> String {
    match exit {
        None => "killed".to_owned(),
        Some(code) if refused_by.is_empty() => {
            let sentence = said.split_once(". ").map_or(said.as_str(), |(first, _)| first);
            format!("exit {code}, “{}”", sentence.trim_end_matches('.'))
        }
        Some(code) => format!("exit {code}, refused by {}", refused_by.join(", ")),
    }
}

fn replica(fate: &Fate) -> String {
    let after = &fate.after;
    let mut all = Vec::new();
    if after.stale {
        all.push("a stale 1.7 catalogue stands in place of the live one".to_owned());
    } else if !after.is_new() {
        all.push(format!("the {} catalogue stands", after.version));
    }
    if !after.lost.is_empty() {
        all.push(format!("lost {} of {} tables: {}", after.lost.len(), after.of, listed(&after.lost)));
    }
    all.extend(
        fate.wrong_points.iter().map(|(wrong, tables)| format!("{}: {}", wrong.says(), listed(tables))),
    );
    all.extend(fate.course.as_ref().map(course));
    all.join("; ")
}

fn course(course: &Course) -> String {
    let mut all = Vec::new();
    all.extend(course.ended.iter().map(|error| format!("the daemon ends at every start: `{error}`")));
    all.extend(course.disabled.iter().map(|(table, why)| format!("disabled: {table} ({why})")));
    if course.unequal.is_empty() {
        all.push(format!("all {} tables equal", course.compared));
    } else {
        all.push(format!("unequal: {}", listed(&course.unequal)));
    }
    all.join("; ")
}

fn listed(tables: &BTreeSet<String>) -> String {
    tables.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
