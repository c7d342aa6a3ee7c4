//! A dump of production for a rehearsal, taken by `pg_dump` from the server that the configuration names: it reads, in
//! one transaction that may not write, and waits for no lock for long.

use super::rows::Moment;
use crate::process::scratch;
use crate::replica::dumped::TableRows;
use crate::server::Binaries;
use chameleon_upgrade::config::{Configuration, PostgresConnection};
use chameleon_upgrade::postgres::keepalives;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The catalogue, what a failed or finished upgrade has left beside it.
const CATALOGUES: &str = "*sch_chameleon*";

/// How long `pg_dump` waits for a table that somebody has locked.
const LOCK_WAIT: &str = "10s";

/// What is dumped of the destination tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Definitions and rows.
    All,
    /// Definitions, and the rows of those tables for which events wait.
    Waiting,
    /// Definitions alone: an event that waits for a row then finds none.
    None,
}

/// There is no dump.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// `pg_dump` can't be run, or the dump can't be written.
    #[error("{program} can't be run: {source}. Install PostgreSQL's client programs, or make the dump elsewhere and give it with --dump", program = program.display())]
    Io {
        /// The program.
        program: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// There is no place for the dump.
    #[error("there is no place for a dump: {0}")]
    Folder(io::Error),
    /// What is to be dumped, or the rows for which events wait, can't be read.
    #[error("production can't be read: {0}. Nothing was changed there")]
    Unreadable(String),
    /// `pg_dump` refused.
    #[error(
        "production can't be dumped: {answer}. Nothing was changed there. pg_dump must be of production's version or a \
         later one (--server local:MAJOR chooses it), and the role must be allowed to read the catalogue and all of the \
         destination schemas, past row security too. Or have a superuser make the dump (pg_dump --format=custom --file \
         FILE DATABASE), and give it with --dump"
    )]
    Refused {
        /// Its answer.
        answer: String,
    },
}

/// A dump, which goes with this value.
#[derive(Debug)]
pub struct Dump {
    folder: TempDir,
    /// The rows that came beside it.
    pub rows: Vec<TableRows>,
}

impl Dump {
    /// The file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("production.dump")
    }

    /// Dumps the catalogue and the destination schemas of `configuration` with the programs in `binaries`, or on the
    /// PATH.
    ///
    /// # Errors
    /// [`DumpError`]; production is as it was.
    pub fn take(
        configuration: &Configuration,
        binaries: Option<&Path>,
        rows: Rows,
    ) -> Result<Self, DumpError> {
        let program = binaries.map_or_else(|| PathBuf::from("pg_dump"), |folder| folder.join("pg_dump"));
        let failed = |source| DumpError::Io { program: program.clone(), source };
        let folder = scratch::folder()
            .and_then(|parent| tempfile::Builder::new().prefix("dump-").tempdir_in(parent))
            .map_err(DumpError::Folder)?;
        let mut dump = Self { folder, rows: vec![] };
        let own = destinations(configuration);
        let moment = Moment::of(&configuration.pg).map_err(DumpError::Unreadable)?;
        let mut command = Command::new(&program);
        command.args(["--format=custom", "--no-password", "--lock-wait-timeout", LOCK_WAIT]);
        if knows_extensions(&program) {
            // Types of destination columns, such as citext; a dump of some schemas leaves them out.
            command.arg("--extension=*");
        }
        command.arg("--file").arg(dump.file()).args(["--schema", CATALOGUES]);
        for schema in &own {
            let schema = pattern(schema);
            command.args(["--schema", &schema]);
            if rows != Rows::All {
                command.args(["--exclude-table-data", &format!("{schema}.*")]);
            }
        }
        for schema in moment.needed_beside(&own).map_err(DumpError::Unreadable)? {
            let schema = pattern(&schema);
            command.args(["--schema", &schema, "--exclude-table-data", &format!("{schema}.*")]);
        }
        command.args(["--snapshot", moment.snapshot()]);
        connect(&mut command, &configuration.pg);
        let output = command.stdin(Stdio::null()).output().map_err(failed)?;
        if output.status.success() {
            match rows {
                Rows::Waiting => {
                    dump.rows = moment.rows(dump.folder.path()).map_err(DumpError::Unreadable)?;
                }
                Rows::All | Rows::None => moment.end(),
            }
            return Ok(dump);
        }
        let answer = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Err(DumpError::Refused { answer })
    }
}

/// Since version 14.
fn knows_extensions(program: &Path) -> bool {
    let help = Command::new(program).arg("--help").stdin(Stdio::null()).output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--extension"))
}

/// The destination schemas.
fn destinations(configuration: &Configuration) -> Vec<String> {
    let pairs = configuration.sources.iter().flat_map(|source| &source.schema_mappings);
    let mut schemas: Vec<_> = pairs.map(|pair| pair.dest_schema.clone()).collect();
    schemas.sort();
    schemas.dedup();
    schemas
}

/// A pattern of `pg_dump` that matches this name and no other.
fn pattern(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// By the environment, which libpq reads, but for the keepalives: the password is in no process title. What the configuration doesn't say is left
/// as it is there. That the transaction may not write is `pg_dump`'s own doing: an option that says so would be refused by
/// poolers.
fn connect(command: &mut Command, pg: &PostgresConnection) {
    command.args(keepalives());
    command.envs(pg.environment()).env("PGAPPNAME", "chameleon-harness");
}

/// The version of the server that a dump is of, as the dump itself says.
#[must_use]
pub fn version(dump: &Path) -> Option<String> {
    let mut beginning = Vec::new();
    if !dump.is_dir() {
        File::open(dump).ok()?.take(BEGINNING).read_to_end(&mut beginning).ok()?;
    }
    let text = if beginning.starts_with(b"--") {
        String::from_utf8_lossy(&beginning).into_owned()
    } else {
        // The latest one, which reads the dumps of all.
        let latest = Binaries::installed().into_iter().max_by_key(|found| found.major);
        let program =
            latest.map_or_else(|| PathBuf::from("pg_restore"), |found| found.folder.join("pg_restore"));
        let listed = Command::new(program).arg("--list").arg(dump).stdin(Stdio::null()).output().ok()?;
        String::from_utf8_lossy(&listed.stdout).into_owned()
    };
    let line = text.lines().find_map(|line| line.split_once("Dumped from database version"))?.1;
    line.trim_start_matches(':').split_whitespace().next().map(str::to_owned)
}

/// Where a script says what it is of.
const BEGINNING: u64 = 4096;
