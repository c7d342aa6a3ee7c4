//! What an administrator reads on the terminal, or a script in its log; with it goes what programs are told ([`events`]).
//!
//! [`events`]: crate::report::events

use crate::catalogue::v1::status::OldSourceStatus;
use crate::catalogue::v2::status::{Details, Lag, OddTable, SourceStatus};
use crate::checks::Check;
use crate::facts::snapshot::OldSourceId;
use crate::facts::way_back::Tables;
use crate::finding::{Finding, Severity};
use crate::plan::{Plan, PlannedSource};
use crate::report::bar::Bar;
use crate::report::events::{Event, Events};
use crate::report::{layout, output};
use crate::verify::{Compared, Verdict};
use crate::way_back::{SourceBack, WayBack};
use crate::wording::counted;
use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressDrawTarget};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many tables of a source are shown that do not stand where it does.
const ODD_TABLES: usize = 50;

/// Where the text of a finding begins.
const FOUND: usize = 11;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();

/// Writes to standard output and standard error. Colours only on a terminal, and not with NO_COLOR.
pub struct Console {
    pub(super) quiet: bool,
    /// The columns of the terminal; none when standard output is no terminal.
    columns: Option<usize>,
    pub(super) bars: MultiProgress,
    pub(super) running: RefCell<Vec<Bar>>,
    /// What programs are told at the same time.
    pub(super) events: Events,
}

impl Console {
    /// `quiet`: errors and the outcome only.
    #[must_use]
    pub fn new(quiet: bool, events: Events) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        Self {
            quiet,
            columns: layout::columns(),
            bars: MultiProgress::with_draw_target(target),
            running: RefCell::default(),
            events,
        }
    }

    /// Tells programs alone.
    pub fn tell(&self, event: Event<'_>) {
        self.events.tell(event);
    }

    /// Why not all of the events reached whoever watches.
    #[must_use]
    pub fn end(self) -> Option<String> {
        self.events.end()
    }

    /// The beginning of a part.
    pub fn heading(&self, text: &str) {
        self.line(&format!("\n{BOLD}{text}{BOLD:#}"));
    }

    /// A line of text.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            output::line(text);
        }
    }

    /// Whether people read it on a terminal.
    pub(super) fn is_on_a_terminal(&self) -> bool {
        self.columns.is_some()
    }

    /// A line with its time.
    pub(super) fn hanging_line(&self, time: &str, text: &str) {
        if !self.quiet {
            let begin = format!("  {time}  ");
            self.hanging(&begin, text, begin.len(), begin.len());
        }
    }

    /// A thing to do, or to know: a paragraph.
    pub fn step(&self, text: &str) {
        self.line(&layout::paragraph(text, self.columns, 2));
    }

    /// A command to copy: one line, however long.
    pub fn command(&self, command: &str) {
        self.line(&format!("  {command}"));
    }

    /// What is so when each check finds nothing.
    pub fn checks(&self, checks: &[Check]) {
        let rows: Vec<_> = checks
            .iter()
            .map(|check| {
                let worst = severity(check.worst).0.to_owned();
                let accepted = if check.acceptable { "can be accepted" } else { "" };
                vec![check.id.to_owned(), worst, accepted.to_owned(), check.about.to_owned()]
            })
            .collect();
        self.table(&["id", "at most", "--accept", "what is so when it finds nothing"], &rows);
    }

    /// What was seen of a table that was compared with MySQL.
    pub fn compared(&self, compared: &Compared) {
        let Compared { table, verdict, rows, took, .. } = compared;
        let rows = counted(*rows, "row");
        let (mark, said, more) = match verdict {
            Verdict::Equal => ("✓", format!("{rows} equal"), vec![]),
            Verdict::Gone => ("✓", "dropped on both sides".to_owned(), vec![]),
            Verdict::Unequal { what, .. } => ("✗", format!("unequal, of {rows}"), what.clone()),
            Verdict::Undecided { why, rows_that_differ } => (
                "?",
                format!("{} not decided, of {rows}", counted(*rows_that_differ, "row")),
                vec![why.clone()],
            ),
            Verdict::NotCompared { why } => ("?", "not compared".to_owned(), vec![why.clone()]),
        };
        self.line(&format!("  {mark} {table}: {said}, {:.1} s", took.as_secs_f64()));
        for text in more {
            self.line(&layout::paragraph(&text, self.columns, 6));
        }
    }

    /// How far the comparison of a table has come: so many rows, of about so many, of which `now` in this time.
    pub fn comparing(&self, table: &str, rows: u64, about: Option<u64>, took: Duration, now: u64) {
        let mut text = format!("  … {table}: {}", counted(rows, "row"));
        if let Some(about) = about.filter(|about| *about > rows && now > 0) {
            #[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
            let left = took.as_secs_f64() * (about - rows) as f64 / now as f64;
            text += &format!(" of about {about}, {left:.0} s left");
        }
        self.line(&text);
    }

    /// The findings of all checks, under their heading: what refuses first, what was accepted last.
    pub fn all_findings(&self, findings: &[Finding]) {
        self.heading("Findings");
        let mut read: Vec<_> = findings.to_vec();
        read.sort_by_key(|finding| match finding.severity {
            Severity::Error => 0,
            Severity::Warning => 1,
            Severity::Info => 2,
            Severity::Accepted => 3,
        });
        self.findings(&read);
        self.checked(findings);
        if findings.is_empty() {
            self.line("  none");
        }
    }

    /// What came of several configurations, a line each.
    pub fn overview(&self, lines: &[Vec<String>]) {
        self.heading("Overview");
        self.table(&["configuration", "database", "upgrade", "errors", "accepted", "warnings"], lines);
    }

    /// The new sources after an upgrade.
    pub fn upgraded(&self, sources: &[SourceStatus], found_out: bool, dry_run: bool) {
        if found_out {
            self.line(
                "  The connection was lost at the commit; asked again, the server says that it was done.",
            );
        }
        self.heading(if dry_run { "Status that the upgrade would leave" } else { "Status" });
        self.status(sources);
    }

    /// How many findings there are of each severity, for programs.
    pub fn checked(&self, findings: &[Finding]) {
        self.events.checked(findings);
    }

    /// The findings, each with what to do about it.
    pub fn findings(&self, findings: &[Finding]) {
        findings.iter().for_each(|finding| self.tell(Event::Finding { finding }));
        let shown = findings.iter().filter(|finding| !self.quiet || finding.severity >= Severity::Accepted);
        for finding in shown {
            let (word, style) = severity(finding.severity);
            let begin = format!("  {style}{word:<7}{style:#}  {DIM}{}{DIM:#}  ", finding.check);
            let first = FOUND + layout::width(finding.check) + 2;
            match self.columns {
                Some(columns) => {
                    let lines = layout::prose(&finding.found, columns, first, FOUND);
                    output::line(format_args!("{begin}{}", lines.join(&format!("\n{:FOUND$}", ""))));
                }
                None => output::line(format_args!("{begin}{}", finding.found)),
            }
            if let Some(reason) = &finding.accepted {
                self.hanging(&format!("{:FOUND$}accepted: ", ""), reason, FOUND + 10, FOUND + 2);
            } else if let Some(remedy) = &finding.remedy {
                self.hanging(&format!("{:FOUND$}→ ", ""), remedy, FOUND + 2, FOUND + 2);
            }
        }
    }

    /// A text behind `begin`, which takes `first` columns; further lines of it begin in the column `indent`.
    pub(super) fn hanging(&self, begin: &str, text: &str, first: usize, indent: usize) {
        let Some(columns) = self.columns else { return output::line(format_args!("{begin}{text}")) };
        let margin = format!("\n{:indent$}", "");
        output::line(format_args!("{begin}{}", layout::lines(text, columns, first, indent).join(&margin)));
    }

    pub(super) fn table(&self, header: &[&str], rows: &[Vec<String>]) {
        output::line(layout::table(header, rows, self.columns));
    }

    /// The plan: what becomes of each old source, and where the new ones start.
    pub fn plan(&self, plan: &Plan) {
        self.tell(Event::Plan { plan });
        if self.quiet {
            return;
        }
        let columns =
            ["1.7 source", "schema mapping", "starts at", "next transaction at", "tables", "2.0 source"];
        let mut parts = Vec::new();
        for source in &plan.sources {
            for part in &source.parts {
                parts.push(vec![
                    part.name.clone(),
                    part.pair.to_string(),
                    text(part.start.as_ref(), "never initialised"),
                    or_dash(part.advanced.as_ref().map(ToString::to_string).as_ref()),
                    part.tables.to_string(),
                    source.name.clone(),
                ]);
            }
        }
        self.table(&columns, &parts);
        self.between_tables();
        let sources: Vec<_> = plan.sources.iter().map(planned).collect();
        self.table(&["2.0 source", "batch start", "consistent point", "tables"], &sources);
    }

    /// From where each source of 1.8.2 goes on, and what becomes of its tables.
    pub fn way_back(&self, back: &WayBack, tables: &BTreeMap<OldSourceId, Tables>) {
        if self.quiet {
            return;
        }
        let columns = ["1.7 source", "goes on at", "tables", "gained", "gone", "left out"];
        let none = Tables::default();
        let row = |source: &SourceBack| {
            let tables = tables.get(&source.id).unwrap_or(&none);
            let numbers = [tables.replicated(), tables.added.count, tables.gone.count, tables.left_out()];
            let mut row =
                vec![source.name.clone(), text(source.coordinate.as_ref(), "nothing to go on with")];
            row.extend(numbers.map(|number| number.to_string()));
            row
        };
        self.table(&columns, &back.sources.iter().map(row).collect::<Vec<_>>());
        for source in &back.sources {
            let Some(tables) = tables.get(&source.id) else { continue };
            for (what, named) in [("Gained", &tables.added), ("Gone", &tables.gone)] {
                if named.count > 0 {
                    self.step(&format!("{what} in {}: {named}.", source.name));
                }
            }
        }
    }

    /// The sources of a 2.0 catalogue.
    pub fn status(&self, sources: &[SourceStatus]) {
        if self.quiet {
            return;
        }
        let columns = [
            "id",
            "source",
            "type",
            "status",
            "consistent",
            "read lag",
            "last read",
            "replay lag",
            "last replay",
        ];
        let mut overview = Vec::new();
        for source in sources {
            overview.push(vec![
                source.id.to_string(),
                source.name.clone(),
                source.source_type.clone(),
                source.status.clone(),
                if source.consistent { "Yes" } else { "No" }.to_owned(),
                or_dash(source.read.lag.as_ref()),
                or_dash(source.read.last.as_ref()),
                or_dash(source.replay.lag.as_ref()),
                or_dash(source.replay.last.as_ref()),
            ]);
        }
        self.table(&columns, &overview);
        self.between_tables();
        let columns = ["source", "schema mappings", "batch start", "consistent point", "tables", "disabled"];
        let mut details = Vec::new();
        for source in sources {
            let mappings: Vec<_> = source.mappings.iter().map(ToString::to_string).collect();
            details.push(vec![
                source.name.clone(),
                mappings.join("\n"),
                or_dash(source.batch_start.as_ref()),
                or_dash(source.consistent_point.as_ref()),
                source.replicated.to_string(),
                source.disabled.to_string(),
            ]);
        }
        self.table(&columns, &details);
    }

    /// More of one source.
    pub fn details(&self, details: &Details) {
        if self.quiet {
            return;
        }
        self.between_tables();
        let columns = ["rows replayed", "rows skipped", "definitions replayed", "last maintenance"];
        self.table(
            &columns,
            &[vec![
                details.rows_replayed.to_string(),
                details.rows_skipped.to_string(),
                details.definitions_replayed.to_string(),
                or_dash(details.last_maintenance.as_ref()),
            ]],
        );
        if details.tables.is_empty() {
            return;
        }
        self.between_tables();
        let row = |table: &OddTable| {
            let enabled = if table.enabled { "Yes" } else { "No" };
            vec![table.table.clone(), enabled.to_owned(), or_dash(table.starts_at.as_ref())]
        };
        let rows: Vec<_> = details.tables.iter().take(ODD_TABLES).map(row).collect();
        self.table(&["table", "replicated", "starts at"], &rows);
        let more = details.odd_tables.saturating_sub(rows.len() as u64);
        if more > 0 {
            self.step(&format!("and {} more; --format json has up to 1,000.", counted(more, "table")));
        }
    }

    /// The sources of a 1.7 catalogue.
    pub fn old_status(&self, sources: &[OldSourceStatus]) {
        if self.quiet {
            return;
        }
        let columns = [
            "id",
            "source",
            "schema mapping",
            "status",
            "read lag",
            "last read",
            "replay lag",
            "last replay",
            "tables",
        ];
        let mut overview = Vec::new();
        for source in sources {
            let from = source.source_schema.as_deref().unwrap_or("(not known yet)");
            let [read_lag, last_read] = lag(&source.read);
            let [replay_lag, last_replay] = lag(&source.replay);
            overview.push(vec![
                source.id.to_string(),
                source.name.clone(),
                format!("{from} → {}", source.dest_schema),
                source.status.clone(),
                read_lag,
                last_read,
                replay_lag,
                last_replay,
                source.tables.to_string(),
            ]);
        }
        self.table(&columns, &overview);
    }

    /// Two tables keep apart by themselves; their rows one below the other do not.
    fn between_tables(&self) {
        if self.columns.is_some() {
            output::line("");
        }
    }

    /// What went wrong, before the last line says what state the replica is in.
    pub fn failure(&self, text: &str) {
        self.tell(Event::Failure { message: text });
        let (word, style) = severity(Severity::Error);
        let text = layout::columns_of_errors()
            .map_or_else(|| text.to_owned(), |columns| layout::lines(text, columns, 7, 0).join("\n"));
        output::error_line(format_args!("{style}{word}{style:#}: {text}"));
    }

    /// Asks for YES on the terminal; the question alone.
    pub fn ask(&self, question: &str) {
        self.tell(Event::Question { question });
        let question = layout::paragraph(question, self.columns, 0);
        output::prompt(format_args!("\n{BOLD}{question}{BOLD:#} "));
    }

    /// Ends the line of a question that was not answered.
    pub fn ends_question(&self) {
        output::line("");
    }

    /// Something was done, which took its time.
    pub fn done(&self, what: &str, took: Duration) {
        if self.quiet {
            return;
        }
        let took = format!("{:>8.3} s", took.as_secs_f64());
        let (what, took) = match self.columns {
            Some(columns) if 4 + layout::width(what) + 1 + took.len() > columns => {
                (format!("{what}, {}", took.trim_start()), String::new())
            }
            _ => (what.to_owned(), format!("{:1$} {took}", "", 48_usize.saturating_sub(layout::width(what)))),
        };
        if took.is_empty() {
            self.hanging(&format!("  {GREEN}✓{GREEN:#} "), &what, 4, 4);
        } else {
            output::line(format_args!("  {GREEN}✓{GREEN:#} {what}{DIM}{took}{DIM:#}"));
        }
    }
}

fn severity(severity: Severity) -> (&'static str, Style) {
    match severity {
        Severity::Error => ("error", AnsiColor::Red.on_default().bold()),
        Severity::Accepted => ("accept.", AnsiColor::Yellow.on_default().bold()),
        Severity::Warning => ("warning", AnsiColor::Yellow.on_default().bold()),
        Severity::Info => ("info", AnsiColor::Cyan.on_default()),
    }
}

fn planned(source: &PlannedSource) -> Vec<String> {
    vec![
        source.name.clone(),
        text(source.batch_start.as_ref(), "nothing to start from"),
        text(source.consistent_point.as_ref(), "—"),
        source.tables().to_string(),
    ]
}

fn text(value: Option<&impl ToString>, otherwise: &str) -> String {
    value.map_or_else(|| otherwise.to_owned(), ToString::to_string)
}

fn or_dash(value: Option<&String>) -> String {
    text(value, "—")
}

fn lag(lag: &Lag) -> [String; 2] {
    [or_dash(lag.lag.as_ref()), or_dash(lag.last.as_ref())]
}
