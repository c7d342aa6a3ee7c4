//! `status`: the sources of the catalogue, whichever version it is.

use super::session;
use crate::catalogue::v1::read;
use crate::catalogue::{v1, v2, version};
use crate::cli::{Format, Status};
use crate::ending::Ending;
use crate::facts::postgres::CatalogueVersion;
use crate::postgres;
use crate::report::console::Console;
use crate::report::documents::{self, Sources};
use tokio_postgres::Client;

/// Shows the sources.
pub async fn run(arguments: &Status, console: &Console) -> Ending {
    show(arguments, console).await.unwrap_or_else(|ending| ending)
}

async fn show(arguments: &Status, console: &Console) -> Result<Ending, Ending> {
    let configuration = session::configuration(&arguments.config.name)?;
    let session =
        session::connect(&configuration).await.map_err(|finding| session::as_the_last_line(&finding))?;
    let client = session.client();
    postgres::at_one_moment(client, configuration.lock_timeout()).await.map_err(session::not_read)?;
    let server = read::server(client).await.map_err(session::not_read)?;
    let shown = match version::as_anyone(client, &server).await.map_err(session::not_read)? {
        CatalogueVersion::V1_7 => old_sources(client, arguments, console).await,
        CatalogueVersion::V2_0_10 => new_sources(client, arguments, console).await,
        other => Err(session::not_known(&other, "status")),
    };
    session.close().await;
    shown
}

async fn old_sources(client: &Client, arguments: &Status, console: &Console) -> Result<Ending, Ending> {
    let mut sources = v1::status::read(client).await.map_err(session::not_read)?;
    let names: Vec<_> = sources.iter().map(|source| source.name.clone()).collect();
    let chosen = session::chosen(arguments.source.as_deref(), &names)?;
    sources.retain(|source| chosen.contains(&source.name));
    match arguments.format {
        Format::Json => documents::write(&documents::Status::new("1.7", Sources::Old(&sources), None)),
        Format::Text => console.old_status(&sources),
    }
    Ok(Ending::Done("The catalogue is 1.7.".into()))
}

async fn new_sources(client: &Client, arguments: &Status, console: &Console) -> Result<Ending, Ending> {
    let mut sources = v2::status::read(client).await.map_err(session::not_read)?;
    let names: Vec<_> = sources.iter().map(|source| source.name.clone()).collect();
    let chosen = session::chosen(arguments.source.as_deref(), &names)?;
    sources.retain(|source| chosen.contains(&source.name));
    let details = match (&arguments.source, sources.first()) {
        (Some(_), Some(source)) => {
            Some(v2::status::details(client, source.id).await.map_err(session::not_read)?)
        }
        _ => None,
    };
    match arguments.format {
        Format::Json => {
            documents::write(&documents::Status::new(v2::VERSION, Sources::New(&sources), details.as_ref()));
        }
        Format::Text => {
            console.status(&sources);
            details.iter().for_each(|details| console.details(details));
        }
    }
    Ok(Ending::Done(format!("The catalogue is {}.", v2::VERSION)))
}
