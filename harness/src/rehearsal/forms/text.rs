//! What an administrator reads on the console.

use super::faults::{Counts, Faults};
use super::wording::{self, counted, duration, grouped, moment, range, size};
use super::{characters, secrets};
use crate::rehearsal::report::{
    DaemonRun, ForecastPart, RehearsalReport, RehearsedStep, StepFinding, Verdict,
};
use crate::replica::report::Severity;
use chameleon_upgrade::report::layout;
use chameleon_upgrade::wording::{first_of, sentence};

/// How many tables that a daemon has disabled are named.
const DISABLED_NAMED: usize = 5;
/// How many kinds of violation are shown.
const VIOLATIONS_SHOWN: usize = 5;

/// The text, in lines of so many columns; without them a paragraph is a line.
#[must_use]
pub fn text(report: &RehearsalReport, columns: Option<usize>) -> String {
    let mut text = Text { columns, text: String::new() };
    text.paragraph(0, &heading(report));
    text.because(report);
    text.steps(report);
    text.findings(report);
    text.forecast(report);
    text.daemons(report);
    text.faults(report);
    text.left_out(report);
    text.day(report);
    text.gap();
    text.paragraph(0, &format!("{}: {}", report.verdict, wording::verdict(report.verdict)));
    text.text
}

/// What was rehearsed, when and with what.
fn heading(report: &RehearsalReport) -> String {
    let of = &report.production;
    let mut sizes = vec![counted(wording::tables(report), "table")];
    sizes.extend(of.database_bytes.map(|bytes| format!("a database of {}", size(bytes))));
    sizes.push(format!("a dump of {}", size(of.dump_bytes)));
    format!(
        "Rehearsal with the configuration {}, {}: {}; {} on the server {}",
        report.configuration,
        moment(&report.began),
        sizes.join(", "),
        duration(report.seconds),
        report.throwaway.server
    )
}

/// What is written.
struct Text {
    columns: Option<usize>,
    text: String,
}

impl Text {
    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn title(&mut self, title: &str) {
        self.gap();
        self.paragraph(0, title);
    }

    fn paragraph(&mut self, indent: usize, text: &str) {
        let mut text = shown(text);
        if self.columns.is_none() {
            text = text.trim_end().replace('\n', &format!("\n{}", " ".repeat(indent)));
        }
        self.text.push_str(&layout::paragraph(text.trim_end(), self.columns, indent));
        self.gap();
    }

    fn item(&mut self, text: &str) {
        let text = shown(text);
        let lines =
            self.columns.map_or_else(|| vec![text.clone()], |columns| layout::lines(&text, columns, 4, 4));
        self.text.push_str(&format!("  - {}\n", lines.join("\n    ")));
    }

    fn table(&mut self, header: &[&str], rows: &[Vec<String>]) {
        let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
        self.text.push_str(&layout::table(header, &rows, self.columns));
        self.gap();
    }

    fn because(&mut self, report: &RehearsalReport) {
        if report.because.is_empty() {
            return;
        }
        self.title(if report.verdict == Verdict::NoGo { "Why not" } else { "To know" });
        report.because.iter().for_each(|why| self.item(why));
    }

    fn steps(&mut self, report: &RehearsalReport) {
        if report.steps.is_empty() {
            return;
        }
        self.title("What was rehearsed");
        let row = |step: &RehearsedStep| {
            let [at, took] = [step.at, step.seconds].map(duration);
            let cells = [step.step.to_string(), wording::outcome(step.outcome).to_owned(), at, took];
            cells.into_iter().chain([step.seen.clone()]).collect()
        };
        let rows: Vec<Vec<_>> = report.steps.iter().map(row).collect();
        self.table(&["step", "outcome", "at", "took", "seen"], &rows);
    }

    fn findings(&mut self, report: &RehearsalReport) {
        self.title(&format!(
            "Findings: {}, {}",
            counted(wording::findings(report, Severity::Error), "error"),
            counted(wording::findings(report, Severity::Warning), "warning")
        ));
        for finding in by_weight(&report.findings) {
            self.paragraph(2, &format!("{}  {} ({})", finding.severity, finding.check, finding.step));
            self.paragraph(4, &finding.found);
            if let Some(remedy) = &finding.remedy {
                self.paragraph(4, &format!("What to do: {remedy}"));
            }
        }
    }

    fn forecast(&mut self, report: &RehearsalReport) {
        let Some(forecast) = &report.forecast else { return };
        let total = &forecast.total;
        self.title(&format!(
            "The replica will stand still for {} most likely, {}",
            duration(total.likely),
            range(total)
        ));
        let row = |part: &ForecastPart| {
            let seconds = &part.seconds;
            let figures = [seconds.low, seconds.likely, seconds.high].map(duration);
            [part.part.clone()].into_iter().chain(figures).chain([part.basis.clone()]).collect()
        };
        let rows: Vec<Vec<_>> = forecast.parts.iter().map(row).collect();
        self.table(&["part", "at least", "likely", "at most", "from"], &rows);
    }

    fn daemons(&mut self, report: &RehearsalReport) {
        if report.daemons.is_empty() {
            return;
        }
        self.title("The daemons of pg_chameleon 2 on the copy");
        report.daemons.iter().for_each(|daemon| self.item(&run_of(daemon)));
    }

    fn faults(&mut self, report: &RehearsalReport) {
        let Some(findings) = &report.sweep else { return };
        let faults = Faults::of(findings);
        let all = faults.all();
        self.title(&format!(
            "The upgrade with faults: {}, {} happened, {}",
            counted(all.runs, "run"),
            grouped(all.happened),
            counted(all.violations, "violation")
        ));
        let row = |(kind, counts): (String, Counts)| {
            let counts = [counts.runs, counts.happened, counts.violations].map(grouped);
            [kind].into_iter().chain(counts).collect()
        };
        let of_kinds = faults.kinds.iter().map(|(kind, cells)| (kind.clone(), Counts::sum(cells)));
        let rows: Vec<Vec<_>> = of_kinds.map(row).collect();
        self.table(&["fault", "runs", "happened", "violations"], &rows);
        for run in findings.violations().take(VIOLATIONS_SHOWN) {
            for violation in &run.violations {
                self.item(&format!("{}: {violation}", run.case));
            }
        }
        let violating = findings.violations().count();
        if violating > VIOLATIONS_SHOWN {
            self.item(&format!("and {} more runs", violating - VIOLATIONS_SHOWN));
        }
    }

    fn left_out(&mut self, report: &RehearsalReport) {
        if report.throwaway.left_out.is_empty() {
            return;
        }
        self.title("Not rehearsed, because this is another server than production's");
        report.throwaway.left_out.iter().for_each(|what| self.item(what));
    }

    /// Each command on a line of its own, whole, to be copied.
    fn day(&mut self, report: &RehearsalReport) {
        if report.day.is_empty() {
            return;
        }
        self.title("The day");
        for (number, command) in (1..).zip(&report.day) {
            self.paragraph(2, &format!("{number}. {}", sentence(&command.about)));
            self.text.push_str(&format!("     {}\n", shown(&command.command)));
        }
    }
}

/// A daemon in a sentence.
fn run_of(daemon: &DaemonRun) -> String {
    let mut text = format!("{} (pg_chameleon {})", daemon.source, daemon.version);
    text.push_str(match (daemon.alive, daemon.caught_up) {
        (true, true) => " has caught up and ran to the end",
        (true, false) => " ran to the end and has not caught up",
        (false, true) => " has caught up and then ended",
        (false, false) => " has ended before it had caught up",
    });
    text.push_str(&format!("; {}", duration(daemon.seconds)));
    if let Some(position) = &daemon.position {
        text.push_str(&format!("; it had come to {position}"));
    }
    if let Some(lag) = daemon.lag_seconds {
        text.push_str(&format!(", {} behind MySQL", duration(lag)));
    }
    if !daemon.disabled.is_empty() {
        let named = daemon.disabled.iter().take(DISABLED_NAMED).cloned().collect::<Vec<_>>();
        let named = first_of(&named, daemon.disabled.len() as u64);
        text.push_str(&format!("; it has disabled {named}"));
    }
    text
}

/// What weighs most comes first; otherwise in the order of the steps.
#[must_use]
pub fn by_weight(findings: &[StepFinding]) -> Vec<&StepFinding> {
    let mut findings: Vec<_> = findings.iter().collect();
    findings.sort_by_key(|finding| weight(finding.severity));
    findings
}

fn weight(severity: Severity) -> u8 {
    match severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Info => 2,
        Severity::Accepted => 3,
    }
}

/// Without secrets, and without what a terminal would obey.
fn shown(text: &str) -> String {
    characters::lines(&secrets::masked(text))
}
