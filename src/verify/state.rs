//! What `verify` has come to know, for it to be broken off and to go on: `--resume FILE`. §after-verify

use super::{Compared, Part, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The version of the form.
const VERSION: u32 = 1;

/// What is known: tables that were decided, and those of which a part was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// The database, and the version of its catalogue.
    verify_of: String,
    /// When it was written.
    at: String,
    tables: Vec<Decided>,
    parts: Vec<Begun>,
    /// Where each table is among those, by its source and its own name.
    #[serde(skip)]
    places: HashMap<String, HashMap<String, usize>>,
}

/// How each such file begins.
pub const BEGINNING: &[u8] = b"{\"version\":1,\"verify_of\":";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Decided {
    source: String,
    table: String,
    verdict: Verdict,
    rows: u64,
    #[serde(default)]
    rows_by_digest: u64,
    seconds: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Begun {
    source: String,
    table: String,
    known: Part,
}

impl Begun {
    fn is_of(&self, source: &str, table: &str) -> bool {
        self.source == source && self.table == table
    }
}

/// Why there is nothing to go on from.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It can't be read.
    #[error("{0} can't be read: {1}")]
    Unreadable(String, io::Error),
    /// It is of another form, or broken.
    #[error("{0} is not what verify has written: {1}")]
    Form(String, serde_json::Error),
    /// It is of something else.
    #[error("{file} is of {of}, and this is {here}")]
    Other {
        /// Which.
        file: String,
        /// What it is of.
        of: String,
        /// What is compared now.
        here: String,
    },
}

impl State {
    /// Nothing is known.
    #[must_use]
    pub fn new(of: String) -> Self {
        Self {
            version: VERSION,
            verify_of: of,
            at: String::new(),
            tables: vec![],
            parts: vec![],
            places: HashMap::new(),
        }
    }

    /// What a file holds; nothing, when there is none.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn read(path: &Path, of: String) -> Result<Self, StateError> {
        let file = path.display().to_string();
        let text = match fs::read(path) {
            Ok(text) if text.is_empty() => return Ok(Self::new(of)),
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::new(of)),
            Err(error) => return Err(StateError::Unreadable(file, error)),
        };
        let mut state: Self =
            serde_json::from_slice(&text).map_err(|error| StateError::Form(file.clone(), error))?;
        if state.verify_of != of {
            return Err(StateError::Other { file, of: state.verify_of, here: of });
        }
        for (place, it) in state.tables.iter().enumerate() {
            // Of one that is named twice the first counts.
            state.places.entry(it.source.clone()).or_default().entry(it.table.clone()).or_insert(place);
        }
        Ok(state)
    }

    /// When it was written, and how many tables are decided, when anything is known.
    #[must_use]
    pub fn known(&self) -> Option<(&str, u64)> {
        (!self.tables.is_empty() || !self.parts.is_empty())
            .then_some((self.at.as_str(), self.tables.len() as u64))
    }

    /// What was decided of a table.
    #[must_use]
    pub fn decided(&self, source: &str, table: &str) -> Option<Compared> {
        let it = self.tables.get(*self.places.get(source)?.get(table)?)?;
        Some(Compared {
            source: it.source.clone(),
            table: it.table.clone(),
            verdict: it.verdict.clone(),
            rows: it.rows,
            rows_by_digest: it.rows_by_digest,
            took: Duration::try_from_secs_f64(it.seconds).unwrap_or_default(),
        })
    }

    /// What is known of a table of which a part was read.
    #[must_use]
    pub fn part(&self, source: &str, table: &str) -> Option<Part> {
        Some(self.parts.iter().find(|it| it.is_of(source, table))?.known.clone())
    }

    /// A part of a table was read.
    pub fn keep_part(&mut self, source: &str, table: &str, known: Part) {
        match self.parts.iter_mut().find(|it| it.is_of(source, table)) {
            Some(it) => it.known = known,
            None => self.parts.push(Begun { source: source.to_owned(), table: table.to_owned(), known }),
        }
    }

    /// A table was compared. What is not decided is to be compared again, and one whose server was lost goes on where it was.
    pub fn keep(&mut self, compared: &Compared) {
        let Compared { source, table, verdict, rows, rows_by_digest, took } = compared;
        if matches!(verdict, Verdict::NotCompared { .. }) {
            return;
        }
        self.parts.retain(|part| !part.is_of(source, table));
        if !verdict.is_decided() {
            return;
        }
        self.places.entry(source.clone()).or_default().insert(table.clone(), self.tables.len());
        self.tables.push(Decided {
            source: source.clone(),
            table: table.clone(),
            verdict: verdict.clone(),
            rows: *rows,
            rows_by_digest: *rows_by_digest,
            seconds: took.as_secs_f64(),
        });
    }

    /// Whether anything is known of other tables than these.
    #[must_use]
    pub fn knows_of_others(&self, compared: &[Compared]) -> bool {
        let here: HashSet<_> = compared.iter().map(|one| (&*one.source, &*one.table)).collect();
        let decided = self.tables.iter().map(|it| (&*it.source, &*it.table));
        let begun = self.parts.iter().map(|it| (&*it.source, &*it.table));
        decided.chain(begun).any(|it| !here.contains(&it))
    }

    /// As it stands in the file.
    #[must_use]
    pub fn text(&mut self) -> Vec<u8> {
        self.at = chrono::Local::now().format("%Y-%m-%d %H:%M:%S").to_string();
        // Nothing in it can fail: no map has other keys than texts.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(table: &str, verdict: Verdict) -> Compared {
        Compared {
            source: "s".into(),
            table: table.into(),
            verdict,
            rows: 3,
            rows_by_digest: 2,
            took: Duration::from_millis(500),
        }
    }

    fn part() -> Part {
        let found = vec![super::super::compare::Difference::Doubled(vec![Some("a\"b".into()), None], 2)];
        Part {
            behind: vec![Some("9".into())],
            rows: 9,
            by_digest: 5,
            matched: 8,
            found,
            more: 1,
            alone: false,
        }
    }

    #[test]
    fn what_is_known_outlives_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        let mut state = State::read(&file, "db".into()).unwrap();
        assert_eq!(state.known(), None);
        state.keep(&compared("a", Verdict::Equal));
        state.keep(&compared("b", Verdict::Unequal { what: vec!["x".into()], rows_that_differ: 1 }));
        state.keep(&compared("c", Verdict::NotCompared { why: "y".into() }));
        state.keep_part("s", "d", part());
        let text = state.text();
        assert!(text.starts_with(BEGINNING));
        fs::write(&file, text).unwrap();
        let read = State::read(&file, "db".into()).unwrap();
        assert_eq!(read.known().unwrap().1, 2);
        assert_eq!(read.decided("s", "a"), Some(compared("a", Verdict::Equal)));
        assert!(matches!(read.decided("s", "b").unwrap().verdict, Verdict::Unequal { .. }));
        // It is to be compared again.
        assert_eq!((read.decided("s", "c"), read.decided("other", "a")), (None, None));
        assert_eq!((read.part("s", "d"), read.part("s", "a")), (Some(part()), None));
        // Its server was lost; another table was read meanwhile.
        state.keep(&compared("d", Verdict::NotCompared { why: "y".into() }));
        state.keep_part("s", "e", Part { rows: 1, ..part() });
        state.keep_part("s", "e", Part { rows: 2, ..part() });
        assert_eq!(state.part("s", "d"), Some(part()));
        assert_eq!(state.part("s", "e").map(|part| part.rows), Some(2));
        state.keep(&compared("e", Verdict::Undecided { why: "y".into(), rows_that_differ: 1 }));
        state.keep(&compared("d", Verdict::Equal));
        assert_eq!((state.part("s", "d"), state.part("s", "e")), (None, None));
    }

    #[test]
    fn what_is_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        fs::write(&file, State::new("db".into()).text()).unwrap();
        let error = State::read(&file, "other".into()).unwrap_err().to_string();
        assert!(error.ends_with("is of db, and this is other"), "{error}");
        fs::write(&file, "{\"version\":1,\"verify_of\":\"db\"").unwrap();
        assert!(matches!(State::read(&file, "db".into()), Err(StateError::Form(..))));
        assert!(matches!(State::read(folder.path(), "db".into()), Err(StateError::Unreadable(..))));
    }
}
