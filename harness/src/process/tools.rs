//! The real programs that the harness runs and compares with: both versions of pg_chameleon, MariaDB,
//! MySQL and Docker. They are provided by `make tools` (harness/setup), or named by the environment.
//!
//! What can't be had on a machine is missing by name and with a reason: the tests that need it are skipped,
//! except where `CI=true` says that everything must be there.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that this machine doesn't have.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what} is missing: {remedy}")]
pub struct Missing {
    /// The program, by the name its users know.
    pub what: String,
    /// Why it isn't there, when that is known, and how to get it.
    pub remedy: String,
}

/// The checkout's folder of provided programs: `CHAMELEON_TOOLS`, or `target/tools` of the workspace.
#[must_use]
pub fn folder() -> PathBuf {
    match env::var_os("CHAMELEON_TOOLS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools"),
    }
}

/// The virtual environment of pg_chameleon 1.8.2, which makes and runs 1.7 catalogues: `bin/chameleon.py`
/// and `bin/python` are in it.
///
/// # Errors
/// [`Missing`] when it hasn't been provided.
pub fn chameleon1() -> Result<PathBuf, Missing> {
    provided("pg_chameleon 1.8.2", "chameleon1", "bin/chameleon.py")
}

/// The virtual environment of pg_chameleon 2.0.21, the original upgrade and the daemon that must run on our
/// result: `bin/chameleon` and `bin/python` are in it.
///
/// # Errors
/// [`Missing`] when it hasn't been provided.
pub fn chameleon2() -> Result<PathBuf, Missing> {
    provided("pg_chameleon 2.0.21", "chameleon2", "bin/chameleon")
}

/// pg_chameleon 2.0.20 in a virtual environment.
///
/// # Errors
/// [`Missing`] when it hasn't been provided.
pub fn chameleon2_earlier() -> Result<PathBuf, Missing> {
    provided("pg_chameleon 2.0.20", "chameleon2-earlier", "bin/chameleon")
}

/// The schema files of earlier releases of pg_chameleon 2.0, each named after the catalogue that it makes: `2.0.3.sql`.
///
/// # Errors
/// [`Missing`] when they haven't been provided.
pub fn earlier() -> Result<PathBuf, Missing> {
    provided("earlier releases of pg_chameleon 2.0", "earlier", "2.0.9.sql")
}

/// MariaDB's server, `mariadbd`.
///
/// # Errors
/// [`Missing`] when it is neither on the PATH nor where Debian puts it.
pub fn mariadbd() -> Result<PathBuf, Missing> {
    on_path("mariadbd").ok_or_else(|| Missing {
        what: "MariaDB (mariadbd)".to_owned(),
        remedy: remedy("mariadb", "run `make tools`, or install the package mariadb-server"),
    })
}

/// Oracle's MySQL server, `mysqld`, in the folder that holds all that it needs.
///
/// # Errors
/// [`Missing`] when it hasn't been provided.
pub fn mysqld() -> Result<PathBuf, Missing> {
    Ok(provided("Oracle's MySQL (mysqld)", "mysql", "bin/mysqld")?.join("bin/mysqld"))
}

/// A shell, or `man`, which completions and manual pages are tried with.
///
/// # Errors
/// [`Missing`] when it is neither on the PATH nor where Debian puts it.
pub fn program(name: &str) -> Result<PathBuf, Missing> {
    on_path(name).ok_or_else(|| Missing {
        what: name.to_owned(),
        remedy: remedy(name, "run `make tools`, or install the package of that name"),
    })
}

/// The pooler `pgbouncer`.
///
/// # Errors
/// [`Missing`] when it is neither on the PATH nor where Debian puts it.
pub fn pgbouncer() -> Result<PathBuf, Missing> {
    on_path("pgbouncer").ok_or_else(|| Missing {
        what: "pgbouncer".to_owned(),
        remedy: remedy("pgbouncer", "run `make tools`, or install the package pgbouncer"),
    })
}

/// The browser that the page of a rehearsal is tried in: Chromium, or Chrome.
///
/// # Errors
/// [`Missing`] when neither is on the PATH.
pub fn chromium() -> Result<PathBuf, Missing> {
    ["chromium", "google-chrome"].into_iter().find_map(on_path).ok_or_else(|| Missing {
        what: "Chromium".to_owned(),
        remedy: remedy("chromium", "run `make tools`, or install the package chromium"),
    })
}

/// axe-core, one file of JavaScript that looks whether everybody can use a page.
///
/// # Errors
/// [`Missing`] when it hasn't been provided.
pub fn axe() -> Result<PathBuf, Missing> {
    Ok(provided("axe-core", "axe", "axe.min.js")?.join("axe.min.js"))
}

/// The command `docker`, with an engine that answers it.
///
/// # Errors
/// [`Missing`] when it isn't on the PATH, or no engine answers.
pub fn docker() -> Result<PathBuf, Missing> {
    let missing = |remedy: String| Missing { what: "Docker".to_owned(), remedy };
    let command = on_path("docker")
        .ok_or_else(|| missing("install a Docker engine and its command `docker`".to_owned()))?;
    let answer = Command::new(&command)
        .args(["version", "--format", "{{.Server.Version}}"])
        .output()
        .map_err(|error| missing(format!("{} can't be run: {error}", command.display())))?;
    if answer.status.success() {
        return Ok(command);
    }
    let reason = String::from_utf8_lossy(&answer.stderr);
    Err(missing(format!("start the engine, or name it in DOCKER_HOST: {}", reason.trim())))
}

/// The image of PostgreSQL for servers in containers: `CHAMELEON_DOCKER_IMAGE`, or the one that `make tools` has
/// pulled or made, or the official one.
///
/// # Errors
/// [`Missing`] when there is no engine, or `make tools` could neither pull nor make an image.
pub fn docker_image() -> Result<String, Missing> {
    docker()?;
    if let Ok(image) = env::var("CHAMELEON_DOCKER_IMAGE") {
        return Ok(image);
    }
    if let Ok(image) = fs::read_to_string(folder().join("docker-image")) {
        return Ok(image.trim().to_owned());
    }
    match reason("docker-image") {
        None => Ok(OFFICIAL_IMAGE.to_owned()),
        Some(reason) => Err(Missing {
            what: "Docker, with an image of PostgreSQL".to_owned(),
            remedy: format!("{reason} (run `make tools` again, or name an image in CHAMELEON_DOCKER_IMAGE)"),
        }),
    }
}

const OFFICIAL_IMAGE: &str = "postgres:17";

/// What `found` holds, or `None` for a test that must be skipped, with a line that names the test and says why.
///
/// # Panics
/// With `CI=true` nothing may be missing: the test fails, with the same reason.
pub fn or_skip<T>(test: &str, found: Result<T, Missing>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(missing) if everything_is_required() => panic!("{test}: {missing}"),
        Err(missing) => skip(test, &missing),
    }
}

fn skip<T>(test: &str, missing: &Missing) -> Option<T> {
    // Not by eprintln!, which cargo shows of failed tests only.
    let _nobody_listens = writeln!(io::stderr(), "{test}: skipped, {missing}");
    None
}

/// The same of what a build of PostgreSQL may lack. Where a version was chosen (`PG_MAJOR`), it is that of a wheel, which lacks much
/// of what Debian's has.
///
/// # Panics
/// With `CI=true`, where no version was chosen.
pub fn of_postgres_or_skip<T>(test: &str, found: Result<T, Missing>) -> Option<T> {
    match found {
        Err(missing) if env::var_os("PG_MAJOR").is_some() => skip(test, &missing),
        found => or_skip(test, found),
    }
}

/// Whether a missing program is a failure (`CI=true`) instead of a reason to skip.
#[must_use]
pub fn everything_is_required() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}

/// The first `program` on the PATH or in the folders of system programs, which aren't on everyone's PATH.
#[must_use]
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

fn provided(what: &str, name: &str, program: &str) -> Result<PathBuf, Missing> {
    let environment = folder().join(name);
    if environment.join(program).is_file() {
        return Ok(environment);
    }
    let remedy = remedy(name, "run `make tools` in the checkout, or name its folder in CHAMELEON_TOOLS");
    Err(Missing { what: what.to_owned(), remedy })
}

/// The reason that provisioning has left, before the general remedy.
fn remedy(name: &str, general: &str) -> String {
    match reason(name) {
        Some(reason) => format!("{reason} ({general})"),
        None => general.to_owned(),
    }
}

/// Why provisioning couldn't provide `name`.
fn reason(name: &str) -> Option<String> {
    let text = fs::read_to_string(folder().join(format!("{name}.missing"))).ok()?;
    Some(text.trim().to_owned())
}
