//! The 1.7 catalogue as pg_chameleon 1.8.2 itself makes it, by the schema file that it comes with: what our own
//! seeds are compared with, and what can be created into instead of them.

use crate::process::tools::{self, Missing};
use postgres::Client;
use std::fs;
use std::path::{Path, PathBuf};

/// The original's catalogue could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OriginalError {
    /// pg_chameleon 1.8.2 isn't here.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Its schema file can't be read.
    #[error("pg_chameleon 1.8.2 has no readable schema file {}: provide it anew with `make tools` ({source})", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// PostgreSQL refuses its schema file.
    #[error("the schema file of pg_chameleon 1.8.2 fails: is there a schema sch_chameleon in this database? ({})", super::error::described(.0))]
    Server(#[source] postgres::Error),
}

/// Runs the schema file of pg_chameleon 1.8.2 in an empty database. (Its command `create_schema` does the same, but
/// connects to MySQL first.)
///
/// # Errors
/// [`OriginalError`]; [`OriginalError::Missing`] where it isn't installed.
pub fn create_schema(client: &mut Client) -> Result<(), OriginalError> {
    let path = schema_file(&tools::chameleon1()?);
    let script = fs::read_to_string(&path).map_err(|source| OriginalError::File { path, source })?;
    client.batch_execute(&script).map_err(OriginalError::Server)?;
    client.batch_execute("RESET ALL").map_err(OriginalError::Server)
}

/// The file in the virtual environment, whichever version of Python that has.
fn schema_file(environment: &Path) -> PathBuf {
    let in_package = "site-packages/pg_chameleon/sql/create_schema.sql";
    let pythons = fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
    pythons
        .map(|python| python.path().join(in_package))
        .find(|path| path.is_file())
        .unwrap_or_else(|| environment.join("lib/python3").join(in_package))
}
