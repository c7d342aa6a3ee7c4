//! What an administrator reads on the terminal, or a script in its log.

use crate::catalogue::v1::status::OldSourceStatus;
use crate::catalogue::v2::status::{Lag, SourceStatus};
use crate::checks::{Finding, Severity, counted};
use crate::plan::{Plan, PlannedSource};
use crate::replay::{Backlog, Progress};
use crate::report::output;
use crate::source::{self, facts::Reading};
use crate::upgrade::Observer;
use crate::upgrade::step::Step;
use crate::window::Bytes;
use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::Duration;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();

/// Writes to standard output and standard error. Colours only on a terminal, and not with NO_COLOR.
pub struct Console {
    quiet: bool,
    bars: MultiProgress,
    running: RefCell<Vec<Bar>>,
}

/// How far the replay of a source has come, on a terminal; elsewhere a line now and then.
struct Bar {
    source: String,
    bar: ProgressBar,
    /// The last tenth that was told, where there is no terminal.
    told: u64,
}

impl Console {
    /// `quiet`: errors and the outcome only.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        Self { quiet, bars: MultiProgress::with_draw_target(target), running: RefCell::default() }
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

    /// The findings, each with what to do about it.
    pub fn findings(&self, findings: &[Finding]) {
        let shown = findings.iter().filter(|finding| !self.quiet || finding.severity == Severity::Error);
        for finding in shown {
            let (word, style) = severity(finding.severity);
            output::line(format_args!(
                "  {style}{word:<7}{style:#}  {DIM}{}{DIM:#}  {}",
                finding.check, finding.found
            ));
            if let Some(remedy) = &finding.remedy {
                output::line(format_args!("           → {remedy}"));
            }
        }
    }

    /// The plan: what becomes of each old source, and where the new ones start.
    pub fn plan(&self, plan: &Plan) {
        if self.quiet {
            return;
        }
        let columns =
            ["1.7 source", "schema mapping", "starts at", "next transaction at", "tables", "2.0 source"];
        let mut parts = table(&columns);
        for source in &plan.sources {
            for part in &source.parts {
                parts.add_row([
                    part.name.clone(),
                    part.pair.to_string(),
                    text(part.start.as_ref(), "never initialised"),
                    or_dash(part.advanced.as_ref().map(ToString::to_string).as_ref()),
                    part.tables.to_string(),
                    source.name.clone(),
                ]);
            }
        }
        output::line(parts);
        let mut sources = table(&["2.0 source", "batch start", "consistent point", "tables"]);
        for source in &plan.sources {
            sources.add_row(planned(source));
        }
        output::line(sources);
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
        let mut overview = table(&columns);
        for source in sources {
            overview.add_row([
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
        output::line(overview);
        let columns = ["source", "schema mappings", "batch start", "consistent point", "tables", "disabled"];
        let mut details = table(&columns);
        for source in sources {
            let mappings: Vec<_> = source.mappings.iter().map(ToString::to_string).collect();
            details.add_row([
                source.name.clone(),
                mappings.join("\n"),
                or_dash(source.batch_start.as_ref()),
                or_dash(source.consistent_point.as_ref()),
                source.replicated.to_string(),
                source.disabled.to_string(),
            ]);
        }
        output::line(details);
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
        let mut overview = table(&columns);
        for source in sources {
            let from = source.source_schema.as_deref().unwrap_or("(not known yet)");
            let [read_lag, last_read] = lag(&source.read);
            let [replay_lag, last_replay] = lag(&source.replay);
            overview.add_row([
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
        output::line(overview);
    }

    /// What went wrong, before the last line says what state the replica is in.
    pub fn failure(&self, text: &str) {
        let (word, style) = severity(Severity::Error);
        output::error_line(format_args!("{style}{word}{style:#}: {text}"));
    }

    /// Asks for YES on the terminal; the question alone.
    pub fn ask(&self, question: &str) {
        output::prompt(format_args!("\n{BOLD}{question}{BOLD:#} "));
    }

    /// Ends the line of a question that was not answered.
    pub fn ends_question(&self) {
        output::line("");
    }

    /// Something takes its time with a source: on a terminal a bar, which goes when it is done.
    fn begins(&self, source: &str, of: u64, style: ProgressStyle) {
        let bar = if self.quiet || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::new(of).with_style(style);
            self.bars.add(bar.with_message(source.to_owned()))
        };
        self.running.borrow_mut().push(Bar { source: source.to_owned(), bar, told: 0 });
    }

    /// It has come to `at`: where there is no terminal, every tenth is told.
    fn advances(&self, source: &str, at: u64, of: u64, told: impl Fn() -> String) {
        let mut running = self.running.borrow_mut();
        let Some(bar) = running.iter_mut().find(|bar| bar.source == source) else { return };
        bar.bar.set_position(at.min(of));
        let tenth = (at * 10).checked_div(of).unwrap_or_default();
        if bar.bar.is_hidden() && tenth > bar.told && tenth < 10 {
            bar.told = tenth;
            self.line(&told());
        }
    }

    fn ends(&self, source: &str) {
        let mut running = self.running.borrow_mut();
        if let Some(place) = running.iter().position(|bar| bar.source == source) {
            running.swap_remove(place).bar.finish_and_clear();
        }
    }

    /// The replay was broken off.
    pub fn replay_stops(&self) {
        for Bar { bar, .. } in self.running.borrow_mut().drain(..) {
            bar.abandon();
        }
    }

    fn done(&self, what: &str, took: Duration) {
        self.line(&format!("  {GREEN}✓{GREEN:#} {what:<48} {DIM}{:>8.3} s{DIM:#}", took.as_secs_f64()));
    }
}

impl Progress for Console {
    fn begins(&self, backlog: &Backlog) {
        self.begins(&backlog.name, backlog.events, bar_style());
    }

    fn replayed(&self, backlog: &Backlog, done: u64) {
        let Backlog { name, events, .. } = backlog;
        self.advances(name, done, *events, || format!("    replayed {done} of {events} events of {name}"));
    }

    fn put_off(&self, backlog: &Backlog) {
        self.ends(&backlog.name);
    }

    fn ended(&self, backlog: &Backlog, took: Duration) {
        self.ends(&backlog.name);
        let what = format!("replay {} events of {}", backlog.events, backlog.name);
        self.bars.suspend(|| self.done(&what, took));
    }
}

impl source::Observer for Console {
    fn window_reading(&self, source: &str, reading: Reading, of: u64) {
        if self.running.borrow().is_empty() {
            self.begins(source, of, window_style());
        }
        self.advances(source, reading.bytes, of, || {
            format!("  read {} of {} of the binary log for {source}", Bytes(reading.bytes), Bytes(of))
        });
    }

    fn window_read(&self, source: &str, reading: Reading, took: Duration) {
        self.ends(source);
        let transactions = counted(reading.transactions, "transaction");
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate, to two digits"
        )]
        let rate = Bytes((reading.bytes as f64 / took.as_secs_f64().max(0.001)) as u64);
        let read = Bytes(reading.bytes);
        self.done(&format!("binary log read for {source}: {read}, {transactions} ({rate}/s)"), took);
    }
}

impl Observer for Console {
    fn step_done(&self, step: Step, took: Duration) {
        self.done(&step.to_string(), took);
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("  {msg} {wide_bar} {pos}/{len} events, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn window_style() -> ProgressStyle {
    ProgressStyle::with_template(
        "  binary log for {msg} {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn severity(severity: Severity) -> (&'static str, Style) {
    match severity {
        Severity::Error => ("error", AnsiColor::Red.on_default().bold()),
        Severity::Warning => ("warning", AnsiColor::Yellow.on_default().bold()),
        Severity::Info => ("info", AnsiColor::Cyan.on_default()),
    }
}

fn planned(source: &PlannedSource) -> [String; 4] {
    [
        source.name.clone(),
        text(source.batch_start.as_ref(), "nothing to start from"),
        text(source.consistent_point.as_ref(), "—"),
        source.tables().to_string(),
    ]
}

fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns);
    table
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
