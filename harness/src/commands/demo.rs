//! `chameleon-harness demo`: an upgrade from beginning to end on a throwaway server, for somebody who sees
//! this project for the first time; then the same with a wrong mapping, refused.

use crate::chameleon::home::{ConfiguredSource, Home, configuration};
use crate::commands::output::line;
use crate::record::Record;
use crate::replica::upgrader::{NoUpgrader, Upgrader};
use crate::seed::{Seed, SeedError};
use crate::server::{self, Database, LocalOptions, Server, ServerError};
use anstyle::{AnsiColor, Style};
use std::io;

const TITLE: Style = AnsiColor::Magenta.on_default().bold();

/// Writes a line to standard output.
macro_rules! say {
    ($($text:tt)*) => { line(format_args!($($text)*)).map_err(DemoError::Output) };
}

/// Why the demo did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The throwaway server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The catalogue to upgrade.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// Reading the database.
    #[error("reading the database: {0}")]
    Sql(#[from] postgres::Error),
    /// There is no upgrader.
    #[error(transparent)]
    NoUpgrader(#[from] NoUpgrader),
    /// Running the upgrader.
    #[error("running chameleon-upgrade: {0}")]
    Run(#[from] io::Error),
    /// Nothing can be shown.
    #[error("{0}")]
    Output(io::Error),
    /// The upgrader did something else than the demo says.
    #[error("the demo went wrong: {0}")]
    Unexpected(String),
}

/// Shows a refusal and an upgrade.
///
/// # Errors
/// [`DemoError`]; the server is gone in any case.
pub fn run() -> Result<(), DemoError> {
    let upgrader = Upgrader::beside_this_program()?;
    title("A throwaway PostgreSQL with a 1.7 catalogue of two sources")?;
    let server = server::local(&LocalOptions::default())?;
    let database = server.create_database()?;
    let created = Seed::demo().create(&mut database.connect()?)?;
    say!("PostgreSQL at {}, database {}", server.address(), database.name())?;
    say!(
        "{} sources, {} tables, {} rows waiting to be replayed",
        created.sources.len(),
        created.sources.iter().map(|source| source.tables).sum::<u64>(),
        created.sources.iter().map(|source| source.events).sum::<u64>()
    )?;

    let right = home(&database, &[("my_shop", "shop"), ("my_stock", "stock")])?;
    title("1. What is there: chameleon-upgrade status --config upgraded")?;
    step(&upgrader, &right, &["status"], 0)?;

    title("2. A wrong mapping (my_stock goes to warehouse): refused, exit code 3, nothing changed")?;
    let wrong = home(&database, &[("my_shop", "shop"), ("my_stock", "warehouse")])?;
    let before = Record::of_database(&mut database.connect()?)?;
    step(&upgrader, &wrong, &["upgrade", "--yes"], 3)?;
    let after = Record::of_database(&mut database.connect()?)?;
    if before != after {
        return Err(DemoError::Unexpected(before.diff(&after)));
    }
    say!("(every row, definition and privilege of the database compared with before: identical)")?;

    title("3. The upgrade: chameleon-upgrade upgrade --config upgraded --yes")?;
    step(&upgrader, &right, &["upgrade", "--yes"], 0)?;

    title("4. The catalogue after it: chameleon-upgrade status --config upgraded")?;
    step(&upgrader, &right, &["status"], 0)?;
    let tables = database.connect()?.query(
        "SELECT format('  %-28s %s', v_schema_name || '.' || v_table_name,
                       t_binlog_name || ':' || i_binlog_position)
         FROM sch_chameleon.t_replica_tables ORDER BY i_id_table",
        &[],
    )?;
    say!("Each table with the coordinate from which on its events are applied:")?;
    for row in tables {
        say!("{}", row.get::<_, String>(0))?;
    }
    Ok(())
}

fn home(database: &Database, mappings: &[(&str, &str)]) -> Result<Home, DemoError> {
    let source = ConfiguredSource::mysql("replica", mappings);
    Ok(Home::new(&configuration(database.address(), database.name(), &[source]))?)
}

fn step(upgrader: &Upgrader, home: &Home, arguments: &[&str], expected: i32) -> Result<(), DemoError> {
    let status = upgrader.command(home, arguments).stderr(io::stdout()).status()?;
    say!("[exit code {}]", status.code().map_or_else(|| "none".to_owned(), |code| code.to_string()))?;
    if status.code() == Some(expected) {
        Ok(())
    } else {
        Err(DemoError::Unexpected(format!("{} ended with {status}", arguments.join(" "))))
    }
}

fn title(text: &str) -> Result<(), DemoError> {
    say!("\n{TITLE}━━ {text}{TITLE:#}")
}
