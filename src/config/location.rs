//! Where a configuration is, and its text: §procedure-1. `--config NAME` means
//! `~/.pg_chameleon/configuration/NAME.yml`; a path works too.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{self, Path, PathBuf};

use super::error::ConfigurationError;
use super::yaml::Place;

/// The folder of the configurations, in the home.
pub const FOLDER: &str = ".pg_chameleon/configuration";

/// The largest file that is read, in bytes: thousands of sources fit.
const LARGEST_FILE: u64 = 4 << 20;

/// The folder that `~` is, as Python has it: what HOME says, else the password database.
#[must_use]
pub fn home() -> PathBuf {
    match env::var_os("HOME") {
        Some(home) if home.is_empty() => PathBuf::from("/"),
        Some(home) => home.into(),
        None => env::home_dir().unwrap_or_default(),
    }
}

/// The file that `name_or_path` means.
///
/// # Errors
/// No name can be read as one, or there is no such file.
pub fn locate(name_or_path: &str, home: &Path) -> Result<PathBuf, ConfigurationError> {
    let looked = place(name_or_path, home)?;
    if is_path(name_or_path) {
        return Ok(looked);
    }
    // A folder that can't be entered is no proof that the file is missing: reading it tells why.
    if looked.try_exists().unwrap_or(true) {
        return Ok(looked);
    }
    let available = names_in(&home.join(FOLDER));
    Err(ConfigurationError::NoSuchName { name: name_or_path.to_owned(), looked, available })
}

/// A path as it is shown: from `~` on when it is in the home.
#[must_use]
pub fn shown(path: &Path, home: &Path) -> PathBuf {
    match path.strip_prefix(home) {
        Ok(rest) if home.parent().is_some() => Path::new("~").join(rest),
        _ => path.to_owned(),
    }
}

/// The file that `name_or_path` means, whether it is there or not.
///
/// # Errors
/// No name can be read as one.
pub fn place(name_or_path: &str, home: &Path) -> Result<PathBuf, ConfigurationError> {
    if is_path(name_or_path) {
        return Ok(PathBuf::from(name_or_path));
    }
    if name_or_path.is_empty() || name_or_path.chars().any(char::is_control) {
        return Err(ConfigurationError::Name(name_or_path.to_owned()));
    }
    Ok(home.join(FOLDER).join(format!("{name_or_path}.yml")))
}

fn is_path(name_or_path: &str) -> bool {
    name_or_path.contains(path::is_separator)
        || name_or_path.ends_with(".yml")
        || name_or_path.ends_with(".yaml")
}

/// The name by which pg_chameleon 2 finds `file`: it knows files of the one folder of the home alone, and none but `.yml`.
#[must_use]
pub fn name_for_pg_chameleon(file: &Path, home: &Path) -> Option<String> {
    let folder = fs::canonicalize(home.join(FOLDER)).ok()?;
    let name = file.file_name()?.to_str()?.strip_suffix(".yml")?;
    let there = fs::canonicalize(file.parent()?.join("")).ok()? == folder
        || same_file(file, &folder.join(format!("{name}.yml")));
    there.then(|| name.to_owned())
}

/// The same; of a file that it can't find, the name that a copy of it there would have.
#[must_use]
pub fn name_or_stem(file: &Path, home: &Path) -> String {
    name_for_pg_chameleon(file, home).unwrap_or_else(|| stem(file))
}

/// The name of a file without its ending.
#[must_use]
pub fn stem(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether both paths lead to one file that is there.
#[must_use]
pub fn same_file(left: &Path, right: &Path) -> bool {
    fs::canonicalize(left).ok().zip(fs::canonicalize(right).ok()).is_some_and(|(left, right)| left == right)
}

/// The names of the configurations in the folder; none when it can't be read.
fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".yml").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// The text of the file.
///
/// # Errors
/// It can't be read, is too large or is not UTF-8.
pub fn read(file: &Path) -> Result<String, ConfigurationError> {
    let bytes = read_bytes(file).map_err(|reason| match reason.kind() {
        io::ErrorKind::NotFound => ConfigurationError::NoSuchFile(file.to_owned()),
        io::ErrorKind::IsADirectory => ConfigurationError::Folder(file.to_owned()),
        _ => ConfigurationError::Unreadable { file: file.to_owned(), reason },
    })?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(ConfigurationError::TooLarge { file: file.to_owned(), limit: LARGEST_FILE });
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = place_after(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        ConfigurationError::NotUtf8 { file: file.to_owned(), at }
    })
}

/// Reads no more than one byte beyond the limit, for a file may be a pipe without an end.
fn read_bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn place_after(valid: &[u8]) -> Place {
    let text = String::from_utf8_lossy(valid);
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    Place { line: text.matches('\n').count() + 1, column: last_line.chars().count() + 1 }
}
