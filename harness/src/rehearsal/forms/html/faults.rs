//! What the sweep found: a row for each kind of fault, a column for each step of the upgrade.

use super::markup::{badge, first, name, table, text};
use crate::rehearsal::forms::faults::{Counts, Faults};
use crate::rehearsal::forms::wording::{counted, duration, grouped};
use crate::rehearsal::report::RehearsalReport;
use crate::sweep::{Findings, RunReport};

/// How many runs with violations are shown.
const SHOWN: usize = 50;

/// The part of the page.
pub(super) fn faults(report: &RehearsalReport) -> String {
    let Some(findings) = &report.sweep else { return String::new() };
    let faults = Faults::of(findings);
    let all = faults.all();
    let steps: Vec<_> = faults.steps.iter().map(|step| name(step)).collect();
    let mut columns = vec![("Fault", ""), ("Runs", "n"), ("Happened", "n"), ("Violations", "n")];
    columns.extend(steps.iter().map(|step| (step.as_str(), "n")));
    let row = |(kind, cells): &(String, Vec<Counts>)| {
        let of_kind = Counts::sum(cells);
        let totals = [grouped(of_kind.runs), grouped(of_kind.happened), violations(of_kind)];
        [name(kind)].into_iter().chain(totals).chain(cells.iter().map(|counts| cell(*counts))).collect()
    };
    let rows: Vec<Vec<_>> = faults.kinds.iter().map(row).collect();
    format!(
        "<p>Each fault was made to happen at each of the {} of an upgrade that takes {}; after each the catalogue was \
         whole, or a property was violated. {}, in {} of them the fault happened, {}.</p>\n{}{}",
        counted(findings.messages.len() as u64, "message"),
        duration(findings.undisturbed.as_secs_f64()),
        counted(all.runs, "run"),
        grouped(all.happened),
        counted(all.violations, "violation"),
        table("Runs by kind of fault and by step", &columns, &rows),
        violated(findings)
    )
}

fn violations(counts: Counts) -> String {
    if counts.violations == 0 { "0".to_owned() } else { badge("no", &grouped(counts.violations)) }
}

fn cell(counts: Counts) -> String {
    match counts {
        Counts { runs: 0, .. } => "<span class=\"none\">–</span>".to_owned(),
        Counts { runs, violations: 0, .. } => format!("<span class=\"held\">{}</span>", grouped(runs)),
        Counts { runs, violations, .. } => {
            badge("no", &format!("{} of {}", grouped(violations), grouped(runs)))
        }
    }
}

/// Each run that violated a property, and what was seen.
fn violated(findings: &Findings) -> String {
    let violating: Vec<_> = findings.violations().collect();
    if violating.is_empty() {
        return String::new();
    }
    let (shown, more) = first(&violating, SHOWN);
    let item = |run: &&RunReport| {
        let seen: Vec<_> = run.violations.iter().map(|violation| text(&violation.to_string())).collect();
        format!("<li><code>{}</code> {}</li>\n", name(&run.case), seen.join("; "))
    };
    format!("<h3>Violations</h3>\n<ul>{}</ul>\n{more}", shown.iter().map(item).collect::<String>())
}
