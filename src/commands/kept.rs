//! What `verify` has come to know, kept for the next time where a file is named, and told while it goes on. §after-verify

use crate::cli::Verify;
use crate::ending::Ending;
use crate::report::console::Console;
use crate::report::place::{Kind, Place};
use crate::shell;
use crate::verify::replica::Table;
use crate::verify::state::{BEGINNING, State};
use crate::verify::{self, Compared, Part};
use crate::wording::counted;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::{Duration, Instant};

/// The file with what is known.
const STATE_FILE: Kind = Kind { what: "state of verify", beginning: BEGINNING, mode: 0o600 };

/// How often it is written, and how often it is told how far a table was read.
const OFTEN: Duration = Duration::from_secs(5);

/// The table that is being read.
struct Reading<'a> {
    table: &'a Table,
    began: Instant,
    /// How many rows it has, about.
    about: Option<u64>,
    /// How many were read before.
    before: u64,
}

/// What is known, kept in a file when that is asked for; and told.
pub(super) struct Kept<'a> {
    file: Option<&'a Path>,
    state: RefCell<State>,
    console: &'a Console,
    /// When the file was written last.
    written: Cell<Option<Instant>>,
    /// When it was told last how far the table was read, or began to be.
    told: Cell<Instant>,
    reading: RefCell<Option<Reading<'a>>>,
    /// Why the file could not be written.
    failed: RefCell<Option<String>>,
}

impl<'a> Kept<'a> {
    /// What the file holds.
    pub fn new(file: Option<&'a Path>, of: String, console: &'a Console) -> Result<Self, Ending> {
        let wrong = |why: String| Ending::WrongUse(format!("{why}. Nothing was compared."));
        let state = match file {
            None => State::new(of),
            Some(path) => {
                Place::at(path, STATE_FILE).map_err(|error| wrong(error.to_string()))?;
                State::read(path, of).map_err(|error| wrong(error.to_string()))?
            }
        };
        if let Some((at, tables)) = state.known() {
            console.step(&format!(
                "Going on from {at}: {} was decided by then, and is shown as it was.",
                counted(tables, "table")
            ));
        }
        Ok(Self {
            file,
            state: RefCell::new(state),
            console,
            written: Cell::new(None),
            told: Cell::new(Instant::now()),
            reading: RefCell::default(),
            failed: RefCell::default(),
        })
    }

    /// What was decided of a table before.
    pub fn decided(&self, table: &Table) -> Option<Compared> {
        self.state.borrow().decided(&table.source, &table.title())
    }

    /// What is known of a table of which a part was read before.
    pub fn part(&self, table: &Table) -> Option<Part> {
        self.state.borrow().part(&table.source, &table.title())
    }

    /// A table is read from now on. `about`: how many rows it has, about; `before`: how many were read before.
    pub fn begins(&self, table: &'a Table, about: Option<u64>, before: u64) {
        *self.reading.borrow_mut() = Some(Reading { table, began: Instant::now(), about, before });
        self.told.set(Instant::now());
    }

    /// A table was compared.
    pub fn table(&self, compared: &Compared) {
        let known = self.state.borrow().decided(&compared.source, &compared.table).is_some();
        if !known {
            self.state.borrow_mut().keep(compared);
            self.write_now_and_then();
        }
    }

    /// Of many small tables not after each: the file names all that are known.
    fn write_now_and_then(&self) {
        if self.written.get().is_none_or(|written| written.elapsed() >= OFTEN) {
            self.write();
        }
    }

    fn write(&self) {
        self.written.set(Some(Instant::now()));
        let Some(path) = self.file else { return };
        let text = self.state.borrow_mut().text();
        let written = Place::at(path, STATE_FILE).map_err(|error| error.to_string()).and_then(|place| {
            place
                .write(&text)
                .map_err(|error| format!("The state of verify {} can't be written: {error}", path.display()))
        });
        *self.failed.borrow_mut() = written.err();
    }

    /// At the end there is nothing to go on from, unless it was broken off, or tables are yet to be decided, or something is known of
    /// tables that were not asked for.
    pub fn end(
        &self,
        ending: Ending,
        arguments: &Verify,
        compared: &[Compared],
        interrupted: bool,
    ) -> Ending {
        let Some(path) = self.file else { return ending };
        let left = compared.iter().any(|one| !one.verdict.is_decided());
        let is_known = self.state.borrow().known().is_some();
        if interrupted || (left && is_known) || self.state.borrow().knows_of_others(compared) {
            self.write();
        } else if self.failed.borrow().is_none() {
            _ = std::fs::remove_file(path);
        }
        if let Some(why) = &*self.failed.borrow() {
            return Ending::Unexpected(format!("{why}. {}", ending.message()));
        }
        let again = || shell::command("verify", &arguments.config.name, &as_asked(arguments, path));
        match (interrupted, left && is_known) {
            (true, _) => Ending::NotWell(format!("{} To go on: {}", ending.message(), again())),
            (false, true) => Ending::NotWell(format!(
                "{} To compare only what is left (or all, once {} is removed): {}",
                ending.message(),
                path.display(),
                again()
            )),
            (false, false) => ending,
        }
    }
}

/// The options that go on with what was asked for.
fn as_asked(arguments: &Verify, path: &Path) -> String {
    let tables = arguments.tables.iter().map(|pattern| format!("--tables {} ", shell::word(pattern)));
    let exact = if arguments.exact { "--exact " } else { "" };
    format!("{}{exact}--resume {}", tables.collect::<String>(), shell::word(&path.display().to_string()))
}

impl verify::Observer for Kept<'_> {
    fn read(&self, part: &Part) {
        let is_time = self.told.get().elapsed() >= OFTEN;
        if !is_time && self.file.is_none() {
            return;
        }
        let reading = self.reading.borrow();
        let Some(Reading { table, began, about, before }) = &*reading else { return };
        if self.file.is_some() {
            self.state.borrow_mut().keep_part(&table.source, &table.title(), part.clone());
        }
        if is_time {
            self.told.set(Instant::now());
            self.write_now_and_then();
            self.console.comparing(&table.title(), part.rows, *about, began.elapsed(), part.rows - before);
        }
    }
}
