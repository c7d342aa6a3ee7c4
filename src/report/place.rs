//! Files that are asked for on the command line: each takes its place in one move, when it is complete, and only where
//! nothing stands or an earlier one of its kind.

use crate::beside;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A kind of file.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What it is called in messages.
    pub what: &'static str,
    /// What each begins with, so that an earlier one is known.
    pub beginning: &'static [u8],
    /// The mode of a new one, before the umask; one that is replaced keeps its own where that gives less away.
    pub mode: u32,
}

/// Why a file can't be written.
#[derive(Debug, thiserror::Error)]
pub enum NoPlace {
    /// The system refuses.
    #[error("The {what} {} can't be written: {error}", path.display())]
    Io {
        /// What it would be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system answers.
        error: io::Error,
    },
    /// Something else is in the file, such as the configuration: it would be lost.
    #[error("{} is there and holds no {what}: give the {what} another name", path.display())]
    Something {
        /// What it would be.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
}

/// Where a file goes, known to be writable before anything is done. Whatever stands there is left alone until the file is
/// complete.
pub enum Place {
    /// A file that takes its place in one move.
    File {
        /// The file beside it.
        beside: NamedTempFile,
        /// Its name.
        path: PathBuf,
    },
    /// What is no file, such as a pipe or a terminal.
    Stream(File),
}

impl Place {
    /// Looks whether a file of that kind can be written to `path`.
    ///
    /// # Errors
    /// [`NoPlace`]; nothing has been changed.
    pub fn at(path: &Path, kind: Kind) -> Result<Self, NoPlace> {
        let failed = |error| NoPlace::Io { what: kind.what, path: path.to_owned(), error };
        match fs::metadata(path) {
            Ok(found) if found.is_file() => {
                // The file that a link leads to.
                let path = fs::canonicalize(path).map_err(failed)?;
                let mut beginning = Vec::new();
                let file = OpenOptions::new().read(true).write(true).open(&path).map_err(failed)?;
                file.take(kind.beginning.len() as u64).read_to_end(&mut beginning).map_err(failed)?;
                if !beginning.is_empty() && beginning != kind.beginning {
                    return Err(NoPlace::Something { what: kind.what, path });
                }
                let mode = found.permissions().mode();
                let permissions = if kind.mode & 0o077 == 0 { kind.mode } else { mode };
                Self::beside(path, Permissions::from_mode(permissions)).map_err(failed)
            }
            Ok(_) => Ok(Self::Stream(OpenOptions::new().write(true).open(path).map_err(failed)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Self::beside(path.to_owned(), Permissions::from_mode(kind.mode)).map_err(failed)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn beside(path: PathBuf, permissions: Permissions) -> io::Result<Self> {
        Ok(Self::File { beside: beside::file(&path, permissions)?, path })
    }

    /// Whether both are the same file.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { path, .. }, Self::File { path: other, .. }) => {
                let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                whole(path) == whole(other)
            }
            _ => false,
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// What the system answers; a file that was there is as it was.
    pub fn write(self, text: &[u8]) -> io::Result<()> {
        match self {
            Self::Stream(mut file) => file.write_all(text),
            Self::File { mut beside, path } => {
                beside.write_all(text)?;
                beside::takes_its_place(beside, &path, |file, path| file.persist(path))
            }
        }
    }
}
