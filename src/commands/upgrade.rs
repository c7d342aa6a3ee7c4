//! `upgrade`: the procedure (§procedure-1 to §procedure-8) from the configuration to the new catalogue.

use super::check::{mysql, unreachable, unreadable};
use super::interruption::Interruption;
use super::{consent, load, next_steps};
use crate::batches::{Between, Gap};
use crate::catalogue::v2;
use crate::checks::acceptance::Acceptance;
use crate::checks::binlog_files;
use crate::checks::{self, pooler};
use crate::cli::{Replay, Upgrade};
use crate::config::{Configuration, location};
use crate::ending::Ending;
use crate::examination::{Catalogue, Examined};
use crate::facts::postgres::CatalogueVersion;
use crate::finding::{self, Finding, Severity};
use crate::plan::Plan;
use crate::postgres::{self, Session};
use crate::replay::{Backlog, Method, ReplayError, parallel, set_based};
use crate::report::console::Console;
use crate::report::file::{ReplayTime, Report, ReportFile};
use crate::source;
use crate::survey::{hear_of_gaps, survey};
use crate::upgrade::exclusive::{self, Exclusive};
use crate::upgrade::transaction::Undone;
use crate::upgrade::{Agreed, NotUpgraded, State, Upgraded, upgrade};
use crate::wording::counted;
use crate::wording::sentence;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Upgrades the catalogue, and writes the report when one was asked for.
pub async fn run(arguments: &Upgrade, console: &Console) -> Ending {
    let mut report = Report::new(arguments.dry_run);
    let file = match arguments.report.as_deref().map(ReportFile::at).transpose() {
        Ok(file) => file,
        Err(error) => return Ending::WrongUse(format!("{error}. Nothing was done.")),
    };
    let configuration = match load(&arguments.config.name) {
        Ok(configuration) => configuration,
        Err(ending) => return reported(file, report, ending, console),
    };
    report.configuration = Some(configuration.path.clone());
    let ending =
        procedure(arguments, console, &mut report, &configuration).await.unwrap_or_else(|ending| ending);
    reported(file, report, ending, console)
}

fn reported(file: Option<ReportFile>, mut report: Report, ending: Ending, console: &Console) -> Ending {
    report.ends(&ending);
    if let Some(Err(error)) = file.map(|file| file.write(&report)) {
        console.failure(&format!("the report could not be written: {error}"));
    }
    ending
}

async fn procedure(
    arguments: &Upgrade,
    console: &Console,
    report: &mut Report,
    configuration: &Configuration,
) -> Result<Ending, Ending> {
    let session = connect(configuration, console, report).await?;
    let interruption = Interruption::watch(session.breaker());
    if let Err(ending) = no_pooler(configuration, &session, console, report, &interruption).await {
        session.close().await;
        return Err(ending);
    }
    let outcome = with_session(arguments, console, report, configuration, &session, &interruption).await;
    interruption.settled().await;
    postgres::leave(session).await;
    outcome
}

/// Before anything is set or locked.
async fn no_pooler(
    configuration: &Configuration,
    session: &Session,
    console: &Console,
    report: &mut Report,
    interruption: &Interruption,
) -> Result<(), Ending> {
    let pooling = tokio::select! {
        pooling = postgres::pooling(session, &configuration.pg) => pooling,
        () = interruption.wait() => return Err(refused("interrupted")),
    };
    let pooling = pooling.map_err(|error| broken_off(&error, interruption))?;
    let Some(finding) = pooler::finding(&pooling) else { return Ok(()) };
    report.findings = vec![finding];
    console.findings(&report.findings);
    Err(refused("1 error"))
}

async fn connect(
    configuration: &Configuration,
    console: &Console,
    report: &mut Report,
) -> Result<Session, Ending> {
    postgres::connect(&configuration.pg).await.map_err(|error| {
        report.findings = vec![unreachable(&error)];
        console.findings(&report.findings);
        refused("PostgreSQL can't be asked")
    })
}

async fn with_session(
    arguments: &Upgrade,
    console: &Console,
    report: &mut Report,
    configuration: &Configuration,
    session: &Session,
    interruption: &Interruption,
) -> Result<Ending, Ending> {
    let client = session.client();
    postgres::prepare(client, configuration.lock_timeout())
        .await
        .map_err(|error| broken_off(&error, interruption))?;
    take_exclusive(client, interruption).await?;
    let mut heard = vec![];
    let mut facts = surveyed(arguments, console, report, configuration, client, &heard, interruption).await?;
    if !arguments.offline {
        heard = tokio::select! {
            heard = hear_of_gaps(&facts, configuration, console) => heard,
            () = interruption.wait() => return Err(refused("interrupted")),
        };
        if !heard.is_empty() {
            facts = surveyed(arguments, console, report, configuration, client, &heard, interruption).await?;
        }
    }
    report.database = Some(facts.server.database.clone());
    if facts.version == CatalogueVersion::V2_0_10 {
        report.findings = checks::run(&facts, &[], &arguments.accept.acceptances);
        let told = report.findings.iter().filter(|finding| finding.severity > Severity::Info).cloned();
        console.findings(&told.collect::<Vec<_>>());
        return Ok(Ending::Done(format!(
            "The catalogue is {} already: there is nothing to do.",
            v2::VERSION
        )));
    }
    let daemon = arguments.daemon.program.as_deref();
    let facts = tokio::select! {
        facts = mysql(facts, client, configuration, arguments.offline, daemon, console) => facts,
        () = interruption.wait() => return Err(refused("interrupted")),
    };
    let (catalogue, plan) = examine(console, report, &facts, &arguments.accept.acceptances)?;
    agree(arguments, console, &facts.server.database, interruption).await?;
    if !arguments.dry_run {
        let backlogs = backlogs(configuration, catalogue, plan);
        replay_all(arguments, console, report, configuration, backlogs, session, interruption).await?;
        if !arguments.offline {
            still_there(console, report, configuration, plan, interruption).await?;
        }
    }
    let agreed = Agreed {
        configuration,
        plan,
        heard: &heard,
        owner: facts.server.schema_owner.as_deref().unwrap_or(&facts.server.role.name),
        assume_stopped: arguments.assume_stopped,
        acceptances: &arguments.accept.acceptances,
        dry_run: arguments.dry_run,
        patience: Duration::from_secs(arguments.patience),
    };
    console.heading(if arguments.dry_run { "Dry run" } else { "Upgrade" });
    match upgrade(client, &agreed, console).await {
        Ok(upgraded) => Ok(done(console, report, &agreed, upgraded, catalogue.snapshot.waiting())),
        Err(failed) => Err(not_done(console, report, failed, interruption)),
    }
}

async fn surveyed(
    arguments: &Upgrade,
    console: &Console,
    report: &mut Report,
    configuration: &Configuration,
    client: &tokio_postgres::Client,
    heard: &[(Gap, Between)],
    interruption: &Interruption,
) -> Result<Examined, Ending> {
    survey(client, configuration, arguments.assume_stopped, heard).await.map_err(|error| {
        if interruption.happened() {
            return refused("interrupted");
        }
        report.findings = vec![unreadable(&error)];
        console.findings(&report.findings);
        refused("the catalogue can't be read")
    })
}

/// What was being asked before anything was done: a signal ends the session under the question.
fn broken_off(error: &tokio_postgres::Error, interruption: &Interruption) -> Ending {
    if interruption.happened() { refused("interrupted") } else { refused(&postgres::describe(error)) }
}

async fn take_exclusive(client: &tokio_postgres::Client, interruption: &Interruption) -> Result<(), Ending> {
    match exclusive::take(client).await {
        Ok(Exclusive::Taken) => Ok(()),
        Ok(Exclusive::Held(pid)) => {
            let who = pid.map(|pid| format!(" (server process {pid})")).unwrap_or_default();
            Err(refused(&format!(
                "another upgrade of this database is at work{who}; wait until it has ended, then run again"
            )))
        }
        Err(error) => Err(broken_off(&error, interruption)),
    }
}

/// Shows the findings and the plan; refuses when a finding does.
fn examine<'a>(
    console: &Console,
    report: &mut Report,
    facts: &'a Examined,
    acceptances: &[Acceptance],
) -> Result<(&'a Catalogue, &'a Plan), Ending> {
    report.findings = checks::run(facts, &[], acceptances);
    console.heading("Findings");
    console.findings(&report.findings);
    if report.findings.is_empty() {
        console.line("  none");
    }
    let errors = finding::errors(&report.findings);
    let planned = facts.catalogue.as_ref().and_then(|it| Some((it, it.planned.as_ref().ok()?)));
    match planned {
        Some((catalogue, plan)) if errors == 0 => {
            report.plan = Some(plan.clone());
            console.heading("Plan");
            console.plan(plan);
            Ok((catalogue, plan))
        }
        _ => Err(refused(&counted(errors, "error"))),
    }
}

/// §procedure-4.
async fn agree(
    arguments: &Upgrade,
    console: &Console,
    database: &str,
    interruption: &Interruption,
) -> Result<(), Ending> {
    if arguments.yes || arguments.dry_run {
        return Ok(());
    }
    let question = format!("Upgrade sch_chameleon in {database} to {}? Answer YES to go on:", v2::VERSION);
    consent::ask(&question, console, interruption).await.map_err(refused)
}

async fn replay_all(
    arguments: &Upgrade,
    console: &Console,
    report: &mut Report,
    configuration: &Configuration,
    backlogs: Vec<Backlog>,
    session: &Session,
    interruption: &Interruption,
) -> Result<(), Ending> {
    if backlogs.is_empty() {
        return Ok(());
    }
    console.heading("Replay");
    let method = match arguments.replay {
        Replay::Sets => Method::Sets(set_based::Sizes::default()),
        Replay::Function => Method::Function,
    };
    let opened = |session| interruption.ends(session);
    let (client, jobs) = (session.client(), jobs(arguments));
    let outcome = parallel::replay(client, &configuration.pg, backlogs, method, jobs, console, &opened).await;
    report.replays.extend(outcome.replayed.into_iter().map(|(backlog, took)| ReplayTime {
        source: backlog.name,
        events: backlog.events,
        seconds: took.as_secs_f64(),
    }));
    let Some(error) = outcome.error else {
        // Nothing that a replayed statement has set stays for the upgrade.
        let renewed = async {
            postgres::as_the_role(client, Some(exclusive::KEY)).await?;
            postgres::prepare(client, configuration.lock_timeout()).await
        };
        return renewed.await.map_err(|error| replay_failed(console, report, &error.into(), interruption));
    };
    console.replay_stops();
    Err(replay_failed(console, report, &error, interruption))
}

/// The question and the replay take their time, and MySQL may have purged the file that the new replica starts from.
async fn still_there(
    console: &Console,
    report: &mut Report,
    configuration: &Configuration,
    plan: &Plan,
    interruption: &Interruption,
) -> Result<(), Ending> {
    let mut purged = Vec::new();
    for source in &plan.sources {
        let configured = configuration.sources.iter().find(|it| it.name == source.name);
        let Some(connection) = configured.and_then(|it| it.mysql.as_ref()) else { continue };
        let logs = tokio::select! {
            logs = source::binary_logs(connection) => logs,
            () = interruption.wait() => return Err(refused("interrupted")),
        };
        purged.extend(logs.and_then(|logs| binlog_files::again(source, &source::place(connection), &logs)));
    }
    if purged.is_empty() {
        return Ok(());
    }
    console.findings(&purged);
    let count = counted(purged.len() as u64, "error");
    report.findings.extend(purged);
    Err(if report.replays.is_empty() {
        refused(&count)
    } else {
        Ending::Refused(format!(
            "Refused: {count}. 1.7 is in place; what waited has been replayed, as 1.8.2 would have done it."
        ))
    })
}

fn jobs(arguments: &Upgrade) -> NonZeroUsize {
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    arguments.jobs.unwrap_or_else(cores)
}

/// What waits, source by source. A batch that is listed without events has yet to be closed too.
fn backlogs(configuration: &Configuration, catalogue: &Catalogue, plan: &Plan) -> Vec<Backlog> {
    let configured = |id| {
        let target = plan.sources.iter().find(|source| source.parts.iter().any(|part| part.id == id));
        configuration.sources.iter().find(|it| target.is_some_and(|target| target.name == it.name))
    };
    let backlog = |source: &crate::facts::snapshot::OldSource| {
        (source.waiting.batches > 0).then(|| Backlog {
            source: source.id,
            name: source.name.clone(),
            events: source.waiting.events,
            batches: source.waiting.batches,
            events_a_call: configured(source.id).map_or(1, |source| source.replay_max_rows),
            lock_timeout: configured(source.id).map(|source| source.lock_timeout).unwrap_or_default(),
        })
    };
    catalogue.snapshot.sources.iter().filter_map(backlog).collect()
}

fn replay_failed(
    console: &Console,
    report: &mut Report,
    error: &ReplayError,
    interruption: &Interruption,
) -> Ending {
    let state = "1.7 is in place; what was replayed until then stays replayed, as 1.8.2 would have done it, and 1.8.2 can \
                 go on from there";
    match error {
        _ if interruption.happened() => {
            Ending::RolledBack(format!("Interrupted during the replay: {state}."))
        }
        ReplayError::Postgres(_) | ReplayError::Locked { .. } => {
            console.failure(&format!("the replay was broken off: {error}"));
            Ending::RolledBack(format!("Failed during the replay: {state}."))
        }
        ReplayError::Event { event, .. } => {
            tell(
                console,
                report,
                "replay",
                &error.to_string(),
                format!(
                    "1.8.2 stops at it in the same way. Mend what the server complains of in {} (or sync that table again with \
                 1.8.2's sync_tables), and run again.",
                    event.table
                ),
            );
            Ending::Refused(format!("Refused: an event can't be replayed. {}.", sentence(state)))
        }
        ReplayError::Endless { source_name, .. } => {
            tell(
                console,
                report,
                "replay",
                &error.to_string(),
                format!(
                    "Look at its batches: SELECT * FROM sch_chameleon.t_replica_batch NATURAL JOIN sch_chameleon.t_batch_events \
                 WHERE NOT b_replayed; and start the 1.8.2 replica of {source_name} once, to see what it makes of them."
                ),
            );
            Ending::Refused(format!("Refused: the replay does not end. {}.", sentence(state)))
        }
    }
}

/// Shows a finding of the replay, which is in the report too.
fn tell(console: &Console, report: &mut Report, check: &'static str, found: &str, remedy: String) {
    let finding = Finding::error(check, format!("{}.", sentence(found)), remedy);
    console.findings(std::slice::from_ref(&finding));
    report.findings.push(finding);
}

/// `waited`: the events that waited when the checks were made. A dry run doesn't try them: that would commit as it goes.
fn done(
    console: &Console,
    report: &mut Report,
    agreed: &Agreed<'_>,
    upgraded: Upgraded,
    waited: u64,
) -> Ending {
    report.steps(&upgraded.steps);
    report.status.clone_from(&upgraded.status);
    if upgraded.found_out {
        console
            .line("  The connection was lost at the commit; asked again, the server says that it was done.");
    }
    console.heading(if agreed.dry_run { "Status that the upgrade would leave" } else { "Status" });
    console.status(&upgraded.status);
    let (tables, sources) = (agreed.plan.tables(), agreed.plan.sources.len() as u64);
    let what = format!("{} in {}", counted(tables, "table"), counted(sources, "source"));
    if agreed.dry_run {
        let untried = match waited {
            0 => String::new(),
            1 => " The event that waits was not replayed: whether it can be, the upgrade itself shows."
                .to_owned(),
            many => format!(
                " The {many} events that wait were not replayed: whether they can be, the upgrade itself shows."
            ),
        };
        return Ending::Done(format!(
            "Dry run: the transaction that upgrades {what} went well and was rolled back.{untried} 1.7 is in place; nothing was \
             changed."
        ));
    }
    next_steps::tell(console, agreed, &location::home());
    Ending::Done(format!(
        "Upgraded: sch_chameleon is the {} catalogue, with {what}. The 1.7 catalogue is kept as _sch_chameleon_version1.",
        v2::VERSION
    ))
}

fn not_done(
    console: &Console,
    report: &mut Report,
    failed: NotUpgraded,
    interruption: &Interruption,
) -> Ending {
    report.steps(&failed.steps);
    if interruption.happened() {
        console.failure("interrupted");
    } else if let Some(failure) = &failed.failure {
        console.failure(&format!("the step \"{}\" failed: {}", failure.step, failure.cause));
    }
    match failed.state {
        State::Refused(findings) => {
            console.findings(&findings);
            let errors = counted(findings.len() as u64, "error");
            report.findings.extend(findings);
            Ending::Refused(format!(
                "Refused: {errors} when the locked catalogue was read again. Nothing was upgraded: 1.7 is in place; what was \
                 replayed stays replayed, as 1.8.2 would have done it."
            ))
        }
        State::RolledBack(undone) => rolled_back(console, undone),
        State::RollsBack { reason, may_be_kept: false } => Ending::RolledBack(format!(
            "Failed; the commit was never sent, so the server undoes the upgrade and 1.7 is in place. The server could not \
             be asked to confirm it ({reason}): when it can be reached, SELECT t_version FROM sch_chameleon.v_version; \
             says 1.7."
        )),
        State::RollsBack { reason, may_be_kept: true } => Ending::RolledBack(format!(
            "Failed; 1.7 is in place, and 1.8.2 goes on working. What had been built of 2.0 may be left as \
             _sch_chameleon_version2: the connection was lost while it was being kept for inspection, and the server could \
             not be asked ({reason}). Before the next attempt: DROP SCHEMA IF EXISTS _sch_chameleon_version2 CASCADE;"
        )),
        State::Unknown { transaction, reason } => Ending::Unknown(format!(
            "The outcome is not known: the connection was lost, and the server could not be asked ({reason}). To find out \
             when it can be reached: SELECT txid_status({transaction}); as long as it says in progress, wait. Then SELECT \
             t_version FROM sch_chameleon.v_version; 2.0.10: the upgrade is complete. 1.7: it was undone; run it again."
        )),
    }
}

fn rolled_back(console: &Console, undone: Undone) -> Ending {
    match undone {
        Undone::KeptForInspection => Ending::RolledBack(
            "Failed and rolled back: 1.7 is in place, and 1.8.2 goes on working. What had been built of 2.0 is kept as \
             _sch_chameleon_version2 for inspection. Before the next attempt: DROP SCHEMA _sch_chameleon_version2 CASCADE;"
                .into(),
        ),
        Undone::Entirely => Ending::RolledBack(
            "Failed and rolled back: 1.7 is in place, and 1.8.2 goes on working. Nothing is left to clean up.".into(),
        ),
        Undone::EntirelyAfter(error) => {
            console.failure(&format!(
                "keeping the unfinished catalogue for inspection failed too: {}",
                postgres::describe(&error)
            ));
            Ending::RolledBack(
                "Failed and rolled back: 1.7 is in place, and 1.8.2 goes on working. Nothing of the upgrade is left.".into(),
            )
        }
    }
}

fn refused(why: &str) -> Ending {
    Ending::Refused(format!("Refused: {why}. Nothing was changed: the catalogue is as it was."))
}
