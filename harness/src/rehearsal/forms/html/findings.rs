//! What was found, what weighs most first, with what to do.

use super::markup::{badge, first, text};
use crate::rehearsal::forms::text::by_weight;
use crate::rehearsal::report::{RehearsalReport, StepFinding};
use crate::replica::report::Severity;

/// More of them nobody reads.
const SHOWN: usize = 500;

/// The part of the page.
pub(super) fn findings(report: &RehearsalReport) -> String {
    if report.findings.is_empty() {
        return "<p>Nothing was found.</p>\n".to_owned();
    }
    let mut groups: Vec<Vec<&StepFinding>> = Vec::new();
    let all = by_weight(&report.findings);
    let (shown, more) = first(&all, SHOWN);
    for finding in shown {
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(|one| alike(one, finding)) => group.push(finding),
            _ => groups.push(vec![finding]),
        }
    }
    let items: String = groups.iter().map(|group| item(group)).collect();
    format!("<ul class=\"findings\">{items}</ul>\n{more}")
}

/// Findings of one check for which the same is to be done are shown together.
fn alike(one: &StepFinding, other: &StepFinding) -> bool {
    let essence = |it: &StepFinding| (it.step, it.check.clone(), it.severity, it.remedy.clone());
    one.remedy.is_some() && essence(one) == essence(other)
}

fn item(group: &[&StepFinding]) -> String {
    let Some(finding) = group.first() else { return String::new() };
    let class = match finding.severity {
        Severity::Error => "no",
        Severity::Warning => "warn",
        Severity::Info | Severity::Accepted => "info",
    };
    let remedy = finding
        .remedy
        .as_ref()
        .map(|remedy| format!("<p class=\"remedy\"><b>What to do</b> {}</p>", text(remedy)));
    let found: String =
        group.iter().map(|finding| format!("<p class=\"found\">{}</p>", text(&finding.found))).collect();
    format!(
        "<li class=\"{class}\"><h3>{} {} <span class=\"note\">{}</span></h3>{found}{}</li>\n",
        badge(class, &finding.severity.to_string()),
        text(&finding.check),
        finding.step,
        remedy.unwrap_or_default()
    )
}
