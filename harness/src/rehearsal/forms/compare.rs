//! What has become better or worse since an earlier rehearsal.

use super::faults::Faults;
use super::wording::{self, counted, duration, grouped, moment};
use super::{characters, secrets};
use crate::rehearsal::report::{RehearsalReport, StepFinding, StepName};
use crate::replica::report::Severity;
use chameleon_upgrade::report::layout;
use std::collections::BTreeMap;

/// What is new, what is gone, and the figures of both side by side.
#[must_use]
pub fn comparison(old: &RehearsalReport, new: &RehearsalReport, columns: Option<usize>) -> String {
    let since = format!("Since the rehearsal of {}: {}.", moment(&old.began), of_verdicts(old, new));
    let mut text = layout::paragraph(&since, columns, 0);
    let Differences { gone, changed, more } = differences(&old.findings, &new.findings);
    let groups = [
        ("New", more.iter().map(|finding| of_finding(finding)).collect::<Vec<_>>()),
        ("Gone", gone.iter().map(|finding| of_finding(finding)).collect()),
        ("Changed", changed.iter().map(|(old, new)| of_change(old, new)).collect()),
    ];
    for (title, findings) in groups.iter().filter(|(_, findings)| !findings.is_empty()) {
        text.push_str(&format!("\n\n{title}: {}", counted(findings.len() as u64, "finding")));
        for finding in findings {
            let finding = characters::lines(&secrets::masked(finding));
            text.push_str(&format!("\n{}", layout::paragraph(&finding, columns, 2)));
        }
    }
    if groups.iter().all(|(_, findings)| findings.is_empty()) {
        text.push_str("\n\nThe findings are the same.");
    }
    let rows = figures(old, new);
    text.push_str(&format!("\n\n{}\n", layout::table(&["", "before", "now", ""], &rows, columns)));
    text
}

fn of_verdicts(old: &RehearsalReport, new: &RehearsalReport) -> String {
    let verdict = new.verdict.to_string();
    match new.verdict.cmp(&old.verdict) {
        std::cmp::Ordering::Less => format!("better; the verdict was {}, and is {verdict}", old.verdict),
        std::cmp::Ordering::Greater => format!("worse; the verdict was {}, and is {verdict}", old.verdict),
        std::cmp::Ordering::Equal => format!("the verdict is still {verdict}"),
    }
}

fn of_finding(finding: &StepFinding) -> String {
    format!("{}  {} ({}): {}", finding.severity, finding.check, finding.step, finding.found)
}

fn of_change(old: &StepFinding, new: &StepFinding) -> String {
    let weight = if old.severity == new.severity { String::new() } else { format!("{}, now ", old.severity) };
    let before = if old.found == new.found { String::new() } else { format!(" Before: {}", old.found) };
    format!("{weight}{}{before}", of_finding(new))
}

/// How two lists of findings differ.
#[derive(Debug, Default, PartialEq)]
struct Differences<'a> {
    gone: Vec<&'a StepFinding>,
    changed: Vec<(&'a StepFinding, &'a StepFinding)>,
    more: Vec<&'a StepFinding>,
}

/// Findings that are equal are none of the differences; of what is left, those of one check in one step belong together, in
/// their order.
fn differences<'a>(old: &'a [StepFinding], new: &'a [StepFinding]) -> Differences<'a> {
    let without = |of: &'a [StepFinding], others: &[StepFinding]| -> Vec<&'a StepFinding> {
        let mut others: Vec<_> = others.iter().map(essence).collect();
        let is_left = |finding: &&StepFinding| {
            let place = others.iter().position(|other| *other == essence(finding));
            place.map(|place| others.swap_remove(place)).is_none()
        };
        of.iter().filter(is_left).collect()
    };
    let mut by_check: BTreeMap<(StepName, &str), Vec<&StepFinding>> = BTreeMap::new();
    for finding in without(old, new).into_iter().rev() {
        by_check.entry((finding.step, &finding.check)).or_default().push(finding);
    }
    let mut differences = Differences::default();
    for finding in without(new, old) {
        match by_check.get_mut(&(finding.step, finding.check.as_str())).and_then(Vec::pop) {
            Some(before) => differences.changed.push((before, finding)),
            None => differences.more.push(finding),
        }
    }
    differences.gone = by_check.into_values().flat_map(|left| left.into_iter().rev()).collect();
    differences
}

/// A remedy may name other files without the finding being another one.
fn essence(finding: &StepFinding) -> (StepName, &str, Severity, &str) {
    (finding.step, &finding.check, finding.severity, &finding.found)
}

/// The figures of both, and whether that is better.
fn figures(old: &RehearsalReport, new: &RehearsalReport) -> Vec<Vec<String>> {
    let both = [old, new];
    let mut rows = vec![row(
        "verdict",
        both.map(|it| it.verdict.to_string()),
        both.map(|it| f64::from(it.verdict as u8)),
    )];
    for severity in [Severity::Error, Severity::Warning] {
        let counts = both.map(|it| wording::findings(it, severity));
        rows.push(row(&format!("{severity}s"), counts.map(grouped), counts.map(|count| count as f64)));
    }
    rows.push(of_times("stands still, likely", both.map(|it| Some(it.forecast.as_ref()?.total.likely))));
    rows.push(of_times("stands still, at most", both.map(|it| Some(it.forecast.as_ref()?.total.high))));
    for part in new.forecast.iter().flat_map(|forecast| &forecast.parts) {
        let likely = |it: &RehearsalReport| {
            let parts = &it.forecast.as_ref()?.parts;
            Some(parts.iter().find(|other| other.part == part.part)?.seconds.likely)
        };
        rows.push(of_times(&format!("likely: {}", part.part), both.map(likely)));
    }
    for step in &new.steps {
        let took =
            |it: &RehearsalReport| Some(it.steps.iter().find(|other| other.step == step.step)?.seconds);
        rows.push(of_times(&format!("took: {}", step.step), both.map(took)));
    }
    let violations = both.map(|it| it.sweep.as_ref().map(|sweep| Faults::of(sweep).all().violations));
    if violations.iter().any(Option::is_some) {
        let words = violations.map(|count| count.map_or_else(|| "not known".to_owned(), grouped));
        rows.push(row(
            "violations",
            words,
            violations.map(|count| count.map_or(f64::NAN, |count| count as f64)),
        ));
    }
    let tables = both.map(|it| grouped(wording::tables(it)));
    rows.push(row("tables", tables, [0.0; 2]));
    for row in rows.iter_mut().flatten() {
        *row = characters::name(&secrets::masked(row));
    }
    rows
}

fn of_times(name: &str, seconds: [Option<f64>; 2]) -> Vec<String> {
    let words = seconds.map(|seconds| seconds.map_or_else(|| "not known".to_owned(), duration));
    // A tenth more or less is what two runs of the same differ in.
    let alike = |a: f64, b: f64| (a - b).abs() <= 0.1 * a.abs().max(b.abs()).max(1.0);
    let values = match seconds {
        [Some(old), Some(new)] if !alike(old, new) => [old, new],
        _ => [f64::NAN; 2],
    };
    row(name, words, values)
}

/// Less is better, of all of them.
fn row(name: &str, [before, now]: [String; 2], [old, new]: [f64; 2]) -> Vec<String> {
    let word = if new < old {
        "better"
    } else if new > old {
        "worse"
    } else {
        ""
    };
    vec![name.to_owned(), before, now, word.to_owned()]
}
