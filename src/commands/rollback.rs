//! `rollback`: undoes a successful upgrade while the 2.0 replica has applied nothing. §way-back.

use super::consent;
use super::session::{self, Alone, Refusal};
use crate::catalogue::v1::read;
use crate::catalogue::{v2, version};
use crate::cli::Rollback;
use crate::ending::Ending;
use crate::facts::postgres::CatalogueVersion;
use crate::finding;
use crate::outcome::Outcome;
use crate::report::console::Console;
use crate::rollback::checks::Options;
use crate::rollback::{self, checks};
use crate::shell;
use crate::wording::counted;
use std::time::Duration;

/// Puts the 1.7 catalogue back.
pub async fn run(arguments: &Rollback, console: &Console) -> Ending {
    undo(arguments, console).await.unwrap_or_else(|refusal| refusal.shown(console))
}

async fn undo(arguments: &Rollback, console: &Console) -> Result<Ending, Refusal> {
    let configuration = session::configuration(&arguments.config.name)?;
    session::alone(console, &configuration, async |alone| roll_back(arguments, alone).await).await
}

async fn roll_back(arguments: &Rollback, alone: &Alone<'_>) -> Result<Ending, Refusal> {
    let client = alone.client();
    let server = read::server(client).await.map_err(|error| alone.unreadable(&error))?;
    match version::as_anyone(client, &server).await.map_err(|error| alone.unreadable(&error))? {
        CatalogueVersion::V2_0_10 => {}
        CatalogueVersion::V1_7 => {
            return Ok(Ending::Done("The catalogue is 1.7: there is no upgrade to undo.".into()));
        }
        _ => return Err(Refusal::because("sch_chameleon is no catalogue that this program has made")),
    }
    let options = Options { force: arguments.force, assume_stopped: arguments.assume_stopped };
    let examined =
        rollback::examine(client, server, options).await.map_err(|error| alone.unreadable(&error))?;
    let findings = checks::run(&examined);
    alone.console.findings(&findings);
    alone.console.checked(&findings);
    match finding::errors(&findings) {
        0 => {}
        errors => return Err(Refusal::because(&counted(errors, "error"))),
    }
    if !arguments.yes {
        let question = format!(
            "Put the 1.7 catalogue of {} back, and keep the {} one as _sch_chameleon_version2? Answer YES to go on:",
            examined.server.database,
            v2::VERSION
        );
        consent::ask(&question, alone.console, alone.interruption).await.map_err(Refusal::because)?;
    }
    let patience = Duration::from_secs(arguments.patience);
    let ended = rollback::roll_back(client, &alone.configuration.pg, options, patience).await;
    let forced = examined.progress.is_some_and(|progress| progress.has_gone_on());
    match &ended.outcome {
        Outcome::Done { .. } => tell_next_steps(arguments, alone.console, forced),
        Outcome::Refused(findings) => alone.console.findings(findings),
        _ if alone.interruption.happened() => alone.console.failure("interrupted"),
        _ => ended.failure.iter().for_each(|failure| alone.console.failure(&failure.to_string())),
    }
    Ok(rollback::ending::ending(&ended.outcome, forced))
}

fn tell_next_steps(arguments: &Rollback, console: &Console, forced: bool) {
    console.heading("What to do next");
    if forced {
        console.step(
            "Don't start the 1.8.2 replica yet: it would write again what 2.0 has written. Run its init_replica for each \
             source first, which copies the tables anew. Then start it. Never start 2.0 on it.",
        );
    } else {
        console.step(
            "Start the 1.8.2 replica of each source: it goes on from where it was. Never start 2.0 on it.",
        );
    }
    console.step("Before the next upgrade:");
    console.command(&shell::command("cleanup", &arguments.config.name, "--schema version2 --drop"));
}
