//! A file that is being written, beside the place that it will take: what was there is as it was until the file is complete.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use tempfile::NamedTempFile;

/// Bytes of a file's name in that of the file beside it: with these there is room for the rest of it.
const LONGEST_PREFIX: usize = 200;

/// An empty file beside `path`.
///
/// # Errors
/// What the system answers.
pub fn file(path: &Path, permissions: Permissions) -> io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default();
    let mut prefix = OsString::from(".");
    // A name may take all the bytes that a name can have.
    prefix.push(OsStr::from_bytes(&name.as_bytes()[..name.len().min(LONGEST_PREFIX)]));
    prefix.push(".");
    tempfile::Builder::new().prefix(&prefix).permissions(permissions).tempfile_in(folder_of(path))
}

/// It is complete: it is written to the disk, then `persist` gives it its place at `path`, and it outlives a loss of power there.
///
/// # Errors
/// What the system answers; nothing is left beside the place.
pub fn takes_its_place(
    file: NamedTempFile,
    path: &Path,
    persist: impl FnOnce(NamedTempFile, &Path) -> Result<File, tempfile::PersistError>,
) -> io::Result<()> {
    file.as_file().sync_all()?;
    persist(file, path).map_err(|error| error.error)?;
    // The name too; where a folder can't be synced, the file is there none the less.
    _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// The folder that a file is in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
