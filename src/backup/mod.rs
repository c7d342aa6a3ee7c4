//! A backup of the catalogue: `pg_dump` into a file that is there when it is complete and was looked at, or not at all.
//! §backup.
//!
//! The rows are counted in the same snapshot that `pg_dump` takes them in, so that a replica that goes on meanwhile is no
//! difference; and then in the file itself, as `pg_restore` reads it.

mod digest;
mod drill;
pub mod programs;
mod rows;
mod running;
mod throwaway;

pub use running::ProgramError;

use crate::config::store::{Beside, StoreError};
use crate::names::SCHEMA;
use crate::postgres::{self, Handover, Text};
use digest::Method;
use programs::Programs;
use rows::Rows;
use running::Running;
use serde::Serialize;
use std::io;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// How much of a dump is read at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The catalogue can't be read.
    #[error("{}", postgres::describe(.0))]
    Postgres(#[from] Error),
    /// A program of PostgreSQL's failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The file can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was written can't be read.
    #[error("what was written can't be read: {0}")]
    Unreadable(#[from] io::Error),
    /// A table is not in the file.
    #[error("the file does not hold the table {SCHEMA}.{0}")]
    Missing(String),
    /// The file holds something else than the database.
    #[error("the table {SCHEMA}.{table} has {in_database} rows in the database, and {in_file} in the file")]
    Unequal {
        /// Which table.
        table: String,
        /// Its rows in the snapshot.
        in_database: u64,
        /// Its rows in the file.
        in_file: u64,
    },
    /// There is nowhere to restore it.
    #[error("no throwaway server could be made: {0}")]
    Throwaway(String),
    /// What was restored is something else than what is in the database.
    #[error("restored, {0} is not what it is in the database")]
    Restored(String),
}

/// A table of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The same in the database's encoding, as a dump has it.
    bytes: Vec<u8>,
    /// Its rows.
    pub rows: u64,
    /// What tells its rows from others, whatever their order; none when it was not asked for.
    pub digest: Option<String>,
}

/// What was written.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Backup {
    /// How large the file is, in bytes.
    pub bytes: u64,
    /// How many tables it holds.
    pub tables: u64,
    /// How many rows they have.
    pub rows: u64,
    /// How long it took.
    pub seconds: f64,
    /// The version of `pg_dump`.
    pub pg_dump: u32,
    /// The roles that whoever restores it needs.
    pub roles: Vec<String>,
    /// Whether it was restored on a throwaway server, and compared.
    pub drilled: bool,
}

/// What a backup is made with.
pub struct Maker<'a> {
    /// A session on the server, without a transaction.
    pub client: &'a Client,
    /// How `pg_dump` comes there.
    pub handover: &'a Handover,
    /// Which `pg_dump`.
    pub programs: &'a Programs,
    /// How long it waits for a lock.
    pub lock_timeout: Duration,
    /// Where it is restored, to see that it can be.
    pub drill: Option<&'a Programs>,
}

impl Maker<'_> {
    /// Dumps the catalogue into `file`, looks at what is there, and gives it its place.
    ///
    /// # Errors
    /// [`BackupError`]; no file is left.
    pub async fn make(&self, file: Beside) -> Result<Backup, BackupError> {
        let began = Instant::now();
        postgres::at_one_moment(self.client, self.lock_timeout).await?;
        let made = self.at_this_moment(&file).await;
        // When even this fails, the end of the session ends the transaction.
        let ended = self.client.batch_execute("ROLLBACK").await;
        let (mut backup, ()) = (made?, ended?);
        backup.bytes = file.file().metadata()?.len();
        file.takes_its_place()?;
        backup.seconds = began.elapsed().as_secs_f64();
        Ok(backup)
    }

    async fn at_this_moment(&self, file: &Beside) -> Result<Backup, BackupError> {
        let snapshot: String =
            self.client.query_typed_one("SELECT pg_export_snapshot()", &[]).await?.try_get(0)?;
        let encoding = "SELECT current_setting('server_encoding')";
        let encoding: String = self.client.query_typed_one(encoding, &[]).await?.try_get(0)?;
        let mut tables = tables(self.client).await?;
        let method = match self.drill {
            Some(_) => Some(Method::of(self.client).await?),
            None => None,
        };
        for table in &mut tables {
            digest::count(self.client, table, method).await?;
        }
        Running::start(&mut self.pg_dump(&snapshot, &encoding, file)?)?.finish().await?;
        self.look_at(file, &tables).await?;
        let roles = self.client.query_typed(include_str!("roles.sql"), &[(&SCHEMA, Type::TEXT)]).await?;
        let roles: Vec<String> = postgres::texts(&roles)?;
        if let Some(server) = self.drill {
            self.try_out(server, file, &encoding, &roles, (&tables, method)).await?;
        }
        Ok(Backup {
            bytes: 0,
            tables: tables.len() as u64,
            rows: tables.iter().map(|table| table.rows).sum(),
            seconds: 0.0,
            pg_dump: self.programs.major,
            roles,
            drilled: self.drill.is_some(),
        })
    }

    fn pg_dump(&self, snapshot: &str, encoding: &str, file: &Beside) -> io::Result<Command> {
        let mut command = Command::new(self.programs.path("pg_dump"));
        command
            .args(["--format=custom", "--strict-names", "--no-password"])
            .arg(format!("--schema={SCHEMA}"))
            .arg(format!("--snapshot={snapshot}"))
            .arg(format!("--encoding={encoding}"))
            .stdin(Stdio::null())
            .stdout(file.file().try_clone()?);
        if !self.lock_timeout.is_zero() {
            command.arg(format!("--lock-wait-timeout={}", self.lock_timeout.as_millis()));
        }
        self.handover.give(&mut command);
        Ok(command)
    }

    /// `pg_restore`, which reads the file.
    fn pg_restore(&self, file: &Beside) -> io::Result<Command> {
        let mut command = Command::new(self.programs.path("pg_restore"));
        command.stdin(file.read()?);
        Ok(command)
    }

    /// Holds what `pg_restore` finds in the file against what was counted.
    async fn look_at(&self, file: &Beside, tables: &[Table]) -> Result<(), BackupError> {
        let listed = self.listed(file).await?;
        let mut command = self.pg_restore(file)?;
        command.arg("--data-only").stdout(Stdio::piped());
        if self.programs.major >= 12 {
            command.arg("--file=-");
        }
        let mut restore = Running::start(&mut command)?;
        let mut rows = Rows::default();
        if let Some(mut output) = restore.output() {
            let mut piece = vec![0; PIECE];
            while let count @ 1.. = output.read(&mut piece).await? {
                rows.take(&piece[..count]);
            }
        }
        restore.finish().await?;
        for table in tables {
            let name = table.name.clone();
            let in_file = rows.of(SCHEMA.as_bytes(), &table.bytes);
            let in_file = in_file.filter(|_| is_listed(&table.bytes, &listed));
            match in_file.ok_or_else(|| BackupError::Missing(name.clone()))? {
                in_file if in_file == table.rows => {}
                in_file => {
                    return Err(BackupError::Unequal { table: name, in_database: table.rows, in_file });
                }
            }
        }
        Ok(())
    }

    /// The tables in the file's table of contents.
    async fn listed(&self, file: &Beside) -> Result<Vec<Vec<u8>>, BackupError> {
        let mut restore = Running::start(self.pg_restore(file)?.arg("--list").stdout(Stdio::piped()))?;
        let mut listed = Vec::new();
        if let Some(output) = restore.output() {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).await? > 0 {
                listed.extend(listed_table(line.trim_ascii_end()));
                line.clear();
            }
        }
        restore.finish().await?;
        Ok(listed)
    }
}

/// The table of an entry such as `214; 1259 16390 TABLE sch_chameleon t_sources postgres`, with its owner.
fn listed_table(line: &[u8]) -> Option<Vec<u8>> {
    let text = format!(" TABLE {SCHEMA} ");
    let at = line.windows(text.len()).position(|words| words == text.as_bytes())?;
    Some(line[at + text.len()..].to_owned())
}

/// Whether a table is among those that are listed, where each name is on one line.
fn is_listed(table: &[u8], listed: &[Vec<u8>]) -> bool {
    let mut name: Vec<_> =
        table.iter().map(|byte| if b"\r\n".contains(byte) { b' ' } else { *byte }).collect();
    name.push(b' ');
    listed.iter().any(|it| it.starts_with(&name))
}

async fn tables(client: &Client) -> Result<Vec<Table>, Error> {
    let rows = client.query_typed(include_str!("tables.sql"), &[(&SCHEMA, Type::TEXT)]).await?;
    let table = |row: &tokio_postgres::Row| {
        Ok(Table { name: row.try_get::<_, Text>(0)?.0, bytes: row.try_get(1)?, rows: 0, digest: None })
    };
    rows.iter().map(table).collect()
}
