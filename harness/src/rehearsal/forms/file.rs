//! A report is read again: of this version of the form, or refused.

use crate::rehearsal::report::{RehearsalReport, VERSION};
use serde::Deserialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file that no form is made from.
#[derive(Debug, thiserror::Error)]
pub enum NoReport {
    /// It can't be read.
    #[error("{} can't be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is something else.
    #[error("{} is no report of a rehearsal (`chameleon-harness rehearse --report FILE` writes one): {error}", path.display())]
    NotOfARehearsal {
        /// The file.
        path: PathBuf,
        /// What doesn't fit.
        error: serde_json::Error,
    },
    /// Another version of this program has written it.
    #[error(
        "{} is a report of version {found}, and this program reads version {VERSION}: use the chameleon-harness that has \
         written it{}, or rehearse again", path.display(), by(made_by.as_deref())
    )]
    AnotherVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The program that made it.
        made_by: Option<String>,
    },
}

fn by(version: Option<&str>) -> String {
    version.map(|version| format!(" ({version})")).unwrap_or_default()
}

/// What every version of the form has.
#[derive(Deserialize)]
struct Heading {
    version: u64,
    #[serde(default)]
    chameleon_harness: Option<String>,
    /// Reports of other commands have versions too, and no verdict.
    #[serde(default)]
    verdict: Option<serde_json::Value>,
    /// What version 1 had instead.
    #[serde(default)]
    left_out: Option<serde_json::Value>,
}

/// Reads a report.
///
/// # Errors
/// [`NoReport`].
pub fn read(path: &Path) -> Result<RehearsalReport, NoReport> {
    let text =
        fs::read_to_string(path).map_err(|error| NoReport::Unreadable { path: path.to_owned(), error })?;
    let other = |error| NoReport::NotOfARehearsal { path: path.to_owned(), error };
    let heading: Heading = serde_json::from_str(&text).map_err(other)?;
    let is_of_a_rehearsal = heading.verdict.is_some() || heading.left_out.is_some();
    if is_of_a_rehearsal && heading.version != u64::from(VERSION) {
        return Err(NoReport::AnotherVersion {
            path: path.to_owned(),
            found: heading.version,
            made_by: heading.chameleon_harness,
        });
    }
    serde_json::from_str(&text).map_err(other)
}
