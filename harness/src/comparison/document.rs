//! What the comparison has shown, as a document: docs/original.md. Nothing is in it that would be different the next time.

use super::{Comparison, OnPurpose, OutcomeOnCopy, UpgradeResult};
use crate::live::daemon::DaemonOutcome;
use std::collections::BTreeSet;

const TEXT: &str = include_str!("document.md");

/// The document of all states, each in words with what became of it.
#[must_use]
pub fn document(all: &[(String, Comparison)]) -> String {
    let rows: Vec<_> = all.iter().map(|(state, comparison)| row(state, comparison)).collect();
    let table = format!(
        "| state of the 1.7 replica | the original | the replica after it | ours | the replica after it |\n|---|---|---|---|---|\n{}",
        rows.join("\n")
    );
    let same = || all.iter().filter_map(|(_, comparison)| comparison.same.as_ref());
    let on_purpose: BTreeSet<OnPurpose> = same().flat_map(|(_, on_purpose)| on_purpose).copied().collect();
    let differences: Vec<_> = on_purpose.iter().map(|known| format!("- {}", known.says())).collect();
    TEXT.replace("{table}", &table)
        .replace("{summary}", &summary(all))
        .replace("{rows}", &same().map(|(rows, _)| rows).sum::<usize>().to_string())
        .replace("{differences}", &differences.join("\n"))
}

/// The figures, in a sentence or two.
#[must_use]
pub fn summary(all: &[(String, Comparison)]) -> String {
    let well = |copy: fn(&Comparison) -> &OutcomeOnCopy| {
        all.iter()
            .filter(|(_, comparison)| copy(comparison).daemon.as_ref().is_some_and(DaemonOutcome::is_well))
            .count()
    };
    let outcomes = || all.iter().filter_map(|(_, comparison)| comparison.ours.daemon.as_ref());
    format!(
        "Of the {} states, the original left a whole replica in {}, ours in {}. After ours, {} tables were compared with MySQL \
         row by row: {} unequal.",
        all.len(),
        well(|comparison| &comparison.original),
        well(|comparison| &comparison.ours),
        outcomes().map(|outcome| outcome.compared).sum::<usize>(),
        outcomes().map(|outcome| outcome.unequal.len()).sum::<usize>()
    )
}

fn row(state: &str, Comparison { original, ours, again, same }: &Comparison) -> String {
    let first = upgrade(&ours.upgrade);
    let ours_said = if *again { format!("{first}; run again: exit 0") } else { first };
    let same = same.as_ref().map(|_| "; the same catalogue, row for row").unwrap_or_default();
    format!(
        "| {state} | {} | {} | {ours_said}{same} | {} |",
        upgrade(&original.upgrade),
        replica(original),
        ours.daemon.as_ref().map(daemon).unwrap_or_default()
    )
}

fn upgrade(UpgradeResult { exit, last_line, refused_by }: &UpgradeResult) -> String {
    match exit {
        None => "killed".to_owned(),
        Some(code) if refused_by.is_empty() => {
            let sentence = last_line.split_once(". ").map_or(last_line.as_str(), |(first, _)| first);
            format!("exit {code}, “{}”", sentence.trim_end_matches('.'))
        }
        Some(code) => format!("exit {code}, refused by {}", refused_by.join(", ")),
    }
}

fn replica(copy: &OutcomeOnCopy) -> String {
    let after = &copy.after;
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
        copy.wrong_points.iter().map(|(wrong, tables)| format!("{}: {}", wrong.says(), listed(tables))),
    );
    all.extend(copy.daemon.as_ref().map(daemon));
    all.join("; ")
}

fn daemon(outcome: &DaemonOutcome) -> String {
    let mut all = Vec::new();
    all.extend(outcome.ended.iter().map(|error| format!("the daemon ends at every start: `{error}`")));
    all.extend(outcome.disabled.iter().map(|(table, why)| format!("disabled: {table} ({why})")));
    if outcome.unequal.is_empty() {
        all.push(format!("all {} tables equal", outcome.compared));
    } else {
        all.push(format!("unequal: {}", listed(&outcome.unequal)));
    }
    all.join("; ")
}

fn listed(tables: &BTreeSet<String>) -> String {
    tables.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
