//! The pg_chameleon 2 that is installed on this machine, when `--daemon` names it or its command `chameleon` is on the PATH: the version of
//! mysql-replication that its daemon reads with, and the character sets that its library for MySQL knows. §checks:
//! asked from it when it is at hand, else assumed to be what pip installs.

use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// What is asked of it. What lies in the current folder is not imported in place of what is installed.
const QUESTION: &str = "
import codecs, json, sys
sys.path[:] = [folder for folder in sys.path if folder]

def version(package):
    try:
        from importlib.metadata import version
        return version(package)
    except Exception:
        return None

def is_known(charset):
    from pymysql.charset import charset_by_name
    try:
        codecs.lookup(charset_by_name(charset).encoding)
        return True
    except (AttributeError, KeyError, LookupError):
        return False

def starts():
    try:
        import pkg_resources
        return True
    except ImportError:
        return False

print(json.dumps({
    'starts': starts(),
    'pg_chameleon': version('pg_chameleon'),
    'mysql_replication': version('mysql-replication'),
    'charsets': {charset: is_known(charset) for charset in sys.argv[1:]},
}))
";

/// A Python that takes longer to answer is not waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// The release whose catalogue the upgrade makes.
pub const PG_CHAMELEON: &str = "2.0.21";

/// What pip is given for the release whose catalogue the upgrade makes, so that it starts with every Python.
pub const REQUIREMENTS: [&str; 2] = ["pg_chameleon==2.0.21", "setuptools<81"];

/// The same as a command.
pub const INSTALL: &str = "pip install pg_chameleon==2.0.21 'setuptools<81'";

/// [`PG_CHAMELEON`] in numbers.
const KNOWS_THE_CATALOGUE: [u32; 3] = [2, 0, 21];

/// Character sets of MySQL that PyMySQL has no encoding for (all of MariaDB 10.11's tried with PyMySQL 1.2.4 and 0.10.1):
/// asked only where there is no PyMySQL to ask.
const WITHOUT_ENCODING: [&str; 9] =
    ["armscii8", "binary", "dec8", "eucjpms", "geostd8", "hp8", "keybcs2", "macce", "swe7"];

/// What the daemon runs with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Installed {
    /// Whether its program starts: it asks for `pkg_resources`, which Python 3.12 and later don't bring, nor does setuptools from 81 on.
    pub starts: bool,
    /// The version of pg_chameleon.
    pub pg_chameleon: Option<String>,
    /// The version of mysql-replication.
    pub mysql_replication: Option<String>,
    /// Whether PyMySQL knows each character set that was asked for.
    pub charsets: HashMap<String, bool>,
}

/// The program of pg_chameleon, and the Python that it runs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
    python: PathBuf,
}

/// What `--daemon` names is no program of pg_chameleon.
#[derive(Debug, thiserror::Error)]
pub enum NoProgram {
    /// There is none.
    #[error("there is no such file, and none of that name on the PATH")]
    Missing,
    /// It does not run with Python.
    #[error("its first line names no Python")]
    NoPython,
}

impl Program {
    /// What `named` names, a path or a program on the PATH; else the first `chameleon` on the PATH, when there is one.
    ///
    /// # Errors
    /// What is named is not there, or nothing of Python's.
    pub fn find(named: Option<&Path>) -> Result<Option<Self>, NoProgram> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_the_path = |name: &Path| {
            let commands: Vec<_> = std::env::split_paths(&path).map(|folder| folder.join(name)).collect();
            commands.into_iter().filter(|command| command.is_file())
        };
        let Some(named) = named else {
            return Ok(on_the_path(Path::new("chameleon")).find_map(Self::at));
        };
        let there = if named.components().nth(1).is_some() {
            named.is_file().then(|| named.to_owned())
        } else {
            on_the_path(named).next()
        };
        Self::at(there.ok_or(NoProgram::Missing)?).map(Some).ok_or(NoProgram::NoPython)
    }

    fn at(path: PathBuf) -> Option<Self> {
        interpreter(&path).map(|python| Self { path, python })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The Python that it runs with.
    #[must_use]
    pub fn python(&self) -> &Path {
        &self.python
    }
}

impl Installed {
    /// Asks a program whether it knows these character sets. None when it is no pg_chameleon 2 that answers.
    pub async fn ask(program: &Program, charsets: impl IntoIterator<Item = &str>) -> Option<Self> {
        let python = &program.python;
        let mut command = Command::new(python);
        command.arg("-c").arg(QUESTION).args(charsets).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
        let installed: Self = serde_json::from_slice(&output.stdout)
            .inspect_err(
                |error| tracing::info!(python = %python.display(), %error, "pg_chameleon can't be asked"),
            )
            .ok()?;
        tracing::info!(python = %python.display(), ?installed, "asked the pg_chameleon that is installed");
        installed.pg_chameleon.as_ref().is_some_and(|version| version.starts_with("2.")).then_some(installed)
    }
}

/// What to do about one that would not run.
#[must_use]
pub fn remedy() -> String {
    format!(
        "Before the replica is started, in its environment: {INSTALL}. Where it is installed elsewhere, name its program with \
         --daemon."
    )
}

impl Installed {
    /// Whether it is of a release before the one whose catalogue the upgrade makes. One whose version says nothing is not.
    #[must_use]
    pub fn is_too_early(&self) -> bool {
        self.pg_chameleon.as_deref().is_some_and(is_too_early)
    }
}

/// The same of its version.
#[must_use]
pub fn is_too_early(version: &str) -> bool {
    let numbers: Option<Vec<u32>> = version.split('.').map(|number| number.parse().ok()).collect();
    numbers.is_some_and(|numbers| numbers[..] < KNOWS_THE_CATALOGUE[..])
}

/// Whether the daemon's library for MySQL knows a character set: as the installed one says, else as today's would.
#[must_use]
pub fn knows_charset(installed: Option<&Installed>, charset: &str) -> bool {
    let asked = installed.and_then(|installed| installed.charsets.get(charset).copied());
    asked.unwrap_or_else(|| {
        let lower = charset.to_lowercase();
        lower.trim() == lower && !WITHOUT_ENCODING.contains(&lower.as_str())
    })
}

/// Whether the daemon takes the names of columns from the binary log and from nowhere else, as mysql-replication does
/// since 1.0. Where none can be asked it is taken for one that does: pip installs it so.
#[must_use]
pub fn reads_names_from_the_log(installed: Option<&Installed>) -> bool {
    let version = installed.and_then(|installed| installed.mysql_replication.as_deref());
    let major = version.and_then(|version| version.split('.').next()).and_then(|major| major.parse().ok());
    major.is_none_or(|major: u32| major >= 1)
}

/// The Python that a command begins with, in either form that pip writes. Nothing else is asked: another interpreter would
/// take the question for something else.
fn interpreter(command: &Path) -> Option<PathBuf> {
    let mut lines = BufReader::new(File::open(command).ok()?.take(4096)).lines().map_while(Result::ok);
    let first = lines.next()?;
    let program = first.strip_prefix("#!")?.trim();
    // A path that is too long for the system, or has a space in it, stands on the second line.
    let path = if program == "/bin/sh" {
        let second = lines.next()?;
        let quoted = second.strip_prefix("'''exec' ")?;
        let path = quoted.strip_prefix('"').and_then(|rest| rest.split('"').next());
        PathBuf::from(path.or_else(|| quoted.split_whitespace().next())?)
    } else {
        PathBuf::from(program.strip_prefix("/usr/bin/env ").map_or(program, str::trim))
    };
    let name = path.file_name()?.to_string_lossy().into_owned();
    (name.starts_with("python") || name.starts_with("pypy")).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As pip writes them: for an ordinary path, for one with a space, and for a system's own Python.
    #[test]
    fn the_command_installs_what_pip_is_given_and_what_is_not_too_early() {
        let [release, setuptools] = REQUIREMENTS;
        assert_eq!(INSTALL, format!("pip install {release} '{setuptools}'"));
        assert_eq!(release, format!("pg_chameleon=={}", PG_CHAMELEON));
        assert_eq!(PG_CHAMELEON, KNOWS_THE_CATALOGUE.map(|it| it.to_string()).join("."));
    }

    #[test]
    fn earlier_releases_do_not_know_the_catalogue() {
        let early = ["2.0.0", "2.0.10", "2.0.20", "2.0"];
        assert_eq!(early.map(is_too_early), [true; 4]);
        assert_eq!(["2.0.21", "2.0.21.1", "2.1.0", "3.0", "2.0.x", ""].map(is_too_early), [false; 6]);
    }

    #[test]
    fn the_interpreter_of_a_command_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chameleon");
        for (text, expected) in [
            ("#!/opt/venv/bin/python\nimport os\n", Some("/opt/venv/bin/python")),
            (
                "#!/bin/sh\n'''exec' \"/opt/my venv/bin/python\" \"$0\" \"$@\"\n' '''\n",
                Some("/opt/my venv/bin/python"),
            ),
            ("#!/bin/sh\n'''exec' /opt/v/bin/python \"$0\" \"$@\"\n", Some("/opt/v/bin/python")),
            ("#!/usr/bin/env python3\n", Some("python3")),
            ("#!/bin/sh\necho hello\n", None),
            ("#!/bin/bash\necho hello\n", None),
            ("#!/usr/bin/env perl\n", None),
            ("\u{7f}ELF", None),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(interpreter(&file), expected.map(PathBuf::from), "{text}");
        }
    }

    #[test]
    fn without_an_answer_todays_libraries_are_assumed() {
        for charset in ["utf8", "utf8mb3", "UTF8MB4", "latin1"] {
            assert!(knows_charset(None, charset), "{charset}");
        }
        for charset in ["binary", "SWE7", "utf8 "] {
            assert!(!knows_charset(None, charset), "{charset}");
        }
        assert!(reads_names_from_the_log(None));
    }

    #[test]
    fn the_installed_libraries_have_the_last_word() {
        let with = |mysql_replication: &str| Installed {
            starts: true,
            pg_chameleon: Some("2.0.21".into()),
            mysql_replication: Some(mysql_replication.into()),
            charsets: [("utf8mb3".to_owned(), false)].into(),
        };
        assert!(!knows_charset(Some(&with("0.45")), "utf8mb3"));
        for (version, expected) in
            [("0.31", false), ("0.45.1", false), ("1.0.17", true), ("2.1", true), ("odd", true)]
        {
            assert_eq!(reads_names_from_the_log(Some(&with(version))), expected, "{version}");
        }
    }
}
