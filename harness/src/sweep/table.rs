//! The table at the end of a sweep: fault × outcome, and the command that repeats each violation alone.

use super::{Findings, RunReport};
use crate::record::properties::{Property, Violation, alike};
use comfy_table::{Table, presets};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What is counted of a kind of fault.
#[derive(Default)]
struct Counts {
    runs: u32,
    happened: u32,
    codes: BTreeMap<Option<i32>, u32>,
    done: u32,
    violations: u32,
}

impl Counts {
    fn add(&mut self, run: &RunReport) {
        self.runs += 1;
        self.happened += u32::from(run.not_happened.is_none());
        *self.codes.entry(run.code).or_default() += 1;
        self.done += u32::from(run.done);
        self.violations += u32::from(!run.violations.is_empty());
    }

    fn row(&self, name: &str) -> [String; 7] {
        let code = |code: &Option<i32>| code.map_or_else(|| "killed".to_owned(), |code| code.to_string());
        let codes: Vec<_> = self.codes.iter().map(|(it, count)| format!("{}: {count}", code(it))).collect();
        [
            name.to_owned(),
            self.runs.to_string(),
            self.happened.to_string(),
            codes.join(", "),
            (self.runs - self.done).to_string(),
            self.done.to_string(),
            self.violations.to_string(),
        ]
    }
}

/// The findings for people; `repeat` is the command that repeats a case, without its `--only`.
#[must_use]
pub fn table(findings: &Findings, repeat: &str) -> String {
    of_states(findings, repeat, ["1.7 in place", "2.0.10"])
}

/// The same of another verb than an upgrade.
#[must_use]
pub fn table_of_verb(findings: &Findings, repeat: &str) -> String {
    of_states(findings, repeat, ["as before", "done"])
}

fn of_states(findings: &Findings, repeat: &str, [before, done]: [&str; 2]) -> String {
    let mut groups: Vec<(&str, Counts)> = Vec::new();
    let mut all = Counts::default();
    for run in &findings.runs {
        all.add(run);
        match groups.iter_mut().find(|(name, _)| *name == run.group) {
            Some((_, counts)) => counts.add(run),
            None => {
                let mut counts = Counts::default();
                counts.add(run);
                groups.push((&run.group, counts));
            }
        }
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(["fault", "runs", "happened", "exit codes", before, done, "violations"]);
    for (name, counts) in &groups {
        table.add_row(counts.row(name));
    }
    table.add_row(all.row("all"));
    let mut text = format!("{table}\n");
    for run in &findings.runs {
        if let Some(why) = &run.not_happened {
            // Writing to a String does not fail.
            let _ = writeln!(text, "\n{} did not happen: {why}", run.case);
        }
    }
    let kinds = kinds(findings);
    for Kind { violation, cases } in kinds.iter().take(SHOWN_KINDS) {
        let Some((example, others)) = cases.split_first() else { continue };
        // Writing to a String does not fail.
        let _ = writeln!(text, "\n{example}: {violation}\n  repeat it: {repeat} --only '{example}'");
        if !others.is_empty() {
            let some: Vec<_> = others.iter().take(SHOWN_CASES).copied().collect();
            let more = if others.len() > SHOWN_CASES { ", …" } else { "" };
            let _ =
                writeln!(text, "  {} runs show the same: this one, {}{more}", cases.len(), some.join(", "));
        }
    }
    if kinds.len() > SHOWN_KINDS {
        let _ = writeln!(text, "\n… and {} more kinds of violation", kinds.len() - SHOWN_KINDS);
    }
    text
}

/// How many different violations are shown.
const SHOWN_KINDS: usize = 20;
/// How many cases of each are named.
const SHOWN_CASES: usize = 5;

/// A violation, with the cases that show it.
struct Kind<'a> {
    violation: &'a Violation,
    cases: Vec<&'a str>,
}

/// Equal violations count as one.
fn kinds(findings: &Findings) -> Vec<Kind<'_>> {
    let mut places: BTreeMap<(Property, String), usize> = BTreeMap::new();
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for run in findings.violations() {
        for violation in &run.violations {
            let place = *places.entry((violation.property, alike(&violation.seen))).or_insert(kinds.len());
            match kinds.get_mut(place) {
                Some(kind) if kind.cases.last() == Some(&run.case.as_str()) => {}
                Some(kind) => kind.cases.push(&run.case),
                None => kinds.push(Kind { violation, cases: vec![&run.case] }),
            }
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::super::RunReport;
    use super::*;
    use std::time::Duration;

    fn run(case: &str, seen: &[&str]) -> RunReport {
        let violation = |seen: &&str| Violation { property: Property::Atomic, seen: (*seen).to_owned() };
        RunReport {
            case: case.to_owned(),
            group: "cut_after".to_owned(),
            not_happened: None,
            code: Some(4),
            done: false,
            retried: true,
            violations: seen.iter().map(violation).collect(),
        }
    }

    #[test]
    fn equal_violations_are_shown_once_with_their_number_and_an_example() {
        let mut runs: Vec<_> = (1..=1930)
            .map(|at| run(&format!("cut_after@{at}"), &[&format!("the table t is gone at {at}")]))
            .collect();
        runs.push(run("cut_after@2000", &["the view v is gone"]));
        let findings = Findings { messages: vec![], undisturbed: Duration::ZERO, runs };
        let text = table(&findings, "sweep");
        assert_eq!(text.matches("the table t is gone").count(), 1, "{text}");
        assert!(text.contains("repeat it: sweep --only 'cut_after@1'\n"), "{text}");
        assert!(text.contains("1930 runs show the same: this one, cut_after@2, "), "{text}");
        assert!(text.contains("cut_after@2000: atomic: the view v is gone"), "{text}");
        assert!(text.lines().count() < 20, "{text}");
    }
}
