//! What `upgrade` does before its transaction: it replays what waits, and looks once more at what may have gone meanwhile.
//! §procedure-5.

use super::session::{Alone, Refusal};
use crate::cli::{Replay, Upgrade};
use crate::ending::Ending;
use crate::plan::Plan;
use crate::replay::{Backlog, Method, ReplayError, parallel, set_based};
use crate::report::file::ReplayTime;
use crate::survey;
use crate::wording::counted;
use std::num::NonZeroUsize;

/// Replays what waits; `replayed` gets what was.
pub(super) async fn replay(
    arguments: &Upgrade,
    alone: &Alone<'_>,
    backlogs: Vec<Backlog>,
    replayed: &mut Vec<ReplayTime>,
) -> Result<(), Refusal> {
    if backlogs.is_empty() {
        return Ok(());
    }
    alone.console.heading("Replay");
    let method = match arguments.replay {
        Replay::Sets => Method::Sets(set_based::Sizes::default()),
        Replay::Function => Method::Function,
    };
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let jobs = arguments.jobs.unwrap_or_else(cores);
    let opened = |session| alone.interruption.ends(session);
    let (client, server) = (alone.client(), &alone.configuration.pg);
    let outcome = parallel::replay(client, server, backlogs, method, jobs, alone.console, &opened).await;
    replayed.extend(outcome.replayed.into_iter().map(|(backlog, took)| ReplayTime {
        source: backlog.name,
        events: backlog.events,
        seconds: took.as_secs_f64(),
    }));
    match outcome.error {
        // Nothing that a replayed statement has set stays for the upgrade.
        None => alone.renew().await.map_err(|error| stopped(alone, &error.into())),
        Some(error) => {
            alone.console.replay_stops();
            Err(stopped(alone, &error))
        }
    }
}

fn stopped(alone: &Alone<'_>, error: &ReplayError) -> Refusal {
    alone.replay_stopped(error, error.finding(), |interrupted| error.ending(interrupted))
}

/// The question and the replay take their time, and MySQL may have purged the file that the new replica starts from.
pub(super) async fn still_there(
    arguments: &Upgrade,
    alone: &Alone<'_>,
    plan: &Plan,
    has_replayed: bool,
) -> Result<(), Refusal> {
    if arguments.offline {
        return Ok(());
    }
    let findings = alone.unless_interrupted(survey::purged_since(alone.configuration, plan)).await?;
    if findings.is_empty() {
        return Ok(());
    }
    let errors = counted(findings.len() as u64, "error");
    let ending = if has_replayed {
        Ending::Refused(format!(
            "Refused: {errors}. 1.7 is in place; what waited has been replayed, as 1.8.2 would have done it."
        ))
    } else {
        Refusal::because(&errors).ending
    };
    Err(Refusal { findings, ending })
}
