//! What a replica is restored from: a dump, and what stands in none of its schemas. It belongs to the replica that every run
//! begins with, so that no run is of another production than the next.

use crate::server::quoting::{identifier, literal};
use crate::server::{Address, Database};
use chameleon_upgrade::postgres;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;
use tokio_postgres::Error;

/// Settings whose values are lists of names, and stand as such in a statement.
const LISTS: [&str; 6] = [
    "search_path",
    "temp_tablespaces",
    "session_preload_libraries",
    "local_preload_libraries",
    "shared_preload_libraries",
    "unix_socket_directories",
];

/// A dump, and what came beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dumped {
    /// A file of `pg_dump`, in any of its formats.
    pub file: PathBuf,
    /// Rows of tables that are empty in the dump.
    pub rows: Vec<TableRows>,
    /// Names and values of what is set for the database or the role, the later ones before the earlier.
    pub settings: Vec<(String, String)>,
    /// The event triggers. Their functions are in the dump.
    pub event_triggers: Vec<EventTrigger>,
}

/// An event trigger that fires in ordinary sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTrigger {
    /// Its name.
    pub name: String,
    /// The event.
    pub event: String,
    /// The commands for which it fires; none: for all.
    pub tags: Vec<String>,
    /// The function, as a statement names it.
    pub function: String,
}

/// The rows of a table, in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRows {
    /// The table, as a statement names it.
    pub table: String,
    /// What `COPY … TO STDOUT` gave.
    pub file: PathBuf,
}

/// What came beside a dump and could not be taken along, each with the server's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Of these tables the rows.
    pub rows: Vec<(String, String)>,
    /// These settings.
    pub settings: Vec<(String, String)>,
    /// These event triggers.
    pub event_triggers: Vec<(String, String)>,
}

impl From<PathBuf> for Dumped {
    /// The dump alone.
    fn from(file: PathBuf) -> Self {
        Self { file, rows: vec![], settings: vec![], event_triggers: vec![] }
    }
}

impl Dumped {
    /// Puts what came beside the dump into the restored `database`, whose replica belongs to `role`.
    pub(super) fn complete(&self, database: &Database, role: &Address) -> Missing {
        let missing = |(name, done): (&String, Result<(), String>)| Some((name.clone(), done.err()?));
        let rows = self.rows.iter().map(|rows| (&rows.table, rows.restore(database)));
        let set = |(name, value): &(String, String)| set(database, role, name, value);
        let settings = self.settings.iter().map(|setting| (&setting.0, set(setting)));
        // Last: what is done here is nothing that production's own would have seen.
        let event_triggers = self.event_triggers.iter().map(|it| (&it.name, it.create(database)));
        Missing {
            rows: rows.filter_map(missing).collect(),
            settings: settings.filter_map(missing).collect(),
            event_triggers: event_triggers.filter_map(missing).collect(),
        }
    }
}

impl TableRows {
    /// Puts them into the table, past its triggers and foreign keys: of other tables the rows may be missing.
    fn restore(&self, database: &Database) -> Result<(), String> {
        let mut client = database.connect().map_err(|error| error.to_string())?;
        let said = |error: Error| postgres::describe(&error);
        client.batch_execute("SET session_replication_role = replica").map_err(said)?;
        let mut input = BufReader::new(File::open(&self.file).map_err(|error| error.to_string())?);
        let mut writer = client.copy_in(&format!("COPY {} FROM STDIN", self.table)).map_err(said)?;
        io::copy(&mut input, &mut writer).map_err(|error| error.to_string())?;
        writer.finish().map_err(said)?;
        Ok(())
    }
}

impl EventTrigger {
    /// It fires in the sessions of the replica's role. In those of the superuser, who looks at the replica and clears it away, it
    /// must not: what stands in it is somebody else's program.
    fn create(&self, database: &Database) -> Result<(), String> {
        let said = |error: Error| crate::server::in_full(&error);
        let mut client = database.connect().map_err(|error| error.to_string())?;
        let superuser = identifier(&database.address().user);
        client
            .batch_execute(&format!("ALTER ROLE {superuser} SET session_replication_role TO replica"))
            .map_err(said)?;
        let tags: Vec<_> = self.tags.iter().map(|tag| literal(tag)).collect();
        let only =
            if tags.is_empty() { String::new() } else { format!(" WHEN TAG IN ({})", tags.join(", ")) };
        let (name, event) = (identifier(&self.name), &self.event);
        let create =
            format!("CREATE EVENT TRIGGER {name} ON {event}{only} EXECUTE FUNCTION {}()", self.function);
        client.batch_execute(&create).map_err(said)
    }
}

/// For the role alone: every run has a database of its own.
fn set(database: &Database, role: &Address, name: &str, value: &str) -> Result<(), String> {
    let value = if LISTS.contains(&name) { value.to_owned() } else { literal(value) };
    // A name may have a dot in it.
    let quoted: Vec<_> = name.split('.').map(identifier).collect();
    let set = format!("ALTER ROLE {} SET {} TO {value}", role.user, quoted.join("."));
    let mut client = database.connect().map_err(|error| error.to_string())?;
    client.batch_execute(&set).map_err(|error| crate::server::in_full(&error))
}
