//! A file that the caller wants written in the end: that it can be is found out at the beginning, not after an hour; and a
//! disk that is full in the end does not hide what was found.

use super::{CommandError, Ending};
use crate::commands::output::tell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that is open for writing; what was in it stays until then.
pub(super) struct ResultsFile {
    path: PathBuf,
    file: File,
}

impl ResultsFile {
    /// Opens the file that was asked for.
    pub(super) fn open(path: Option<&Path>) -> Result<Option<Self>, CommandError> {
        let Some(path) = path else { return Ok(None) };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| CommandError::WrongUse(unwritable(path, &error)))?;
        Ok(Some(Self { path: path.to_owned(), file }))
    }

    /// Writes all of it.
    pub(super) fn write(mut self, text: &str) -> Result<(), CommandError> {
        // A device has no length to be set.
        let _kept = self.file.set_len(0);
        self.file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.flush())
            .map_err(|error| CommandError::Harness(unwritable(&self.path, &error)))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> String {
    format!("{} can't be written: {error}", path.display())
}

/// How a verb ends whose results could be written, or not: what was found comes first.
pub(super) fn ending(
    found: Result<Ending, CommandError>,
    written: Result<(), CommandError>,
) -> Result<Ending, CommandError> {
    match (found, written) {
        (found, Ok(())) => found,
        (Ok(Ending::Well), Err(error)) => Err(error),
        (found, Err(error)) => {
            tell(format_args!("error: {error}\n"));
            found
        }
    }
}
