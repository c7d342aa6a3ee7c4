//! The 1.7 catalogue as pg_chameleon 1.8.2 itself makes it, by the schema file that it comes with: what our own
//! seeds are compared with, and what can be created into instead of them; and those of releases of 2.0 before the last.

use crate::process::tools::{self, Missing};
use postgres::Client;
use std::fs;
use std::path::{Path, PathBuf};

/// The original's catalogue could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OriginalError {
    /// pg_chameleon isn't here.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Its schema file can't be read.
    #[error("pg_chameleon has no readable schema file {}: provide it anew with `make tools` ({source})", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// PostgreSQL refuses its schema file.
    #[error("a schema file of pg_chameleon fails: is there a schema sch_chameleon in this database? ({})", super::error::described(.0))]
    Server(#[source] postgres::Error),
}

/// Runs the schema file of pg_chameleon 1.8.2 in an empty database. (Its command `create_schema` does the same, but
/// connects to MySQL first.)
///
/// # Errors
/// [`OriginalError`]; [`OriginalError::Missing`] where it isn't installed.
pub fn create_schema(client: &mut Client) -> Result<(), OriginalError> {
    run(client, in_package(&tools::chameleon1()?, "create_schema.sql"))
}

/// The versions of the catalogue before 2.0.10, of which [`tools::earlier`] has the schema files.
pub const EARLIER: [&str; 10] =
    ["2.0.0", "2.0.1", "2.0.2", "2.0.3", "2.0.4", "2.0.5", "2.0.6", "2.0.7", "2.0.8", "2.0.9"];

/// Runs the schema file of the pg_chameleon 2.0 whose catalogue is of this version, in a database without one.
///
/// # Errors
/// [`OriginalError`]; [`OriginalError::Missing`] where it isn't there.
pub fn create_earlier(client: &mut Client, version: &str) -> Result<(), OriginalError> {
    run(client, tools::earlier()?.join(format!("{version}.sql")))
}

/// Takes a catalogue to the next version by pg_chameleon's own script: `200_to_201`, … `209_to_2010`.
///
/// # Errors
/// [`OriginalError`]; [`OriginalError::Missing`] where pg_chameleon 2.0.21 isn't installed.
pub fn take_further(client: &mut Client, from_to: &str) -> Result<(), OriginalError> {
    run(client, in_package(&tools::chameleon2()?, &format!("upgrade/{from_to}.sql")))
}

fn run(client: &mut Client, path: PathBuf) -> Result<(), OriginalError> {
    let script = fs::read_to_string(&path).map_err(|source| OriginalError::File { path, source })?;
    client.batch_execute(&script).map_err(OriginalError::Server)?;
    client.batch_execute("RESET ALL").map_err(OriginalError::Server)
}

/// The file in the virtual environment, whichever version of Python that has.
fn in_package(environment: &Path, name: &str) -> PathBuf {
    let in_package = format!("site-packages/pg_chameleon/sql/{name}");
    let pythons = fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
    pythons
        .map(|python| python.path().join(&in_package))
        .find(|path| path.is_file())
        .unwrap_or_else(|| environment.join("lib/python3").join(in_package))
}
