//! `status`: the sources of the catalogue, whichever version it is.

use super::session;
use crate::catalogue::v1::read;
use crate::catalogue::{v1, v2, version};
use crate::cli::{Format, Status};
use crate::ending::Ending;
use crate::facts::postgres::CatalogueVersion;
use crate::finding::Finding;
use crate::postgres;
use crate::report::console::Console;
use crate::report::documents::{self, Sources};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// Shows the sources.
pub async fn run(arguments: &Status, console: &Console) -> Ending {
    show(arguments, console).await.unwrap_or_else(|ending| ending)
}

async fn show(arguments: &Status, console: &Console) -> Result<Ending, Ending> {
    let configuration = session::configuration(&arguments.config.name)?;
    let session = session::connect(&configuration).await.map_err(|finding| found(&finding))?;
    let client = session.client();
    postgres::at_one_moment(client, configuration.lock_timeout()).await.map_err(unexpected)?;
    let server = read::server(client).await.map_err(unexpected)?;
    let shown = match version::as_anyone(client, &server).await.map_err(unexpected)? {
        CatalogueVersion::V1_7 => old_sources(client, arguments, console).await,
        CatalogueVersion::V2_0_10 => new_sources(client, arguments, console).await,
        other => Err(refused(&refusal(&other))),
    };
    session.close().await;
    shown
}

async fn old_sources(client: &Client, arguments: &Status, console: &Console) -> Result<Ending, Ending> {
    let mut sources = v1::status::read(client).await.map_err(unexpected)?;
    let names: Vec<_> = sources.iter().map(|source| source.name.clone()).collect();
    let chosen = choose(arguments, &names)?;
    sources.retain(|source| chosen.contains(&source.name));
    match arguments.format {
        Format::Json => documents::write(&documents::Status::new("1.7", Sources::Old(&sources))),
        Format::Text => console.old_status(&sources),
    }
    Ok(Ending::Done("The catalogue is 1.7.".into()))
}

async fn new_sources(client: &Client, arguments: &Status, console: &Console) -> Result<Ending, Ending> {
    let mut sources = v2::status::read(client).await.map_err(unexpected)?;
    let names: Vec<_> = sources.iter().map(|source| source.name.clone()).collect();
    let chosen = choose(arguments, &names)?;
    sources.retain(|source| chosen.contains(&source.name));
    match arguments.format {
        Format::Json => documents::write(&documents::Status::new(v2::VERSION, Sources::New(&sources))),
        Format::Text => console.status(&sources),
    }
    Ok(Ending::Done(format!("The catalogue is {}.", v2::VERSION)))
}

/// The sources to show: all, or the one that `--source` names.
fn choose(arguments: &Status, names: &[String]) -> Result<Vec<String>, Ending> {
    match &arguments.source {
        None => Ok(names.to_vec()),
        Some(name) if names.contains(name) => Ok(vec![name.clone()]),
        Some(name) => Err(Ending::WrongUse(format!(
            "The catalogue has no source {name:?}. It has: {}.",
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        ))),
    }
}

/// A finding as the last line: `status` shows sources, and nothing beside them.
fn found(finding: &Finding) -> Ending {
    refused(&format!("{} {}", finding.found, finding.remedy.as_deref().unwrap_or_default()))
}

fn refused(why: &str) -> Ending {
    Ending::Refused(format!("{why} Nothing was changed."))
}

fn refusal(version: &CatalogueVersion) -> String {
    match version {
        CatalogueVersion::Missing => {
            "The database has no schema sch_chameleon: set pg_conn.database to that of the replica.".into()
        }
        CatalogueVersion::Other(version) => {
            format!("The catalogue is {version}; status knows 1.7 and {}.", v2::VERSION)
        }
        _ => "The schema sch_chameleon says no version: it is not a complete replica catalogue.".into(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unexpected(error: tokio_postgres::Error) -> Ending {
    let found = postgres::describe(&error);
    if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return refused(&format!(
            "The role of the configuration may not read sch_chameleon: {found}. Set pg_conn.user to the role of the \
             replica, or grant USAGE on the schema and SELECT on its tables."
        ));
    }
    // The connection, or the server itself.
    if error.as_db_error().is_none() {
        return Ending::Unexpected(format!("The catalogue can't be read: {found}."));
    }
    self::found(&session::unreadable(&error))
}
