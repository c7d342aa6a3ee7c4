//! A scenario's file: where it is, its name, and what is wrong with it.

use super::description::{Scenario, WrittenScenario};
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A scenario and the file that it was read from.
#[derive(Debug, Clone)]
pub struct ScenarioFile<C = Scenario> {
    /// The file.
    pub path: PathBuf,
    /// The file's name without its extension: the scenario's name in lists and reports.
    pub name: String,
    /// What it says.
    pub scenario: C,
}

/// What a kind of scenario file holds.
pub trait Case: Sized {
    /// Reads it. What is wrong is a place, as `:line:column` where it has one, and a message.
    ///
    /// # Errors
    /// The text isn't one.
    fn parse(text: &str) -> Result<Self, (String, String)>;

    /// What it shows, in a sentence.
    fn about(&self) -> &str;
}

/// A scenario that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file or folder can't be opened.
    #[error("{} can't be read: {source}. Name scenario files, or folders of them", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file isn't a scenario.
    #[error("{}{place}: {what}. The format is documented in scenarios/README.md", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// `:line:column`, where it is known.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// There is nothing to run.
    #[error("there are no scenarios (*.yaml) in {}", .0.display())]
    Empty(PathBuf),
}

impl<C: Case> ScenarioFile<C> {
    /// Reads one file.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = fs::read_to_string(path)
            .map_err(|source| FileError::Unreadable { path: path.to_owned(), source })?;
        let scenario = C::parse(&text).map_err(|(place, what)| FileError::Wrong {
            path: path.to_owned(),
            place,
            what,
        })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { path: path.to_owned(), name, scenario })
    }

    /// Reads files, and of folders all that end in `.yaml`, in the order of their names.
    ///
    /// # Errors
    /// [`FileError`] of the first that can't be read, or when there is none at all.
    pub fn read_all(paths: &[PathBuf]) -> Result<Vec<Self>, FileError> {
        let mut files = Vec::new();
        for path in paths {
            if path.is_dir() {
                let found =
                    in_folder(path).map_err(|source| FileError::Unreadable { path: path.clone(), source })?;
                if found.is_empty() {
                    return Err(FileError::Empty(path.clone()));
                }
                files.extend(found);
            } else {
                files.push(path.clone());
            }
        }
        files.iter().map(|path| Self::read(path)).collect()
    }

    /// The folder that the file is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or_else(|| Path::new(""))
    }
}

fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads the keys, each with its place.
pub(super) fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, (String, String)> {
    yaml_serde::from_str(text).map_err(|error| {
        let message = error.to_string();
        match error.location() {
            Some(place) => {
                let (line, column) = (place.line(), place.column());
                let suffix = format!(" at line {line} column {column}");
                (format!(":{line}:{column}"), message.replacen(&suffix, "", 1))
            }
            None => (String::new(), message),
        }
    })
}

/// The kinds of scenario.
pub(super) enum Kind {
    Seeded,
    Live,
    Compared,
}

/// Which kind a text is of, by the keys that only one kind has.
pub(super) fn kind(text: &str) -> Kind {
    let keys: yaml_serde::Mapping = yaml_serde::from_str(text).unwrap_or_default();
    let has = |key: &str| keys.contains_key(key);
    if has("prepare") {
        Kind::Compared
    } else if has("steps") && !has("runs") {
        Kind::Live
    } else {
        Kind::Seeded
    }
}

const WITH_REAL_PROGRAMS: &str = "this is a live scenario, with the real MySQL and pg_chameleon: `run` and `list` take those, and nothing else does";

impl Case for Scenario {
    /// What the keys say together has no place of its own.
    fn parse(text: &str) -> Result<Self, (String, String)> {
        let written: WrittenScenario = from_yaml(text).map_err(|wrong| match kind(text) {
            Kind::Seeded => wrong,
            Kind::Live | Kind::Compared => (String::new(), WITH_REAL_PROGRAMS.to_owned()),
        })?;
        Self::try_from(written).map_err(|what| (String::new(), what))
    }

    fn about(&self) -> &str {
        &self.about
    }
}

#[cfg(test)]
mod tests {
    use super::super::AnyScenario;
    use super::*;

    fn refusal(text: &str) -> String {
        let (place, what) = AnyScenario::parse(text).unwrap_err();
        format!("x.yaml{place}: {what}")
    }

    #[test]
    fn what_is_wrong_is_told_with_line_column_and_key() {
        for (text, expected) in [
            (
                "about: x\ndemo: true\nruns:\n  - expect: {exti: 0}\n",
                "x.yaml:4:14: runs[0].expect: unknown field `exti`",
            ),
            (
                "about: x\ndemo: true\nruns:\n  - expect:\n      exit: done\n",
                "x.yaml:5:13: runs[0].expect.exit: invalid value: string \"done\"",
            ),
            ("about: x\ndemo: true\nscene: 1\nruns: []\n", "x.yaml:3:1: unknown field `scene`"),
            ("about: x\ndemo: false\nruns: []\n", "only `true` means something"),
            ("demo: true\nruns: []\n", "x.yaml:1:1: missing field `about`"),
            ("about: x\ndemo: true\nruns: []\n", "x.yaml: there are no runs"),
            ("about: x\nruns: [{expect: {}}]\n", "x.yaml: there is no replica: write one of"),
            (
                "about: x\ndemo: true\nseed: {dump: a}\nruns: [{expect: {}}]\n",
                "x.yaml: there are two replicas: keep one",
            ),
            ("about: x\nseed: {dump: a}\nruns: [{expect: {}}]\n", "x.yaml: there is no configuration"),
            (
                "about: x\nseed: {dump: a, version: '1.7'}\nruns: [{expect: {}}]\n",
                "x.yaml: the seed is a dump, which says all of it",
            ),
            ("about: x\nseed: {}\nruns: [{expect: {}}]\n", "x.yaml: the seed has neither `sources: […]`"),
            (
                "about: x\nseed: {sources: [{nam: a}]}\nruns: []\n",
                "x.yaml:2:19: seed.sources[0]: unknown field `nam`",
            ),
            (
                "about: x\ndemo: true\nruns:\n- faults: [{kind: burn_down, at: {message: 1}}]\n  expect: {}\n",
                "unknown variant `burn_down`, expected one of `statement_fails`",
            ),
            (
                "about: x\ndemo: true\nruns:\n- expect: {findings: [{check: x}]}\n",
                "unknown field `check`, expected one of `error`",
            ),
            (
                "about: x\ndemo: true\nconfiguration:\n- {name: a, mappings: {b: c, b: d}}\nruns: [{expect: {}}]\n",
                "the key \"b\" is given twice",
            ),
            (
                "about: x\ndemo: true\nconfiguration: all\nruns: [{expect: {}}]\n",
                "x.yaml:3:16: configuration: invalid type: string \"all\", expected a list of sources, or {text: …}",
            ),
            (
                "about: x\ndemo: true\nruns: [{expect: {invariants: [lucky]}}]\n",
                "unknown variant `lucky`, expected one of `atomic`",
            ),
            ("about: [\n", "x.yaml:"),
            ("sources: {a: {}}\nupgraded: {}\nsteps: []\n", "x.yaml:1:14: sources.a: missing field `schema`"),
            ("state: x\nprepare: [{replica: []}]\n", "unknown variant `replica`, expected one of `mysql`"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(expected), "{text}\n{refusal}\n{expected}");
        }
    }

    /// §hunt-h12: `unknown field sources` said nothing.
    #[test]
    fn a_live_scenario_is_told_from_one_that_is_wrong() {
        let text = "sources: {a: {}}\nupgraded: {}\nsteps: []\n";
        let (_, what) = Scenario::parse(text).unwrap_err();
        assert!(what.contains("this is a live scenario"), "{what}");
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let text = "about: x\ndemo: true\nruns: [{expect: {version: 1.7, queries: [{sql: SELECT, gives: [1, null, true]}]}}]\n";
        let scenario = Scenario::parse(text).unwrap();
        let expect = &scenario.runs[0].expect;
        assert_eq!(expect.version.as_ref().unwrap().to_string(), "1.7");
        assert_eq!(expect.invariants.len(), 6);
    }
}
