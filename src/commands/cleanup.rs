//! `cleanup`: shows what an upgrade or a rollback has left beside the catalogue, and drops or renames it.

use super::consent;
use super::session::{self, Alone, Refusal};
use crate::catalogue::v1::read;
use crate::catalogue::{v2, version};
use crate::cleanup::{self, Action, Leftover};
use crate::cli::Cleanup;
use crate::ending::Ending;
use crate::facts::postgres::CatalogueVersion;
use crate::names::{MAX_IDENTIFIER_BYTES, SCHEMA, VERSION1, VERSION2};
use crate::outcome::Outcome;
use crate::report::console::Console;
use crate::wording::counted;
use std::time::Duration;

/// Shows what is left over, and does what is asked with it.
pub async fn run(arguments: &Cleanup, console: &Console) -> Ending {
    clean(arguments, console).await.unwrap_or_else(|refusal| refusal.shown(console))
}

async fn clean(arguments: &Cleanup, console: &Console) -> Result<Ending, Refusal> {
    if let Some(name) = arguments.rename_to.as_deref() {
        check_name(name)?;
    }
    let configuration = session::configuration(&arguments.config.name)?;
    session::alone(console, &configuration, async |alone| in_session(arguments, alone).await).await
}

/// A name that a later upgrade won't want, and PostgreSQL takes as it is.
fn check_name(name: &str) -> Result<(), Ending> {
    let why = if name.is_empty() || name.len() > MAX_IDENTIFIER_BYTES {
        format!("a schema's name has 1 to {MAX_IDENTIFIER_BYTES} bytes")
    } else if [SCHEMA, VERSION1, VERSION2].contains(&name) {
        "an upgrade needs that name".to_owned()
    } else if name.starts_with("pg_") {
        "names that begin with pg_ are PostgreSQL's own".to_owned()
    } else {
        return Ok(());
    };
    Err(Ending::WrongUse(format!("{name:?} can't be the new name: {why}. Nothing was done.")))
}

async fn in_session(arguments: &Cleanup, alone: &Alone<'_>) -> Result<Ending, Refusal> {
    let client = alone.client();
    let unreadable = |error| alone.unreadable(&error);
    let mut leftovers = cleanup::leftovers(client).await.map_err(unreadable)?;
    leftovers.retain(|leftover| arguments.schema.is_none_or(|chosen| chosen.schema() == leftover.schema));
    if leftovers.is_empty() {
        let there = match arguments.schema {
            None => format!("there is neither {VERSION1} nor {VERSION2}"),
            Some(chosen) => format!("there is no {}", chosen.schema()),
        };
        return Ok(Ending::Done(format!("Nothing to clean up: {there}.")));
    }
    leftovers.iter().for_each(|leftover| show(alone.console, leftover));
    let action = match (arguments.drop, arguments.rename_to.as_deref()) {
        (true, _) => Action::Drop,
        (false, Some(name)) => Action::RenameTo(name),
        (false, None) => {
            return Ok(Ending::Done(
                "Nothing was changed. To drop what is shown: --drop; to keep it under another name: --rename-to NAME.".into(),
            ));
        }
    };
    refuse(arguments, &leftovers, action)?;
    let server = read::server(client).await.map_err(unreadable)?;
    let live = version::as_anyone(client, &server).await.unwrap_or(CatalogueVersion::Unreadable);
    let schemas: Vec<_> = leftovers.iter().map(|leftover| leftover.schema.as_str()).collect();
    if !arguments.yes {
        let question = question(&schemas, action, &live, &server.database);
        consent::ask(&question, alone.console, alone.interruption).await.map_err(Refusal::because)?;
    }
    let patience = Duration::from_secs(arguments.patience);
    let ended =
        cleanup::clean(client, &alone.configuration.pg, &schemas, action, &arguments.with, patience).await;
    match &ended.outcome {
        Outcome::Done { .. } => {}
        Outcome::Refused(findings) => alone.console.findings(findings),
        _ if alone.interruption.happened() => alone.console.failure("interrupted"),
        _ => {
            let failures = ended.failure.iter().map(crate::postgres::describe);
            failures.for_each(|failure| alone.console.failure(&failure));
        }
    }
    Ok(cleanup::ending::ending(&ended.outcome, &schemas, action))
}

fn show(console: &Console, leftover: &Leftover) {
    let what = match (&leftover.version, leftover.schema.as_str()) {
        (CatalogueVersion::V1_7, _) => "the 1.7 catalogue that an upgrade has put aside".to_owned(),
        (CatalogueVersion::V2_0_10, _) => {
            format!("a {} catalogue of an upgrade that failed or was rolled back", v2::VERSION)
        }
        (CatalogueVersion::Other(version), _) => format!("a catalogue of version {version}"),
        (CatalogueVersion::Unreadable, _) => "a catalogue that the role may not read".to_owned(),
        _ => "no complete catalogue".to_owned(),
    };
    console.heading(&leftover.schema);
    console.step(&format!("It is {what}, owned by {}.", leftover.owner));
    let size = crate::window::Bytes(leftover.bytes);
    console.step(&format!("It has {} of its own: {size}.", counted(leftover.tables, "table")));
    if !leftover.sources.is_empty() {
        console.step(&format!(
            "{}: {}; {} replicated.",
            counted(leftover.all_sources, "source"),
            crate::wording::first_of(&leftover.sources, leftover.all_sources),
            counted(leftover.replicated, "table")
        ));
    }
    if let Some(last) = &leftover.last_batch {
        console.step(&format!("Its last batch is of {last}."));
    }
    for dependent in &leftover.dependents {
        console.step(&format!(
            "{} depends on {} of it, and goes with it when it is dropped.",
            dependent.object, dependent.depends_on
        ));
    }
}

/// What keeps it from being done.
fn refuse(arguments: &Cleanup, leftovers: &[Leftover], action: Action<'_>) -> Result<(), Refusal> {
    if let (Action::RenameTo(_), [_, _, ..]) = (action, leftovers) {
        return Err(Ending::WrongUse(
            "There are two schemas, and one new name: say which with --schema version1 or --schema version2. Nothing was done."
                .into(),
        )
        .into());
    }
    let findings = cleanup::obstacles(leftovers, action, &arguments.with);
    match findings.len() as u64 {
        0 => Ok(()),
        errors => Err(Refusal { findings, ..Refusal::because(&counted(errors, "error")) }),
    }
}

fn question(schemas: &[&str], action: Action<'_>, live: &CatalogueVersion, database: &str) -> String {
    let names = schemas.join(" and ");
    match action {
        Action::Drop if *live == CatalogueVersion::V2_0_10 && schemas.contains(&VERSION1) => format!(
            "Drop {names} in {database}? Without {VERSION1} there is no way back to 1.8.2. Answer YES to go on:"
        ),
        Action::Drop => format!("Drop {names} in {database}? Answer YES to go on:"),
        Action::RenameTo(name) => format!("Rename {names} in {database} to {name}? Answer YES to go on:"),
    }
}
