//! The configuration of the new replica, read as pg_chameleon 2 reads it:
//! §procedure-1. Keys that the upgrade has no use for are ignored, as pg_chameleon ignores those it doesn't
//! know; a missing one is named, and everything wrong is told with file, line, column and key.
//!
//! A value where a text is expected may be anything that Python turns into one, as pg_chameleon does it
//! (measured with 2.0.21): the password `007` is `7` and `yes` is `True`. Put such passwords in quotes.

mod conninfo;
mod daemon;
mod error;
pub mod example;
mod field;
pub mod location;
mod mysql;
mod password;
mod postgres;
mod source;
pub mod store;
mod tables;
#[cfg(test)]
mod tests;
pub mod v1;
mod yaml;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use conninfo::{Keyword, SETTINGS, variable, variables};
pub use daemon::{DaemonRequirement, Harm};
pub use error::ConfigurationError;
use error::Problem;
use field::Field;
pub use mysql::{MysqlConnection, MysqlTls};
pub use password::Password;
pub use postgres::{MisreadPassword, PostgresConnection, SSL_MODES, SslMode};
pub use source::{NewSource, SourceType};
pub use tables::{Selection, TableLists};
use yaml::Document;
pub(crate) use yaml::may_stand;
pub use yaml::{Place, quoted, value_of};

/// A configuration of pg_chameleon 2.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// What `--config` names it; it does on any other command line as well.
    pub named: String,
    /// The file it was read from.
    pub path: PathBuf,
    /// How to reach PostgreSQL.
    pub pg: PostgresConnection,
    /// The sources, in the file's order; at least one.
    pub sources: Vec<NewSource>,
    /// What pg_chameleon 2.0.21 trips over beside the sources.
    pub daemon_requirements: Vec<DaemonRequirement>,
    /// MySQL's types, such as `tinyint(1)`, that are made to others in PostgreSQL (`type_override`).
    pub overridden_types: BTreeSet<String>,
    /// The folder of the daemons' log files, as the file names it; none when they write to standard output.
    pub log_folder: Option<String>,
}

impl Configuration {
    /// Reads the configuration that `--config` names: a value with a path separator in it, or ending in
    /// `.yml` or `.yaml`, is a path; any other is the name of a file in `.pg_chameleon/configuration` of
    /// the folder `home`.
    ///
    /// # Errors
    /// There is no such file, it can't be read, it is not YAML, or it is not a configuration.
    pub fn load(name_or_path: &str, home: &Path) -> Result<Self, ConfigurationError> {
        let path = location::locate(name_or_path, home)?;
        let text = location::read(&path)?;
        Ok(Self { named: name_or_path.to_owned(), ..Self::parse(path, &text)? })
    }

    /// The shortest `lock_timeout` that a source asks for, for locks that all of them need; zero waits for ever.
    #[must_use]
    pub fn lock_timeout(&self) -> Duration {
        let asked = self.sources.iter().map(|source| source.lock_timeout);
        asked.filter(|timeout| !timeout.is_zero()).min().unwrap_or_default()
    }

    /// Reads a configuration from its text; `path` is where it came from, for messages.
    ///
    /// # Errors
    /// The text is not YAML, or not a configuration.
    pub fn parse(path: PathBuf, text: &str) -> Result<Self, ConfigurationError> {
        let document = match Document::read(text) {
            Ok(document) => document,
            Err(error) => return Err(ConfigurationError::from_yaml(path, error)),
        };
        let root = Field::root(&document);
        if root.is_null() {
            return Err(ConfigurationError::Empty(path));
        }
        if let Some(pair) = pair_of_version_1(&root) {
            return Err(ConfigurationError::Version1 { file: path, pair });
        }
        match read(&root) {
            Ok((pg, sources, daemon_requirements)) => {
                let overridden_types = overridden_types(&root);
                let log_folder = log_folder(&root);
                let named = path.display().to_string();
                Ok(Self { named, path, pg, sources, daemon_requirements, overridden_types, log_folder })
            }
            Err(problem) => Err(ConfigurationError::from_problem(path, problem)),
        }
    }
}

fn read(root: &Field<'_>) -> Result<(PostgresConnection, Vec<NewSource>, Vec<DaemonRequirement>), Problem> {
    root.mapping("a mapping with pg_conn and sources")?;
    let connection = "a mapping with host, port, user, password and database";
    let pg_conn = root.require("pg_conn", connection)?;
    pg_conn.mapping(connection)?;
    Ok((PostgresConnection::read(&pg_conn)?, sources(root)?, daemon::at_the_top(root)?))
}

/// The schemas on MySQL and in PostgreSQL that a configuration of pg_chameleon 1.x names, when it is one.
fn pair_of_version_1(root: &Field<'_>) -> Option<(String, String)> {
    let text = |key: &str| root.find(key).ok().flatten().and_then(|field| field.as_text());
    let has = |key: &str| root.find(key).is_ok_and(|field| field.is_some());
    let is_one = has("mysql_conn") && !has("sources");
    is_one.then(|| (text("my_database").unwrap_or_default(), text("dest_schema").unwrap_or_default()))
}

/// Whatever else is wrong with it is the daemon's affair.
fn overridden_types(root: &Field<'_>) -> BTreeSet<String> {
    let field = root.get("type_override").ok().flatten();
    let entries = field.and_then(|field| field.entries("a mapping of MySQL's types").ok());
    entries.unwrap_or_default().into_iter().map(|(kind, _)| kind.to_lowercase()).collect()
}

/// As above.
fn log_folder(root: &Field<'_>) -> Option<String> {
    let text = |key: &str| root.find(key).ok().flatten().and_then(|field| field.as_text());
    text("log_dir").filter(|_| text("log_dest").as_deref() == Some("file"))
}

fn sources(root: &Field<'_>) -> Result<Vec<NewSource>, Problem> {
    let expected = "a mapping of the sources by their names";
    let field = root.require("sources", expected)?;
    let entries = field.entries(expected)?;
    if entries.is_empty() {
        return Err(field.refuse_as("names no source", expected));
    }
    entries.into_iter().map(|(name, source)| NewSource::read(name, &source)).collect()
}
