//! The upgrade itself: §procedure-6 and §procedure-7, in one transaction.

pub mod ending;
pub mod step;
pub mod transaction;
mod verify;
pub(crate) mod write;

use crate::catalogue::v2::status::SourceStatus;
use crate::checks;
use crate::checks::acceptance::Acceptance;
use crate::config::Configuration;
use crate::facts::postgres::CatalogueVersion;
use crate::finding::{self, Finding};
use crate::names::VERSION1;
use crate::outcome::{self, Change, Outcome, Sent, Undone};
use crate::plan::Plan;
use crate::survey::{self, Known, Look};
use std::time::Duration;
use step::Step;
use tokio_postgres::Client;
use transaction::{Cause, Failure, Transaction};
use write::Starts;

/// What the administrator agreed to.
pub struct Agreed<'a> {
    /// The configuration that the plan was made with.
    pub configuration: &'a Configuration,
    /// The plan that was shown.
    pub plan: &'a Plan,
    /// What MySQL's log has said.
    pub known: Known<'a>,
    /// The owner of the old catalogue, and so of the new one.
    pub owner: &'a str,
    /// Whether `--assume-stopped` was given.
    pub assume_stopped: bool,
    /// Which errors were accepted.
    pub acceptances: &'a [Acceptance],
    /// Roll back at the end instead of committing.
    pub dry_run: bool,
    /// How long to go on asking a server that can't be reached what became of the transaction.
    pub patience: Duration,
}

/// Is told how far the transaction has come.
pub trait Observer {
    /// `step` begins.
    fn step_begins(&self, step: Step);
    /// `step` was done and took so long.
    fn step_done(&self, step: Step, took: Duration);
    /// A step has failed, and is undone next.
    fn step_failed(&self, _failure: &Failure) {}
    /// All is rolled back, for this reason.
    fn rolls_back(&self, _why: &str) {}
}

/// How an upgrade ended.
#[derive(Debug)]
pub struct Ended {
    /// The steps that were done, with the time that each took.
    pub steps: Vec<(Step, Duration)>,
    /// The step that failed, if any did.
    pub failure: Option<Failure>,
    /// The new sources as the transaction wrote them, when it came so far.
    pub status: Vec<SourceStatus>,
    /// What became of the catalogue.
    pub outcome: Outcome,
}

/// Upgrades the catalogue, or leaves 1.7 in place.
pub async fn upgrade(client: &Client, agreed: &Agreed<'_>, observer: &dyn Observer) -> Ended {
    let lock_timeout = agreed.configuration.lock_timeout();
    let mut transaction = match Transaction::begin(client, lock_timeout, observer).await {
        Ok(transaction) => transaction,
        Err(cause) => {
            let failure = Some(Failure { step: Step::Lock, cause });
            return Ended {
                steps: vec![],
                failure,
                status: vec![],
                outcome: Outcome::Undone(Undone::Entirely),
            };
        }
    };
    let mut status = Vec::new();
    let (failure, outcome) = match write_all(&mut transaction, agreed, &mut status).await {
        Ok(()) => (None, Outcome::Done { found_out: false }),
        Err(Stopped::Refused(findings)) => {
            observer
                .rolls_back("Another look at the catalogue has found what refuses the upgrade: roll back");
            // When even this fails, the end of the session undoes it.
            drop(transaction.rollback().await);
            (None, Outcome::Refused(findings))
        }
        Err(Stopped::Failed(failure)) => {
            observer.step_failed(&failure);
            let outcome = settle(&transaction, agreed, &failure).await;
            (Some(failure), outcome)
        }
    };
    Ended { steps: transaction.done().to_vec(), failure, status, outcome }
}

/// Why the steps were not all done.
enum Stopped {
    /// The second look found what the first had not.
    Refused(Vec<Finding>),
    /// A step failed.
    Failed(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

async fn write_all(
    tx: &mut Transaction<'_>,
    agreed: &Agreed<'_>,
    status: &mut Vec<SourceStatus>,
) -> Result<(), Stopped> {
    let client = tx.client();
    let owner = agreed.owner;
    // Those that 1.8.2 writes to.
    let (tables, timeout) = (include_str!("lock.sql"), agreed.configuration.lock_timeout());
    tx.step(Step::Lock, write::lock(client, Step::Lock, tables, timeout)).await?;
    let second_look = tx.step(Step::Recheck, look_again(client, agreed)).await?;
    let plan = second_look.map_err(Stopped::Refused)?;
    tx.step(Step::Rename, write::put_aside(client, VERSION1, owner)).await?;
    tx.step(Step::Install, write::install(client, owner)).await?;
    let ids = tx.step(Step::Sources, write::sources(client, &plan, owner)).await?;
    let starts = Starts::new(&plan, &ids);
    tx.step(Step::Tables, write::tables(client, &plan, &starts)).await?;
    tx.step(Step::Coordinates, write::coordinates(client, &plan, &ids)).await?;
    tx.step(Step::Privileges, write::privileges(client, VERSION1)).await?;
    *status = tx.step(Step::Verify, verify::verify(client, &plan, &starts)).await?;
    if agreed.dry_run {
        tx.observer().rolls_back("It is a dry run: roll back");
        let undone = tx.rollback().await;
        undone.map_err(|error| Failure { step: Step::Commit, cause: error.into() })?;
        return Ok(());
    }
    Ok(tx.commit().await?)
}

/// The checks once more, now that nobody can write: the plan of now, or what has changed. MySQL is not asked again
/// under the lock: what it said holds for as long as the catalogue's starts are the same.
async fn look_again(client: &Client, agreed: &Agreed<'_>) -> Result<Result<Plan, Vec<Finding>>, Cause> {
    let Agreed { configuration, assume_stopped, known, .. } = agreed;
    let facts = survey::facts(client, configuration, *assume_stopped, Look::UnderLock, known).await?;
    let mut findings = checks::run(&facts, &[], agreed.acceptances);
    if finding::has_errors(&findings) {
        findings.retain(|finding| finding.severity == finding::Severity::Error);
        return Ok(Err(findings));
    }
    let Some(catalogue) = facts.catalogue else {
        return Err(Cause::Changed("sch_chameleon is no longer a 1.7 catalogue".to_owned()));
    };
    if !agreed.dry_run && catalogue.snapshot.waiting() > 0 {
        return Ok(Err(vec![changed("events came in after the replay")]));
    }
    let plan = catalogue.planned.ok().filter(|plan| plan.same_but_for_the_lag(agreed.plan));
    Ok(plan
        .ok_or_else(|| vec![changed("its batches or tables are no longer those that the plan was made for")]))
}

fn changed(what: &str) -> Finding {
    Finding::error(
        "recheck",
        format!("The catalogue changed while the upgrade was running: {what}."),
        "Make sure that every 1.8.2 replica of this database is stopped, and run again.",
    )
}

/// After a failure: undoes what the server has not undone, or finds out what is in place.
async fn settle(transaction: &Transaction<'_>, agreed: &Agreed<'_>, failure: &Failure) -> Outcome {
    let sent = if failure.cause.connection_lost() {
        if failure.step == Step::Commit && !agreed.dry_run { Sent::Work } else { Sent::Nothing }
    } else {
        match transaction.undo(failure.step, worth_keeping(failure, agreed)).await {
            Ok(undone) => return Outcome::Undone(undone),
            Err(sent) => sent,
        }
    };
    let in_place =
        outcome::in_place(&agreed.configuration.pg, transaction.id(), agreed.patience, outcome::version)
            .await;
    let change = Change { from: CatalogueVersion::V1_7, to: CatalogueVersion::V2_0_10 };
    change.outcome(sent, in_place, transaction.id())
}

/// A dry run leaves nothing; and with a changed old catalogue beside it nothing may be committed.
fn worth_keeping(failure: &Failure, agreed: &Agreed<'_>) -> bool {
    !agreed.dry_run && !matches!(failure.cause, Cause::Changed(_))
}
