//! PostgreSQL's programs on this machine: which `pg_dump` can dump the server, and which `postgres` can take the dump.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Where packages put each version's programs: Debian's, and PostgreSQL's own for Red Hat's systems.
const FOLDERS: [(&str, &str); 2] = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")];

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// Programs of one version in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// Where they are.
    pub folder: PathBuf,
    /// The version before the first dot.
    pub major: u32,
}

impl Programs {
    /// One of them.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Why there are none that will do.
#[derive(Debug, thiserror::Error)]
#[error("no {program} that can work with PostgreSQL {server} was found {place}{}", there(.found))]
pub struct NoPrograms {
    program: &'static str,
    server: u32,
    place: String,
    /// Those that are there, with their versions.
    found: Vec<Programs>,
}

fn there(found: &[Programs]) -> String {
    if found.is_empty() {
        return String::new();
    }
    let each: Vec<_> = found.iter().map(|it| format!("{} in {}", it.major, it.folder.display())).collect();
    format!("; there is version {}, which is too old", each.join(", "))
}

impl NoPrograms {
    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> String {
        let Self { program, server, .. } = self;
        let (debian, other) = match *program {
            "initdb" => (format!("postgresql-{server}"), format!("postgresql{server}-server")),
            _ => (format!("postgresql-client-{server}"), format!("postgresql{server}")),
        };
        format!(
            "Install the package {debian} (Debian, Ubuntu) or {other} (Red Hat), or name the folder of PostgreSQL's programs: \
             --pg-bin FOLDER."
        )
    }
}

/// Finds the folder whose `program`, and those `with` it, can work with a server of version `server`: of all that are not
/// older, the nearest. `named`: the only folder to look in.
///
/// # Errors
/// [`NoPrograms`].
pub async fn find(
    program: &'static str,
    with: &[&str],
    server: u32,
    named: Option<&Path>,
) -> Result<Programs, NoPrograms> {
    let folders = named.map_or_else(folders, |named| vec![named.to_owned()]);
    let mut found = Vec::new();
    for folder in folders {
        if !with.iter().all(|name| folder.join(name).is_file()) {
            continue;
        }
        if let Some(major) = version(&folder.join(program)).await {
            found.push(Programs { folder, major });
        }
    }
    nearest(&found, server).cloned().ok_or_else(|| NoPrograms {
        program,
        server,
        place: named.map_or_else(
            || "on the PATH or below /usr/lib/postgresql".to_owned(),
            |named| format!("in {}", named.display()),
        ),
        found,
    })
}

/// Of those that are not older than the server, the one that is nearest to it; the first of several.
fn nearest(found: &[Programs], server: u32) -> Option<&Programs> {
    found.iter().filter(|programs| programs.major >= server).min_by_key(|programs| programs.major)
}

fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).filter(|folder| folder.is_absolute());
    let numbered = FOLDERS.into_iter().flat_map(|(parent, prefix)| numbered(Path::new(parent), prefix));
    let mut seen = BTreeSet::new();
    on_path.chain(numbered).filter(|folder| seen.insert(folder.clone())).collect()
}

fn numbered(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let is_version = |name: &str| name.strip_prefix(prefix).is_some_and(|it| it.parse::<u32>().is_ok());
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_version))
        .map(|entry| entry.path().join("bin"))
        .collect()
}

/// What version the program is; none when it is none. Debian's wrapper is several: it goes by what a cluster has.
async fn version(program: &Path) -> Option<u32> {
    if fs::canonicalize(program).ok()?.file_name()? == "pg_wrapper" {
        return None;
    }
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

/// 15 of `pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major(text: &str) -> Option<u32> {
    let (_, version) = text.split_once(" (PostgreSQL) ")?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_that_is_not_older_is_taken() {
        let programs = |majors: &[u32]| -> Vec<_> {
            majors.iter().map(|&major| Programs { folder: format!("/{major}").into(), major }).collect()
        };
        let taken = |majors: &[u32], server| nearest(&programs(majors), server).map(|it| it.major);
        assert_eq!(taken(&[18, 15, 17, 13], 15), Some(15));
        assert_eq!(taken(&[18, 17, 13], 15), Some(17));
        assert_eq!(taken(&[13, 15], 18), None);
        assert_eq!(taken(&[], 10), None);
    }

    #[test]
    fn the_version_is_the_number_before_the_dot() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major("pg_dump (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("something else"), None);
    }
}
