//! What was rehearsed, when, and how each part of it ended; the upgrade itself, step by step.

use super::markup::{badge, output, percent, table, text};
use crate::rehearsal::forms::wording::{self, duration};
use crate::rehearsal::report::{RehearsalReport, RehearsedStep, StepOutcome};
use crate::replica::report::StepTime;
use chameleon_upgrade::wording::sentence;

/// The parts of the rehearsal, with a bar for the time of each.
pub(super) fn steps(report: &RehearsalReport) -> String {
    if report.steps.is_empty() {
        return String::new();
    }
    let ends = report.steps.iter().map(|step| step.at + step.seconds);
    let whole = ends.fold(report.seconds, f64::max);
    let columns = [
        ("Step", ""),
        ("Outcome", ""),
        ("Began at", "n"),
        ("Took", "n"),
        ("When", "picture"),
        ("What was seen", "wide"),
    ];
    let row = |step: &RehearsedStep| {
        vec![
            sentence(&step.step.to_string()),
            badge(class(step.outcome), wording::outcome(step.outcome)),
            duration(step.at),
            duration(step.seconds),
            bar(class(step.outcome), step.at, step.seconds, whole),
            text(&step.seen),
        ]
    };
    table("The parts of the rehearsal", &columns, &report.steps.iter().map(row).collect::<Vec<_>>())
}

fn class(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Passed => "go",
        StepOutcome::Warned => "warn",
        StepOutcome::Failed => "no",
        StepOutcome::LeftOut => "info",
    }
}

/// A time within a longer one; the shortest is seen too.
fn bar(class: &str, at: f64, seconds: f64, whole: f64) -> String {
    let shortest = whole / 100.0;
    let width = seconds.max(shortest);
    format!(
        "<svg class=\"bar\" width=\"100%\" height=\"16\" aria-hidden=\"true\"><rect class=\"track\" y=\"4\" width=\"100%\" height=\"8\" rx=\"2\"/>\
         <rect class=\"fill {class}\" x=\"{}\" y=\"2\" width=\"{}\" height=\"12\" rx=\"2\"/></svg>",
        percent(at.min(whole - width), whole),
        percent(width, whole)
    )
}

/// The upgrade of the copy.
pub(super) fn upgrade(report: &RehearsalReport) -> String {
    let Some(upgrade) = &report.upgrade else { return String::new() };
    let end = match upgrade.exit_code {
        Some(0) => badge("go", "exit code 0"),
        Some(code) => badge("no", &format!("exit code {code}")),
        None => badge("no", "ended by a signal"),
    };
    let mut begun = 0.0;
    let whole: f64 = upgrade.steps.iter().map(|step| step.seconds).sum();
    let row = |step: &StepTime| {
        let bar = bar("plain", begun, step.seconds, whole);
        begun += step.seconds;
        vec![text(&step.step), duration(step.seconds), bar]
    };
    let rows: Vec<_> = upgrade.steps.iter().map(row).collect();
    let steps = if rows.is_empty() {
        String::new()
    } else {
        let columns = [("Step of the transaction", ""), ("Took", "n"), ("When", "picture")];
        table("The steps of the transaction", &columns, &rows)
    };
    format!(
        "<p>{end} It took {} on the copy, {} of that to replay what waited.</p>\n{steps}{}",
        duration(upgrade.seconds),
        duration(upgrade.replay_seconds),
        output("What the upgrade wrote", &upgrade.output)
    )
}
