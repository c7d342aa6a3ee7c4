//! What came of a rehearsal as a JUnit file: the verdict, each step, each finding and each kind of fault is a case. An error
//! is a failure; what only is to be known is no failure, and stands in the case's output.

use super::characters;
use super::faults::{Counts, Faults};
use super::secrets;
use super::wording;
use crate::rehearsal::report::{RehearsalReport, RehearsedStep, StepFinding, StepOutcome};
use crate::replica::report::Severity;
use crate::scenario::escaped;
use crate::sweep::Findings;
use std::collections::BTreeMap;

/// How many violations of a kind of fault are written out.
const VIOLATIONS_SHOWN: usize = 20;

/// The file's text.
#[must_use]
pub fn junit(report: &RehearsalReport) -> String {
    let mut cases = vec![of_verdict(report)];
    cases.extend(report.steps.iter().map(of_step));
    let mut seen = BTreeMap::new();
    cases.extend(report.findings.iter().map(|finding| of_finding(finding, &mut seen)));
    cases.extend(report.sweep.iter().flat_map(of_faults));
    let count = |wanted: fn(&Outcome) -> bool| cases.iter().filter(|case| wanted(&case.outcome)).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"rehearsal\" tests=\"{}\" failures=\"{}\" errors=\"0\" \
         skipped=\"{}\" time=\"{:.3}\" timestamp=\"{}\">\n",
        cases.len(),
        count(|outcome| matches!(outcome, Outcome::Failed(_))),
        count(|outcome| matches!(outcome, Outcome::Skipped(_))),
        report.seconds,
        shown(&report.began)
    );
    cases.iter().for_each(|case| text.push_str(&case.element()));
    text.push_str("</testsuite>\n");
    text
}

/// A case of the file.
struct TestCase {
    class: &'static str,
    name: String,
    seconds: f64,
    outcome: Outcome,
}

enum Outcome {
    Passed(String),
    Failed(String),
    Skipped(String),
}

impl TestCase {
    fn element(&self) -> String {
        let inner = match &self.outcome {
            Outcome::Passed(output) if output.is_empty() => String::new(),
            Outcome::Passed(output) => format!("<system-out>{}</system-out>", shown(output)),
            Outcome::Failed(what) => format!("<failure>{}</failure>", shown(what)),
            Outcome::Skipped(why) => format!("<skipped message=\"{}\"/>", shown(why)),
        };
        format!(
            "  <testcase classname=\"rehearsal.{}\" name=\"{}\" time=\"{:.3}\">{inner}</testcase>\n",
            self.class,
            shown(&self.name),
            self.seconds
        )
    }
}

fn of_verdict(report: &RehearsalReport) -> TestCase {
    let why = report.because.join("\n");
    let outcome = if report.went_well() { Outcome::Passed(why) } else { Outcome::Failed(why) };
    TestCase { class: "verdict", name: "the day will go well".to_owned(), seconds: 0.0, outcome }
}

fn of_step(step: &RehearsedStep) -> TestCase {
    let seen = step.seen.clone();
    let outcome = match step.outcome {
        StepOutcome::Passed | StepOutcome::Warned => Outcome::Passed(seen),
        StepOutcome::Failed => Outcome::Failed(seen),
        StepOutcome::LeftOut => Outcome::Skipped(seen),
    };
    TestCase { class: "step", name: step.step.to_string(), seconds: step.seconds, outcome }
}

/// Several findings of one check have names of their own.
fn of_finding(finding: &StepFinding, seen: &mut BTreeMap<String, u32>) -> TestCase {
    let mut name = format!("{} ({})", finding.check, finding.step);
    let number = seen.entry(name.clone()).or_insert(0);
    *number += 1;
    if *number > 1 {
        name.push_str(&format!(" {number}"));
    }
    let remedy = finding.remedy.as_ref().map(|remedy| format!("\nWhat to do: {remedy}"));
    let text = format!("{}: {}{}", finding.severity, finding.found, remedy.unwrap_or_default());
    let outcome =
        if finding.severity == Severity::Error { Outcome::Failed(text) } else { Outcome::Passed(text) };
    TestCase { class: "finding", name, seconds: 0.0, outcome }
}

fn of_faults(findings: &Findings) -> Vec<TestCase> {
    let of_kind = |(kind, cells): (String, Vec<Counts>)| {
        let counts = Counts::sum(&cells);
        let outcome = if counts.violations == 0 {
            Outcome::Passed(format!("{}, {} happened", wording::counted(counts.runs, "run"), counts.happened))
        } else {
            let runs = findings.violations().filter(|run| run.group == kind);
            let line = |run: &crate::sweep::RunReport| {
                let violations: Vec<_> = run.violations.iter().map(ToString::to_string).collect();
                format!("{}: {}", run.case, violations.join("; "))
            };
            let mut lines: Vec<_> = runs.take(VIOLATIONS_SHOWN).map(line).collect();
            let more = counts.violations.saturating_sub(lines.len() as u64);
            lines.extend((more > 0).then(|| format!("and {more} more runs")));
            Outcome::Failed(lines.join("\n"))
        };
        TestCase { class: "faults", name: kind, seconds: 0.0, outcome }
    };
    Faults::of(findings).kinds.into_iter().map(of_kind).collect()
}

fn shown(text: &str) -> String {
    escaped(&characters::lines(&secrets::masked(text)))
}
