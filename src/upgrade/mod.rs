//! The upgrade itself: §procedure-6 and §procedure-7, in one transaction.

pub mod exclusive;
pub mod outcome;
pub mod step;
pub mod transaction;
mod verify;
pub mod write;

use crate::batches::{Between, Gap};
use crate::catalogue::v2::status::SourceStatus;
use crate::checks;
use crate::checks::acceptance::Acceptance;
use crate::config::Configuration;
use crate::finding::{self, Finding};
use crate::plan::Plan;
use crate::survey::{self, Look};
use outcome::Found;
use std::time::Duration;
use step::Step;
use tokio_postgres::Client;
use transaction::{Cause, Failure, Transaction, Undone};
use write::Starts;

/// What the administrator agreed to.
pub struct Agreed<'a> {
    /// The configuration that the plan was made with.
    pub configuration: &'a Configuration,
    /// The plan that was shown.
    pub plan: &'a Plan,
    /// What MySQL's log has said of gaps between batches.
    pub heard: &'a [(Gap, Between)],
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

/// Is told of each step that was done.
pub trait Observer {
    /// `step` was done and took so long.
    fn step_done(&self, step: Step, took: Duration);
}

/// A completed upgrade.
#[derive(Debug)]
pub struct Upgraded {
    /// The steps with the time that each took.
    pub steps: Vec<(Step, Duration)>,
    /// The new sources as the transaction left them.
    pub status: Vec<SourceStatus>,
    /// The connection was lost at the commit, and the server said afterwards that it was done.
    pub found_out: bool,
}

/// An upgrade that was not completed.
#[derive(Debug)]
pub struct NotUpgraded {
    /// The steps that had been done.
    pub steps: Vec<(Step, Duration)>,
    /// The step that failed; none when the transaction could not begin.
    pub failure: Option<Failure>,
    /// What the replica's catalogue is now.
    pub state: State,
}

/// The state of the catalogue after an upgrade that was not completed.
#[derive(Debug)]
pub enum State {
    /// Nothing was changed: the catalogue is no longer what the plan was made for.
    Refused(Vec<Finding>),
    /// 1.7 is in place.
    RolledBack(Undone),
    /// 1.7 is in place, and the server has not confirmed it. The upgrade's commit was never sent.
    RollsBack {
        /// Why it could not be asked.
        reason: String,
        /// The unfinished catalogue may have been kept as `_sch_chameleon_version2`.
        may_be_kept: bool,
    },
    /// It is not known whether the transaction was committed.
    Unknown {
        /// Its id, for `txid_status`.
        transaction: i64,
        /// Why the server could not be asked.
        reason: String,
    },
}

/// Upgrades the catalogue, or leaves 1.7 in place.
///
/// # Errors
/// [`NotUpgraded`] with the state that the catalogue is in.
pub async fn upgrade(
    client: &Client,
    agreed: &Agreed<'_>,
    observer: &dyn Observer,
) -> Result<Upgraded, NotUpgraded> {
    let lock_timeout = agreed.configuration.lock_timeout();
    let mut transaction = match Transaction::begin(client, lock_timeout, observer).await {
        Ok(transaction) => transaction,
        Err(cause) => return Err(not_begun(cause)),
    };
    let result = write_all(&mut transaction, agreed).await;
    let steps = transaction.done().to_vec();
    match result {
        Ok(status) => Ok(Upgraded { steps, status, found_out: false }),
        Err(Broken::Refused(findings)) => {
            // When even this fails, the end of the session undoes it.
            drop(transaction.rollback().await);
            Err(NotUpgraded { steps, failure: None, state: State::Refused(findings) })
        }
        Err(Broken::Failed(failure, written)) => settle(&transaction, agreed, failure, written, steps).await,
    }
}

fn not_begun(cause: Cause) -> NotUpgraded {
    let failure = Failure { step: Step::Lock, cause };
    NotUpgraded { steps: vec![], failure: Some(failure), state: State::RolledBack(Undone::Entirely) }
}

/// Why the steps were not all done.
enum Broken {
    /// The second look found what the first had not.
    Refused(Vec<Finding>),
    /// A step failed; with what had been written, when it was the commit.
    Failed(Failure, Option<Vec<SourceStatus>>),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure, None)
    }
}

async fn write_all(tx: &mut Transaction<'_>, agreed: &Agreed<'_>) -> Result<Vec<SourceStatus>, Broken> {
    let client = tx.client();
    let owner = agreed.owner;
    tx.step(Step::Lock, write::lock(client, agreed.configuration.lock_timeout())).await?;
    let second_look = tx.step(Step::Recheck, look_again(client, agreed)).await?;
    let plan = second_look.map_err(Broken::Refused)?;
    tx.step(Step::Rename, write::rename(client, owner)).await?;
    tx.step(Step::Install, write::install(client, owner)).await?;
    let ids = tx.step(Step::Sources, write::sources(client, &plan, owner)).await?;
    let starts = Starts::new(&plan, &ids);
    tx.step(Step::Tables, write::tables(client, &plan, &starts)).await?;
    tx.step(Step::Coordinates, write::coordinates(client, &plan, &ids)).await?;
    tx.step(Step::Privileges, write::privileges(client)).await?;
    let status = tx.step(Step::Verify, verify::verify(client, &plan, &starts)).await?;
    if agreed.dry_run {
        let undone = tx.rollback().await;
        undone.map_err(|error| Failure { step: Step::Commit, cause: error.into() })?;
        return Ok(status);
    }
    match tx.commit().await {
        Ok(()) => Ok(status),
        Err(failure) => Err(Broken::Failed(failure, Some(status))),
    }
}

/// The checks once more, now that nobody can write: the plan of now, or what has changed. MySQL is not asked again
/// under the lock: what it said holds for as long as the catalogue's starts are the same.
async fn look_again(client: &Client, agreed: &Agreed<'_>) -> Result<Result<Plan, Vec<Finding>>, Cause> {
    let Agreed { configuration, assume_stopped, heard, .. } = agreed;
    let facts = survey::facts(client, configuration, *assume_stopped, Look::Again, heard).await?;
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
    let plan = catalogue.planned.ok().and_then(|plan| plan.advanced_as(agreed.plan));
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

/// The last that the server was asked to commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// The upgrade.
    Upgrade,
    /// 1.7 with the unfinished catalogue beside it.
    Keeping,
    /// Neither.
    Nothing,
}

/// After a failure: undoes what the server has not undone, or finds out what the catalogue is.
async fn settle(
    transaction: &Transaction<'_>,
    agreed: &Agreed<'_>,
    failure: Failure,
    written: Option<Vec<SourceStatus>>,
    steps: Vec<(Step, Duration)>,
) -> Result<Upgraded, NotUpgraded> {
    let sent = if failure.cause.connection_lost() {
        if written.is_some() { Sent::Upgrade } else { Sent::Nothing }
    } else {
        match transaction.undo(failure.step, worth_keeping(&failure, agreed)).await {
            Ok(undone) => {
                return Err(NotUpgraded { steps, failure: Some(failure), state: State::RolledBack(undone) });
            }
            Err(lost) if lost.keeping => Sent::Keeping,
            Err(_) => Sent::Nothing,
        }
    };
    let found = outcome::find_out(&agreed.configuration.pg, transaction.id(), agreed.patience).await;
    let unknown = |reason| State::Unknown { transaction: transaction.id(), reason };
    let state = match (found, sent, written) {
        (Found::Upgraded, Sent::Upgrade, Some(status)) => {
            return Ok(Upgraded { steps, status, found_out: true });
        }
        (Found::Upgraded, ..) => unknown("it is a 2.0.10 catalogue that this run did not commit".to_owned()),
        (Found::RolledBack { kept: true }, Sent::Keeping, _) => State::RolledBack(Undone::KeptForInspection),
        (Found::RolledBack { .. }, ..) => State::RolledBack(Undone::Entirely),
        (Found::Unknown(reason), Sent::Upgrade, _) => unknown(reason),
        (Found::Unknown(reason), sent, _) => State::RollsBack { reason, may_be_kept: sent == Sent::Keeping },
    };
    Err(NotUpgraded { steps, failure: Some(failure), state })
}

/// A dry run leaves nothing; and with a changed old catalogue beside it nothing may be committed.
fn worth_keeping(failure: &Failure, agreed: &Agreed<'_>) -> bool {
    !agreed.dry_run && !matches!(failure.cause, Cause::Changed(_))
}
