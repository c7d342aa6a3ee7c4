//! How far something has come that takes its time: on a terminal as a bar, elsewhere as a line now and then, for programs
//! as events.

use crate::facts::mysql::Reading;
use crate::replay::{Backlog, Progress};
use crate::report::bar::Bar;
use crate::report::console::Console;
use crate::report::events::{Event, Work};
use crate::report::{layout, output};
use crate::source;
use crate::upgrade::Observer;
use crate::upgrade::step::Step;
use crate::window::Bytes;
use crate::wording::counted;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Columns that the name of a source may take beside a bar.
const NAME_OF_BAR: usize = 24;

impl Console {
    fn tell_progress(&self, work: Work, source: &str, done: u64, of: u64) {
        self.tell(Event::Progress { work, source, done, of });
    }

    fn tell_done(&self, work: Work, source: &str, took: Option<Duration>) {
        self.tell(Event::Done { work, source, seconds: took.map(|took| took.as_secs_f64()) });
    }

    /// Something takes its time with a source: on a terminal a bar, which goes when it is done.
    fn begins(&self, source: &str, of: u64, style: ProgressStyle) {
        let bar = if self.quiet || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::new(of).with_style(style);
            self.bars.add(bar.with_message(shortened(source)))
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
        let mut shown = false;
        for Bar { bar, .. } in self.running.borrow_mut().drain(..) {
            shown |= !bar.is_hidden();
            bar.abandon();
        }
        // A bar that stays ends without a line feed.
        if shown {
            output::error_line("");
        }
    }
}

impl Progress for Console {
    fn begins(&self, backlog: &Backlog) {
        self.tell_progress(Work::Replay, &backlog.name, 0, backlog.events);
        self.begins(&backlog.name, backlog.events, bar_style());
    }

    fn replayed(&self, backlog: &Backlog, done: u64) {
        let Backlog { name, events, .. } = backlog;
        self.tell_progress(Work::Replay, name, done, *events);
        self.advances(name, done, *events, || format!("    replayed {done} of {events} events of {name}"));
    }

    fn put_off(&self, backlog: &Backlog) {
        self.ends(&backlog.name);
    }

    fn ended(&self, backlog: &Backlog, took: Duration) {
        self.ends(&backlog.name);
        self.tell_done(Work::Replay, &backlog.name, Some(took));
        let what = format!("replay {} events of {}", backlog.events, backlog.name);
        self.bars.suspend(|| self.done(&what, took));
    }
}

impl source::Observer for Console {
    fn tables_comparing(&self, source: &str, tables: u64, of: u64) {
        self.tell_progress(Work::Tables, source, tables, of);
        if self.running.borrow().is_empty() {
            self.begins(source, of, tables_style());
        }
        self.advances(source, tables, of, || {
            format!("  compared {tables} of {of} tables of {source} with MySQL")
        });
    }

    fn tables_compared(&self, source: &str) {
        self.tell_done(Work::Tables, source, None);
        self.ends(source);
    }

    fn log_reading(&self, source: &str, reading: Reading, of: u64) {
        self.tell_progress(Work::BinaryLog, source, reading.bytes, of);
        if self.running.borrow().is_empty() {
            self.begins(source, of, window_style());
        }
        self.advances(source, reading.bytes, of, || {
            format!("  read {} of {} of the binary log for {source}", Bytes(reading.bytes), Bytes(of))
        });
    }

    fn looked_up(&self, source: &str, what: &str, reading: Reading, took: Duration) {
        self.tell_done(Work::BinaryLog, source, Some(took));
        self.ends(source);
        self.done(&format!("binary log read for {source}, {what}: {}", Bytes(reading.bytes)), took);
    }

    fn window_read(&self, source: &str, reading: Reading, took: Duration) {
        self.tell_done(Work::BinaryLog, source, Some(took));
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
    fn step_begins(&self, step: Step) {
        self.tell(Event::StepBegun { step });
    }

    fn step_done(&self, step: Step, took: Duration) {
        self.tell(Event::StepDone { step, seconds: took.as_secs_f64() });
        self.done(&step.to_string(), took);
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("  {msg} {wide_bar} {pos}/{len} events, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn tables_style() -> ProgressStyle {
    ProgressStyle::with_template("  {msg}: compared with MySQL {wide_bar} {pos}/{len} tables, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn window_style() -> ProgressStyle {
    ProgressStyle::with_template(
        "  binary log for {msg} {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A name with room for a bar beside it.
fn shortened(name: &str) -> String {
    if layout::width(name) <= NAME_OF_BAR {
        return name.to_owned();
    }
    let mut short = String::new();
    for letter in name.chars() {
        if layout::width(&short) + 2 >= NAME_OF_BAR {
            break;
        }
        short.push(letter);
    }
    format!("{short}…")
}
