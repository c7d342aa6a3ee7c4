//! Files of a configuration on disk: the folders of pg_chameleon 2 in the home, and a file that is there whole or not at
//! all. It holds passwords, so nobody but its owner may read it: §passwords.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::location::FOLDER;
use crate::beside;
use tempfile::NamedTempFile;

/// pg_chameleon's folder in the home.
const OWN: &str = ".pg_chameleon";

/// Its folders: configurations, logs, files of running processes.
const FOLDERS: [&str; 4] = [OWN, FOLDER, ".pg_chameleon/logs", ".pg_chameleon/pid"];

/// Read, written and entered by the owner alone.
const FOLDER_MODE: u32 = 0o700;

/// Read and written by the owner alone.
const FILE_MODE: u32 = 0o600;

/// Why a folder or a file can't be made.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something else has the name of the folder.
    #[error("{} is there and is no folder: move it elsewhere, then run again", .0.display())]
    NoFolder(PathBuf),
    /// A file has the name already.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// A folder has the name of the file.
    #[error("{} is a folder: name a file", .0.display())]
    Folder(PathBuf),
    /// The folder of the file is missing.
    #[error("there is no folder {}: make it, or name another place", .0.display())]
    Missing(PathBuf),
    /// Whoever runs this may not.
    #[error(
        "{} can't be made: {reason}. Run this as the user whose home it is, or mend the rights of the folder it is in",
        .path.display()
    )]
    Denied {
        /// What was to be made.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// The system can't: a full disk, a broken one.
    #[error("{} can't be made: {reason}. Make room there, or name a place on another disk, then run again", .path.display())]
    System {
        /// What was to be made.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
}

impl StoreError {
    fn of(path: &Path, reason: io::Error) -> Self {
        let path = path.to_owned();
        match reason.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Denied { path, reason },
            ErrorKind::NotADirectory => Self::NoFolder(path.parent().map(Path::to_owned).unwrap_or(path)),
            _ => Self::System { path, reason },
        }
    }

    /// Whether whoever runs this can mend it by running it otherwise.
    #[must_use]
    pub fn is_wrong_use(&self) -> bool {
        !matches!(self, Self::System { .. })
    }
}

/// A folder of pg_chameleon's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it was made now.
    pub made: bool,
    /// Whether others may look into it.
    pub open_to_others: bool,
}

/// Makes those of pg_chameleon's folders in `home` that are missing; those that are there are left as they are.
///
/// # Errors
/// Why one can't be made; those before it are there.
pub fn folders(home: &Path) -> Result<Vec<Folder>, StoreError> {
    FOLDERS.iter().map(|name| folder(home.join(name))).collect()
}

fn folder(path: PathBuf) -> Result<Folder, StoreError> {
    let made = match DirBuilder::new().mode(FOLDER_MODE).create(&path) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(StoreError::Missing(path.parent().map(Path::to_owned).unwrap_or(path)));
        }
        Err(error) => return Err(StoreError::of(&path, error)),
    };
    let found = fs::metadata(&path).map_err(|error| match error.kind() {
        // A link that leads nowhere.
        ErrorKind::NotFound => StoreError::NoFolder(path.clone()),
        _ => StoreError::of(&path, error),
    })?;
    if !found.is_dir() {
        return Err(StoreError::NoFolder(path));
    }
    let open_to_others = path.ends_with(OWN) && found.permissions().mode() & 0o077 != 0;
    Ok(Folder { path, made, open_to_others })
}

/// What may stand where the file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Nothing.
    Free,
    /// A file, whose place it takes.
    Taken,
}

/// Writes a file whole: it stands beside its place until it is complete, then takes it in one move. The mode is 0600.
///
/// # Errors
/// Why it can't be; what was there is as it was, and nothing is left beside it.
pub fn write(path: &Path, text: &str, place: Place) -> Result<(), StoreError> {
    let mut beside = Beside::of(path, place)?;
    beside.file.write_all(text.as_bytes()).map_err(|error| StoreError::of(path, error))?;
    beside.takes_its_place()
}

/// A file that is being written, beside the place that it will take. When it is dropped before, nothing is left of it.
pub struct Beside {
    file: NamedTempFile,
    path: PathBuf,
    place: Place,
}

impl Beside {
    /// An empty one, whose mode is 0600 from the beginning.
    ///
    /// # Errors
    /// Why there can be none; what stands in its place is as it was.
    pub fn of(path: &Path, place: Place) -> Result<Self, StoreError> {
        refuse_what_is_there(path, place)?;
        // The file that a link leads to.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = beside::file(&path, fs::Permissions::from_mode(FILE_MODE));
        let file = file.map_err(|error| failed(&path, error))?;
        Ok(Self { file, path, place })
    }

    /// The file itself, which can be written to.
    #[must_use]
    pub fn file(&self) -> &fs::File {
        self.file.as_file()
    }

    /// The same from its beginning, to be read.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self) -> io::Result<fs::File> {
        fs::File::open(self.file.path())
    }

    /// It is complete: it is written to the disk, then takes its place, and outlives a loss of power there.
    ///
    /// # Errors
    /// Why it can't; what was there is as it was, and nothing is left beside it.
    pub fn takes_its_place(self) -> Result<(), StoreError> {
        let Self { file, path, place } = self;
        let persist = |file: NamedTempFile, path: &Path| match place {
            Place::Free => file.persist_noclobber(path),
            Place::Taken => file.persist(path),
        };
        beside::takes_its_place(file, &path, persist).map_err(|error| failed(&path, error))
    }
}

fn failed(path: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::NotFound => StoreError::Missing(beside::folder_of(path).to_owned()),
        ErrorKind::AlreadyExists => StoreError::Exists(path.to_owned()),
        _ => StoreError::of(path, error),
    }
}

/// # Errors
/// What stands where the file would go.
pub fn refuse_what_is_there(path: &Path, place: Place) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(StoreError::Folder(path.to_owned())),
        Ok(found) if place == Place::Free || !found.is_file() => Err(StoreError::Exists(path.to_owned())),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::symlink_metadata(path) {
            // A link that leads nowhere.
            Ok(_) => Err(StoreError::Exists(path.to_owned())),
            Err(_) => Ok(()),
        },
        Err(error) => Err(StoreError::of(path, error)),
    }
}
