//! Restores a dump of production on a throwaway server, so that a half one is never taken for a whole one.
//!
//! A dump is a program that somebody else wrote. It runs as an ordinary role that owns nothing but its own database, and is
//! read by the harness itself (`script`): psql, which would obey the commands in it, takes no part. A custom, directory
//! or tar archive is turned into a script by `pg_restore` first.
//!
//! Each error is either ordinary on another server than production's (`statement`), or outside the schemas of the
//! replica: then it is listed; or the dump is refused.

mod archive;
mod error;
mod script;
mod statement;

use crate::server::quoting::literal;
use crate::server::{Address, Database, ServerError};
use archive::{Archive, Counts};
use postgres::Client;
use script::{Entry, Piece, Script};
use statement::Statement;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::Path;

pub use error::RestoreError;
pub use script::ScriptError;

/// How many errors a message shows.
const SHOWN_ERRORS: usize = 5;
/// How many of the things that were left out are named.
const SHOWN_LEFT_OUT: usize = 10;

/// Restores `dump` into the empty database `into` as `role`, with the programs in `binaries` or on the PATH. Returns what
/// is in the dump but not in the database, each in a line.
///
/// # Errors
/// [`RestoreError`] unless all of the replica's catalogue and destination schemas is there.
pub fn restore(
    dump: &Path,
    into: &Database,
    role: &Address,
    binaries: Option<&Path>,
) -> Result<Vec<String>, RestoreError> {
    let mut restoring = Restoring::new(role, into.name())?;
    if is_archive(dump)? {
        let (archive, script) = Archive::open(dump, binaries)?;
        let ran = restoring.run(script);
        if let Err(RestoreError::Script(ScriptError::Cut(_))) = ran {
            // Its own words are better, where it has any.
            archive.end()?;
            return Err(ScriptError::Cut(0).into());
        }
        ran?;
        let lacking = archive.listed.lacking(&restoring.met);
        let said = archive.end()?;
        if !lacking.is_empty() {
            let lacking = lacking.join(", ");
            return Err(RestoreError::Unfit(format!(
                "it does not hold what its own list names ({lacking}). Make it again, or copy it again"
            )));
        }
        restoring.left_out.extend(said.lines().map(str::to_owned));
    } else {
        restoring.run(BufReader::with_capacity(1 << 16, File::open(dump)?))?;
    }
    restoring.finish()
}

/// pg_dump's custom, directory and tar formats; anything else must be its plain one.
fn is_archive(dump: &Path) -> Result<bool, RestoreError> {
    if dump.is_dir() {
        return Ok(true);
    }
    let mut beginning = Vec::new();
    File::open(dump)?.take(262).read_to_end(&mut beginning)?;
    if beginning.starts_with(b"PGDMP") {
        return Ok(true);
    }
    if beginning.get(257..).is_some_and(|it| it.starts_with(b"ustar")) {
        tar_is_whole(dump)?;
        return Ok(true);
    }
    let unfit = |what: &str| Err(RestoreError::Unfit(what.to_owned()));
    match beginning.as_slice() {
        [0x1f, 0x8b, ..] => unfit("it is compressed: gunzip it first"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => unfit("it is compressed: unzstd it first"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            unfit("it is in UTF-16, as PowerShell's > writes it: make it again with pg_dump's own --file")
        }
        _ => Ok(false),
    }
}

/// `pg_restore` does not read a tar archive to its end: behind what it reads is a script for people.
fn tar_is_whole(dump: &Path) -> Result<(), RestoreError> {
    let mut file = File::open(dump)?;
    let length = file.metadata()?.len();
    let mut header = [0; 512];
    loop {
        match file.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(RestoreError::Unfit(
                    "it is cut off: it ends without the last block of a tar archive. Make it again, or copy it again"
                        .to_owned(),
                ));
            }
            Err(error) => return Err(error.into()),
        }
        if header.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        // Octal digits, or a number as it is when they are too few.
        let size = &header[124..136];
        let size = if size[0] & 0x80 == 0 {
            size.iter()
                .filter(|it| it.is_ascii_digit())
                .fold(0, |sum, digit| sum * 8 + u64::from(digit - b'0'))
        } else {
            size[4..].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let next = file.stream_position()?.saturating_add(size.div_ceil(512).saturating_mul(512));
        file.seek(io::SeekFrom::Start(next.min(length)))?;
    }
}

/// An error of a statement.
#[derive(Debug)]
struct Failure {
    entry: Option<std::sync::Arc<Entry>>,
    text: String,
}

impl Failure {
    /// Whether it concerns the replica: one of its schemas, or nothing that says what it concerns.
    fn concerns(&self, schemas: &BTreeSet<String>) -> bool {
        let schema = self.entry.as_ref().and_then(|entry| entry.schema.as_ref());
        schema.is_none_or(|schema| schemas.contains(schema))
    }
}

struct Restoring<'a> {
    role: &'a Address,
    database: &'a str,
    client: Client,
    /// What the script has set so far, for another session.
    settings: Vec<String>,
    /// The encoding of the script, when it is another than the session's, UTF-8.
    encoding: Option<String>,
    met: Counts,
    /// Tables of a catalogue, and those whose rows are there.
    tables: BTreeSet<String>,
    with_rows: BTreeSet<String>,
    failures: Vec<Failure>,
    left_out: Vec<String>,
    elsewhere: u64,
    nothing_to_drop: u64,
}

impl<'a> Restoring<'a> {
    fn new(role: &'a Address, database: &'a str) -> Result<Self, ServerError> {
        Ok(Self {
            role,
            database,
            client: role.connect(database)?,
            settings: Vec::new(),
            encoding: None,
            met: Counts::default(),
            tables: BTreeSet::new(),
            with_rows: BTreeSet::new(),
            failures: Vec::new(),
            left_out: Vec::new(),
            elsewhere: 0,
            nothing_to_drop: 0,
        })
    }

    fn run(&mut self, script: impl BufRead) -> Result<(), RestoreError> {
        let mut script = Script::new(script);
        while let Some(piece) = script.piece()? {
            script.met().iter().for_each(|entry| self.meet(entry));
            match &piece {
                Piece::Statement(statement) => self.statement(statement)?,
                Piece::Copy(statement) => self.copy(statement, &mut script)?,
            }
        }
        script.met().iter().for_each(|entry| self.meet(entry));
        Ok(())
    }

    /// Notes which part of the dump this is.
    fn meet(&mut self, entry: &Entry) {
        self.met.add(entry);
        if entry.schema.as_deref() == Some(CATALOGUE) {
            match entry.kind.as_str() {
                "TABLE" => drop(self.tables.insert(entry.name.clone())),
                "TABLE DATA" => drop(self.with_rows.insert(entry.name.clone())),
                _ => {}
            }
        }
    }

    fn statement(&mut self, statement: &script::Statement) -> Result<(), RestoreError> {
        let text = self.in_utf8(&statement.text)?;
        let kind = Statement::of(&text);
        if kind.is_for_another_server() {
            self.elsewhere += 1;
            return Ok(());
        }
        if kind == Statement::Setting("client_encoding".to_owned()) {
            return self.set_encoding(&text);
        }
        let sets = matches!(kind, Statement::Setting(_)) || text.starts_with("SELECT pg_catalog.set_config(");
        match self.execute(&text) {
            Ok(()) => {
                self.settings.extend(sets.then_some(text));
                Ok(())
            }
            Err(error) => self.failed(statement, &kind, error),
        }
    }

    /// A dump of some schemas has the extensions, but not the schemas that they are in.
    fn execute(&mut self, text: &str) -> Result<(), postgres::Error> {
        let error = match self.client.batch_execute(text) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        match text.strip_prefix("CREATE EXTENSION ").and_then(|rest| rest.rsplit_once(" WITH SCHEMA ")) {
            Some((_, schema)) if error.code().is_some_and(|code| code.code() == "3F000") => {
                self.client.batch_execute(&format!("CREATE SCHEMA {schema}"))?;
                self.client.batch_execute(text)
            }
            _ => Err(error),
        }
    }

    fn copy(
        &mut self,
        statement: &script::Statement,
        script: &mut Script<impl BufRead>,
    ) -> Result<(), RestoreError> {
        let mut text = self.in_utf8(&statement.text)?;
        if let Some(encoding) = &self.encoding {
            text.push_str(&format!(" WITH (ENCODING {})", literal(encoding)));
        }
        let mut rows = 0_u64;
        // Behind the last row begins what comes next in the script.
        let mut at_the_end = false;
        let mut began = true;
        let written = match self.client.copy_in(&text) {
            Err(error) => {
                began = false;
                Err(error)
            }
            Ok(mut writer) => {
                loop {
                    let Some(row) = script.row()? else {
                        at_the_end = true;
                        break;
                    };
                    rows += 1;
                    if writer.write_all(row).is_err() {
                        // The server says at the end what it does not like.
                        break;
                    }
                }
                writer.finish()
            }
        };
        if !began {
            // The library is out of step with the server after a COPY that does not begin.
            self.client = self.another_session()?;
        }
        match written {
            Ok(stored) if stored == rows => Ok(()),
            Ok(stored) => {
                let text = format!("line {}: {stored} of {rows} rows were stored", statement.line);
                self.failures.push(Failure { entry: statement.entry.clone(), text });
                Ok(())
            }
            Err(error) => {
                self.failed(statement, &Statement::Other, error)?;
                while !at_the_end && script.row()?.is_some() {}
                Ok(())
            }
        }
    }

    fn another_session(&self) -> Result<Client, RestoreError> {
        let mut client = self.role.connect(self.database)?;
        for setting in &self.settings {
            client.batch_execute(setting)?;
        }
        Ok(client)
    }

    fn failed(
        &mut self,
        statement: &script::Statement,
        kind: &Statement,
        error: postgres::Error,
    ) -> Result<(), RestoreError> {
        let Some(said) = error.as_db_error() else { return Err(error.into()) };
        let sqlstate = said.code().code();
        if *kind == Statement::Drop && kind.may_fail_with(sqlstate) {
            self.nothing_to_drop += 1;
            return Ok(());
        }
        let what = statement.entry.as_ref().map_or_else(|| beginning(&statement.text), |entry| entry.title());
        let text = format!("{what} (line {}): {}: {}", statement.line, sqlstate, said.message());
        if kind.may_fail_with(sqlstate) {
            self.left_out.push(text);
        } else {
            self.failures.push(Failure { entry: statement.entry.clone(), text });
        }
        Ok(())
    }

    /// The server converts what is in another encoding.
    fn in_utf8(&mut self, text: &[u8]) -> Result<String, RestoreError> {
        if let Ok(text) = std::str::from_utf8(text)
            && (self.encoding.is_none() || text.is_ascii())
        {
            return Ok(text.to_owned());
        }
        let Some(encoding) = &self.encoding else {
            let shown = String::from_utf8_lossy(text).chars().take(60).collect::<String>();
            return Err(RestoreError::Unfit(format!(
                "it says that it is in UTF-8, but this is not: {shown}. Make it with pg_dump --encoding=UTF8"
            )));
        };
        Ok(self.client.query_one("SELECT convert_from($1, $2::text::name)", &[&text, encoding])?.get(0))
    }

    fn set_encoding(&mut self, statement: &str) -> Result<(), RestoreError> {
        let named = statement.split_once('=').map_or(statement, |(_, value)| value);
        let named = named.trim().trim_matches('\'').to_owned();
        // pg_encoding_to_char gives the server's own name; the encodings of clients alone begin with 35.
        let known = "SELECT pg_char_to_encoding($1::text::name), pg_encoding_to_char(pg_char_to_encoding($1::text::name))::text";
        let row = self.client.query_one(known, &[&named])?;
        let (number, name): (i32, String) = (row.get(0), row.get(1));
        if !(0..FIRST_OF_CLIENTS).contains(&number) {
            return Err(RestoreError::Unfit(format!(
                "it is in the encoding {named}, which no database here can have. Make it with pg_dump --encoding=UTF8"
            )));
        }
        self.encoding = Some(name).filter(|name| !["UTF8", "SQL_ASCII"].contains(&name.as_str()));
        Ok(())
    }

    /// Holds what is there against what must be there.
    fn finish(mut self) -> Result<Vec<String>, RestoreError> {
        let schemas = self.schemas()?;
        let (fatal, elsewhere): (Vec<_>, Vec<_>) =
            self.failures.iter().partition(|failure| failure.concerns(&schemas));
        if !fatal.is_empty() {
            let left_out = if self.left_out.is_empty() {
                String::new()
            } else {
                format!("\nleft out: {}", self.left_out.join("\nleft out: "))
            };
            let shown: Vec<_> =
                fatal.iter().take(SHOWN_ERRORS).map(|failure| failure.text.as_str()).collect();
            let more = fatal.len().saturating_sub(SHOWN_ERRORS);
            let more = if more > 0 { format!("\n… and {more} more") } else { String::new() };
            return Err(RestoreError::Unfit(format!(
                "{} of its statements about the replica failed:\n{}{more}{left_out}\nA dump that is whole, and a server of \
                 production's version with its extensions (--server local:MAJOR, docker:IMAGE:TAG), are needed",
                fatal.len(),
                shown.join("\n")
            )));
        }
        let elsewhere: Vec<_> = elsewhere.into_iter().map(|failure| failure.text.clone()).collect();
        self.left_out.extend(elsewhere);
        self.require_a_catalogue()?;
        let mut lines: Vec<String> = self.left_out.iter().take(SHOWN_LEFT_OUT).cloned().collect();
        if self.left_out.len() > SHOWN_LEFT_OUT {
            lines.push(format!("… and {} more", self.left_out.len() - SHOWN_LEFT_OUT));
        }
        if self.elsewhere > 0 {
            lines.push(format!(
                "{} statements about owners, privileges and the database itself: here one role owns everything",
                self.elsewhere
            ));
        }
        if self.nothing_to_drop > 0 {
            lines.push(format!("{} statements that drop what is not here", self.nothing_to_drop));
        }
        Ok(lines)
    }

    /// The replica's: those of the catalogues and the destinations.
    fn schemas(&mut self) -> Result<BTreeSet<String>, RestoreError> {
        let restored: bool =
            self.client.query_one("SELECT to_regclass('sch_chameleon.t_sources') IS NOT NULL", &[])?.get(0);
        let mut schemas: BTreeSet<String> =
            [CATALOGUE, "_sch_chameleon_version1", "_sch_chameleon_version2"].map(str::to_owned).into();
        if restored {
            // One column in 1.7, a JSON object in 2.0.
            let destinations = "SELECT v_schema_name::text FROM sch_chameleon.t_replica_tables
                UNION SELECT to_jsonb(s) ->> 't_dest_schema' FROM sch_chameleon.t_sources s
                UNION SELECT m.value FROM sch_chameleon.t_sources s, jsonb_each_text(to_jsonb(s) -> 'jsb_schema_mappings') m
                WHERE jsonb_typeof(to_jsonb(s) -> 'jsb_schema_mappings') = 'object'";
            if let Ok(rows) = self.client.query(destinations, &[]) {
                schemas.extend(rows.iter().filter_map(|row| row.get::<_, Option<String>>(0)));
            }
        }
        Ok(schemas)
    }

    /// Its tables, with their rows and their keys: a dump of some sections, or without rows, is whole too, but is no replica.
    fn require_a_catalogue(&mut self) -> Result<(), RestoreError> {
        let lacking: Vec<String> = self.client.query_one(LACKING, &[])?.get(0);
        let without_rows: Vec<&str> = self.tables.difference(&self.with_rows).map(String::as_str).collect();
        let what = if !lacking.is_empty() {
            format!("there is no catalogue in it, or not all of one: {}", lacking.join(", "))
        } else if !without_rows.is_empty() {
            format!("it leaves out the rows of sch_chameleon: {}", without_rows.join(", "))
        } else {
            return Ok(());
        };
        Err(RestoreError::Unfit(format!(
            "{what}. Make one of the whole database: pg_dump --format=custom --file FILE DATABASE"
        )))
    }
}

const CATALOGUE: &str = "sch_chameleon";

/// The number of the first encoding that only clients can have (PG_SJIS).
const FIRST_OF_CLIENTS: i32 = 35;

/// Tables that the catalogue of either version has, and those of them without their primary key.
const LACKING: &str = "
    SELECT coalesce(array_agg(CASE WHEN c.oid IS NULL THEN t.name ELSE 'the key of ' || t.name END), '{}')
    FROM unnest(ARRAY['t_sources', 't_replica_batch', 't_replica_tables']) AS t (name)
    LEFT JOIN pg_class c ON c.oid = to_regclass('sch_chameleon.' || t.name)
    WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p')";

fn beginning(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.split_whitespace().take(5).collect::<Vec<_>>().join(" ")
}
