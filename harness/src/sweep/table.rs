//! The table at the end of a sweep: fault × outcome, and the command that repeats each violation alone.

use super::{Findings, RunReport};
use comfy_table::{Table, presets};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What is counted of a kind of fault.
#[derive(Default)]
struct Counts {
    runs: u32,
    happened: u32,
    codes: BTreeMap<Option<i32>, u32>,
    upgraded: u32,
    violations: u32,
}

impl Counts {
    fn add(&mut self, run: &RunReport) {
        self.runs += 1;
        self.happened += u32::from(run.not_happened.is_none());
        *self.codes.entry(run.code).or_default() += 1;
        self.upgraded += u32::from(run.upgraded);
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
            (self.runs - self.upgraded).to_string(),
            self.upgraded.to_string(),
            self.violations.to_string(),
        ]
    }
}

/// The findings for people; `repeat` is the command that repeats a case, without its `--only`.
#[must_use]
pub fn table(findings: &Findings, repeat: &str) -> String {
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
    table.set_header(["fault", "runs", "happened", "exit codes", "1.7 in place", "2.0.10", "violations"]);
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
    for run in findings.violations() {
        for violation in &run.violations {
            let _ =
                writeln!(text, "\n{}: {violation}\n  repeat it: {repeat} --only '{}'", run.case, run.case);
        }
    }
    text
}
