//! `rollback`: undoes a successful upgrade, whatever the 2.0 replica has done since. §way-back.

use super::consent;
use super::session::{self, Alone, Refusal};
use crate::catalogue::v1::read;
use crate::catalogue::{v2, version};
use crate::cli::Rollback;
use crate::ending::Ending;
use crate::facts::postgres::CatalogueVersion;
use crate::finding::Finding;
use crate::outcome::Outcome;
use crate::report::console::Console;
use crate::rollback::ending::{self, Way};
use crate::rollback::examined::{Examined, GoingOn, Options, Progress};
use crate::rollback::replay::{self, Listed, ReplayError};
use crate::rollback::{self, Agreed, checks};
use crate::shell;
use crate::wording::counted;
use std::time::{Duration, Instant};

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
    Refusal::unless_errors(&findings)?;
    let going_on = examined.going_on.as_ref();
    let back = going_on.and_then(|going_on| going_on.decided.as_ref().ok());
    if let (Some(going_on), Some(back)) = (going_on, back) {
        alone.console.heading("Where 1.8.2 goes on");
        alone.console.way_back(back, &going_on.tables);
    }
    agree(arguments, alone, &examined).await?;
    let listed = going_on.filter(|_| !arguments.dry_run);
    let listed = listed.map(|it| Listed::all(&it.catalogues, alone.configuration)).unwrap_or_default();
    replay_listed(alone, &listed).await?;
    let patience = Duration::from_secs(arguments.patience);
    let agreed = Agreed { back, options, dry_run: arguments.dry_run, patience };
    let ended = rollback::roll_back(client, &alone.configuration.pg, agreed).await;
    let way = way(&examined);
    match &ended.outcome {
        Outcome::Done { .. } if arguments.dry_run => {
            return Ok(ending::of_a_dry_run(going_on.map_or(0, |it| it.catalogues.waiting())));
        }
        Outcome::Done { .. } => tell_next_steps(arguments, alone.console, way, going_on),
        Outcome::Refused(findings) => alone.console.findings(findings),
        _ if alone.interruption.happened() => alone.console.failure("interrupted"),
        _ => ended.failure.iter().for_each(|failure| alone.console.failure(&failure.to_string())),
    }
    Ok(ending::ending(&ended.outcome, way, !listed.is_empty()))
}

fn way(examined: &Examined) -> Way {
    match (&examined.going_on, &examined.progress) {
        (Some(_), _) => Way::GoOn,
        (None, Some(progress)) if Progress::has_gone_on(progress) => Way::Force,
        _ => Way::Exchange,
    }
}

async fn agree(arguments: &Rollback, alone: &Alone<'_>, examined: &Examined) -> Result<(), Refusal> {
    if arguments.yes || arguments.dry_run {
        return Ok(());
    }
    let database = &examined.server.database;
    let kept = format!("keep the {} one as _sch_chameleon_version2", v2::VERSION);
    let question = match &examined.going_on {
        Some(going_on) => {
            let first = match going_on.catalogues.waiting() {
                0 => String::new(),
                events => format!("Replay {} that 2.0 has listed, then put ", counted(events, "event")),
            };
            let put = if first.is_empty() { "Put " } else { &first };
            format!(
                "{put}the 1.7 catalogue of {database} back with these places and tables, and {kept}? Answer YES to go on:"
            )
        }
        None => format!("Put the 1.7 catalogue of {database} back, and {kept}? Answer YES to go on:"),
    };
    consent::ask(&question, alone.console, alone.interruption).await.map_err(Refusal::because)
}

/// §way-back-first: what 2.0 itself would do; it commits as it goes.
async fn replay_listed(alone: &Alone<'_>, listed: &[Listed]) -> Result<(), Refusal> {
    if listed.is_empty() {
        return Ok(());
    }
    // A batch that is listed without events is closed without a word.
    if listed.iter().any(|source| source.events > 0) {
        alone.console.heading("Replay of what 2.0 has listed");
    }
    alone.renew_as_the_role().await.map_err(|error| stopped(alone, &error.into()))?;
    let mut disabled = Vec::new();
    for source in listed {
        let began = Instant::now();
        let tables = replay::replay(alone.client(), source).await.map_err(|error| stopped(alone, &error))?;
        if source.events > 0 {
            let events = counted(source.events, "event");
            let seconds = began.elapsed().as_secs_f64();
            alone.console.step(&format!("{}: {events} in {seconds:.1} s", source.name));
        }
        disabled.extend(tables);
    }
    // Nothing that a replayed statement has set stays for the rollback.
    alone.renew().await.map_err(|error| stopped(alone, &error.into()))?;
    let findings: Vec<_> = disabled.iter().map(|table| told(table)).collect();
    alone.console.findings(&findings);
    Ok(())
}

fn told(table: &str) -> Finding {
    Finding::warning(
        "replay",
        format!(
            "2.0 has disabled a table at an event that it can't apply, and 1.8.2 goes on without it: {table}"
        ),
        "Afterwards bring it with 1.8.2's sync_tables.",
    )
}

fn stopped(alone: &Alone<'_>, error: &ReplayError) -> Refusal {
    alone.replay_stopped(error, error.finding(), |interrupted| error.ending(interrupted))
}

fn tell_next_steps(arguments: &Rollback, console: &Console, way: Way, going_on: Option<&GoingOn>) {
    console.heading("What to do next");
    match way {
        Way::Force => console.step(
            "Don't start the 1.8.2 replica yet: it would write again what 2.0 has written. Run its init_replica for each \
             source first, which copies the tables anew. Then start it. Never start 2.0 on it.",
        ),
        Way::Exchange => console.step(
            "Start the 1.8.2 replica of each source: it goes on from where it was. Never start 2.0 on it.",
        ),
        Way::GoOn => console.step(
            "Start the 1.8.2 replica of each source: it goes on where 2.0 stopped. Never start 2.0 on it.",
        ),
    }
    let left_out = going_on.is_some_and(|it| it.tables.values().any(|tables| tables.left_out() > 0));
    if left_out {
        console.step("Then bring the tables that were left out with 1.8.2's sync_tables.");
    }
    console.step("Before the next upgrade:");
    console.command(&shell::command("cleanup", &arguments.config.name, "--schema version2 --drop"));
}
