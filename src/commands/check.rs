//! `check`: the checks alone.

use super::load;
use crate::checks::{self, pooler};
use crate::cli::{Check, Format};
use crate::config::Configuration;
use crate::ending::Ending;
use crate::examination::Examined;
use crate::examination::mysql::MySql;
use crate::facts::mysql::Reading;
use crate::facts::postgres::{CatalogueVersion, Pooling};
use crate::finding::{self, Finding};
use crate::postgres::{self, ConnectError};
use crate::report::console::Console;
use crate::report::output;
use crate::source::Observer;
use crate::survey::{ask_mysql, hear_of_gaps, survey};
use crate::wording::counted;
use crate::wording::sentence;
use std::path::Path;
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// Runs the checks and shows what they found.
pub async fn run(arguments: &Check, console: &Console) -> Ending {
    let configuration = match load(&arguments.config.name) {
        Ok(configuration) => configuration,
        Err(ending) => return ending,
    };
    let (findings, facts) = match look(&configuration, arguments, console).await {
        Ok(facts) => (checks::run(&facts, &[], &arguments.accept.acceptances), Some(facts)),
        Err(finding) => (vec![finding], None),
    };
    let ending = ending(&findings, facts.as_ref());
    match arguments.format {
        Format::Json => json(&findings, facts.as_ref(), &ending),
        Format::Text => {
            console.heading("Findings");
            console.findings(&findings);
            if findings.is_empty() {
                console.line("  none");
            }
            if let Some(Ok(plan)) =
                facts.as_ref().and_then(|facts| facts.catalogue.as_ref()).map(|it| &it.planned)
            {
                console.heading("Plan");
                console.plan(plan);
            }
            ending
        }
    }
}

async fn look(
    configuration: &Configuration,
    arguments: &Check,
    console: &Console,
) -> Result<Examined, Finding> {
    let session = postgres::connect(&configuration.pg).await.map_err(|error| unreachable(&error))?;
    let client = session.client();
    let pooling = postgres::pooling(&session, &configuration.pg).await.map_err(|error| unreadable(&error))?;
    if let (Pooling::Statements(_), Some(finding)) = (&pooling, pooler::finding(&pooling)) {
        return Err(finding);
    }
    let observer: &dyn Observer = if arguments.format == Format::Text { console } else { &Unobserved };
    let facts = surveyed(client, configuration, arguments, observer).await;
    let facts = Examined { pooling, ..facts.map_err(|error| unreadable(&error))? };
    let daemon = arguments.daemon.program.as_deref();
    let facts = mysql(facts, client, configuration, arguments.offline, daemon, observer).await;
    session.close().await;
    Ok(facts)
}

async fn surveyed(
    client: &Client,
    configuration: &Configuration,
    arguments: &Check,
    observer: &dyn Observer,
) -> Result<Examined, tokio_postgres::Error> {
    let facts = survey(client, configuration, arguments.assume_stopped, &[]).await?;
    if arguments.offline {
        return Ok(facts);
    }
    match hear_of_gaps(&facts, configuration, observer).await {
        heard if heard.is_empty() => Ok(facts),
        heard => survey(client, configuration, arguments.assume_stopped, &heard).await,
    }
}

/// What MySQL has to say, unless it is not to be asked.
pub(super) async fn mysql(
    facts: Examined,
    client: &Client,
    configuration: &Configuration,
    offline: bool,
    daemon: Option<&Path>,
    observer: &dyn Observer,
) -> Examined {
    if offline {
        Examined { mysql: MySql::Offline, ..facts }
    } else {
        ask_mysql(facts, client, configuration, daemon, observer).await
    }
}

/// For a program that reads JSON, nothing is told on the way.
struct Unobserved;

impl Observer for Unobserved {
    fn log_reading(&self, _: &str, _: Reading, _: u64) {}
    fn looked_up(&self, _: &str, _: &str, _: Reading, _: Duration) {}
    fn tables_comparing(&self, _: &str, _: u64, _: u64) {}
    fn tables_compared(&self, _: &str) {}
    fn window_read(&self, _: &str, _: Reading, _: Duration) {}
}

/// The finding of a server that lets nobody in.
pub(super) fn unreachable(error: &ConnectError) -> Finding {
    Finding::error("postgresql", format!("{}.", sentence(&error.to_string())), error.remedy())
}

/// The finding of a catalogue that can't be read.
pub(super) fn unreadable(error: &tokio_postgres::Error) -> Finding {
    let remedy = if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
        "Another session has locked a table of it for longer than the configuration's lock_timeout: wait until it has ended, \
         and run again. Who is at work: SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle';"
    } else {
        "Look at the server's log. A catalogue that says 1.7 and lacks a table or column was not made by pg_chameleon 1.8.2."
    };
    Finding::error(
        "catalogue",
        format!("The catalogue can't be read: {}.", postgres::describe(error)),
        remedy,
    )
}

fn ending(findings: &[Finding], facts: Option<&Examined>) -> Ending {
    let errors = finding::errors(findings);
    match facts.map(|facts| &facts.version) {
        Some(CatalogueVersion::V2_0_10) => {
            Ending::Done("The catalogue is 2.0.10 already: there is nothing to do.".into())
        }
        _ if errors > 0 => Ending::Refused(format!(
            "The upgrade would be refused: {}. Nothing was changed.",
            counted(errors, "error")
        )),
        _ => Ending::Done("The upgrade can be done. Nothing was changed.".into()),
    }
}

/// For programs the object is all there is on standard output; the exit code says the rest.
fn json(findings: &[Finding], facts: Option<&Examined>, ending: &Ending) -> Ending {
    let plan = facts.and_then(|facts| facts.catalogue.as_ref()).and_then(|it| it.planned.as_ref().ok());
    let object = serde_json::json!({
        "findings": findings,
        "plan": plan,
        "ending": ending.name(),
        "exit_code": ending.code(),
        "message": ending.message(),
    });
    output::line(format_args!("{object:#}"));
    ending.clone()
}
