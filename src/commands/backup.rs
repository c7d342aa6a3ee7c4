//! `backup`: the catalogue into a file of `pg_dump`, and, before an upgrade, the same for `upgrade --backup`. §backup.

use super::session::{self, Alone, Refusal};
use crate::backup::programs::{self, Programs};
use crate::backup::{self, BackupError, Maker};
use crate::catalogue::v1::read;
use crate::catalogue::version;
use crate::cli::Backup;
use crate::config::store::{Beside, Place, StoreError};
use crate::ending::Ending;
use crate::facts::postgres::{CatalogueVersion, Server};
use crate::finding::Finding;
use crate::names::SCHEMA;
use crate::postgres::Handover;
use crate::report::console::Console;
use crate::shell::word;
use crate::window::Bytes;
use crate::wording::{counted, first_of};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many roles are named; the rest are counted.
const NAMED: usize = 10;

/// Writes the catalogue into a file.
pub async fn run(arguments: &Backup, console: &Console) -> Ending {
    back_up(arguments, console).await.unwrap_or_else(|refusal| refusal.shown(console))
}

async fn back_up(arguments: &Backup, console: &Console) -> Result<Ending, Refusal> {
    let place = if arguments.force { Place::Taken } else { Place::Free };
    let file = reserve(&arguments.file, place)?;
    let configuration = session::configuration(&arguments.config.name)?;
    let named = arguments.programs.folder.as_deref();
    session::alone(console, &configuration, async |alone| {
        let server = read::server(alone.client()).await.map_err(|error| alone.unreadable(&error))?;
        let version = version::as_anyone(alone.client(), &server).await;
        let version = match version.map_err(|error| alone.unreadable(&error))? {
            CatalogueVersion::V1_7 => "1.7".to_owned(),
            CatalogueVersion::V2_0_10 => crate::catalogue::v2::VERSION.to_owned(),
            CatalogueVersion::Other(version) => version,
            CatalogueVersion::Missing => {
                return Err(Refusal::because(&format!("there is no {SCHEMA} in {}", server.database)));
            }
            _ => return Err(Refusal::because(&format!("{SCHEMA} in {} is no catalogue", server.database))),
        };
        let drill = match arguments.drill {
            true => Some(server_programs(&server, named).await?),
            false => None,
        };
        let found = client_programs(&server, named).await?;
        console.heading(&format!("Backup of the {version} catalogue in {}", server.database));
        let written = write(alone, file, &found, drill.as_ref()).await?;
        tell(console, &arguments.file, &written, &found, alone.session.handover());
        let drilled = if written.drilled { ", which was restored and compared" } else { "" };
        Ok(Ending::Done(format!(
            "Backed up: {} with {} in {}{drilled}. The catalogue is as it was.",
            counted(written.tables, "table"),
            counted(written.rows, "row"),
            arguments.file.display()
        )))
    })
    .await
}

/// The place of the file, before anything is done.
pub(super) fn reserve(path: &Path, place: Place) -> Result<Beside, Ending> {
    Beside::of(path, place).map_err(|error| {
        let force = match (&error, place) {
            (StoreError::Exists(_), Place::Free) => ": name another file",
            _ => "",
        };
        match error.is_wrong_use() {
            true => Ending::WrongUse(format!("{error}{force}. Nothing was done.")),
            false => {
                Ending::Refused(format!("Refused: {error}. Nothing was changed: the catalogue is as it was."))
            }
        }
    })
}

/// The programs that dump this server.
pub(super) async fn client_programs(server: &Server, named: Option<&Path>) -> Result<Programs, Refusal> {
    let found = programs::find("pg_dump", &["pg_restore"], server.version_number / 10_000, named).await;
    found.map_err(|error| refused(&error.to_string(), &error.remedy()))
}

async fn server_programs(server: &Server, named: Option<&Path>) -> Result<Programs, Refusal> {
    let dump = client_programs(server, named).await?;
    let found = programs::find("initdb", &["postgres"], dump.major, named).await;
    found.map_err(|error| refused(&error.to_string(), &error.remedy()))
}

fn refused(found: &str, remedy: &str) -> Refusal {
    let found = Finding::error("backup", crate::wording::sentence(found) + ".", remedy.to_owned());
    Refusal::of(found, "the catalogue can't be backed up")
}

/// Makes the backup, and says what was done.
pub(super) async fn write(
    alone: &Alone<'_>,
    file: Beside,
    programs: &Programs,
    drill: Option<&Programs>,
) -> Result<backup::Backup, Refusal> {
    let maker = Maker {
        client: alone.client(),
        handover: alone.session.handover(),
        programs,
        lock_timeout: alone.configuration.lock_timeout(),
        drill,
    };
    let written = alone.unless_interrupted(maker.make(file)).await?;
    let written = written.map_err(|error| failed(alone, &error))?;
    let what = format!(
        "{}, {}, {}",
        Bytes(written.bytes),
        counted(written.tables, "table"),
        counted(written.rows, "row")
    );
    alone.console.done(&what, Duration::from_secs_f64(written.seconds));
    Ok(written)
}

fn failed(alone: &Alone<'_>, error: &BackupError) -> Refusal {
    if alone.interruption.happened() {
        return Refusal::because("interrupted");
    }
    let because = |remedy: &str| {
        let found = Finding::error("backup", format!("The backup failed: {error}."), remedy.to_owned());
        Refusal::of(found, "the backup failed, and no file of it was left")
    };
    match error {
        BackupError::Postgres(error) if error.as_db_error().is_some() => {
            let unreadable = session::unreadable(error);
            Refusal::of(unreadable, "the backup failed, and no file of it was left")
        }
        BackupError::Postgres(_) => because("See the server's log, and whether it is up; then run again."),
        BackupError::Program(error) => because(remedy(&error.to_string())),
        BackupError::Store(_) | BackupError::Unreadable(_) => {
            because("Make room there, or name a file on another disk, then run again.")
        }
        BackupError::Missing(_) | BackupError::Unequal { .. } => because(
            "Run again; when it fails again, name the programs of the server's own version with --pg-bin FOLDER, and report it.",
        ),
        BackupError::Throwaway(_) => {
            because("Mend that, or back up without --drill and try the file where there is a server.")
        }
        BackupError::Restored(_) => because(
            "Don't rely on such a backup: run again; when it fails again, report it, and copy the database as a whole.",
        ),
    }
}

/// What to do about what `pg_dump` or `pg_restore` says.
fn remedy(complaint: &str) -> &'static str {
    if complaint.contains("snapshot") {
        "pg_dump was led to another server than this program: name the server itself in pg_conn.host and pg_conn.port of the \
         configuration, not a pooler or proxy that spreads connections over several."
    } else if complaint.contains("No space left") {
        "Make room there, or name a file on another disk, then run again."
    } else if complaint.contains("File too large") || complaint.contains("SIGXFSZ") {
        "Make room there, or name a file on another disk, or have the limit to the size of files raised (ulimit -f), then run \
         again."
    } else if complaint.contains("lock timeout") || complaint.contains("could not obtain lock") {
        "Somebody holds a lock on the catalogue for long: wait until that has ended, or set a longer lock_timeout in the \
         configuration, then run again."
    } else if complaint.contains("permission denied") {
        "Set pg_conn.user to the owner of the catalogue, or have the role granted what it lacks (SELECT on its tables and \
         sequences, USAGE on the schema)."
    } else if complaint.starts_with("pg_restore") {
        "It can't be restored on a server that has nothing else: see what the catalogue refers to elsewhere, and mend that, or \
         back up without --drill."
    } else {
        "See what it says; the connection is that of pg_conn in the configuration. Then run again."
    }
}

/// What is in the file, and how it is restored.
pub(super) fn tell(
    console: &Console,
    file: &Path,
    written: &backup::Backup,
    programs: &Programs,
    server: &Handover,
) {
    console.step(&format!(
        "The file holds the schema {SCHEMA} alone: not the tables of the replica, whose state it is. To restore it, in place of \
         the catalogue that is there then, while no replica runs:"
    ));
    let connection = connection(server);
    console.command(&format!("psql {connection} -c 'DROP SCHEMA IF EXISTS {SCHEMA} CASCADE'"));
    let path = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let restore = program(programs, "pg_restore");
    console.command(&format!(
        "{restore} {connection} --exit-on-error --single-transaction {}",
        word(&path.display().to_string())
    ));
    let first: Vec<_> = written.roles.iter().take(NAMED).cloned().collect();
    console.step(&format!(
        "On another server these roles must be there before: {}.",
        first_of(&first, written.roles.len() as u64)
    ));
}

fn program(programs: &Programs, name: &str) -> String {
    let path: PathBuf = programs.path(name);
    word(&path.display().to_string())
}

/// Where the catalogue is, as options of PostgreSQL's programs.
fn connection(server: &Handover) -> String {
    let Handover { host, port, user, database, .. } = server;
    // What looks like a connection string would be taken for one.
    let database = match database.contains('=') || database.contains("://") {
        true => format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'")),
        false => database.clone(),
    };
    format!("-h {} -p {port} -U {} -d {}", word(host), word(user), word(&database))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_check_of_a_backup_is_known_by_its_name() {
        // A finding of a backup is none of the checks', and must not take the name of one.
        assert!(crate::checks::by_id("backup").is_err());
    }
}
