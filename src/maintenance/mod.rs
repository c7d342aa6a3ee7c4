//! The maintenance upgrade: a 2.0 catalogue before 2.0.10 becomes one, in one transaction. §maintenance.
//!
//! Not by altering what is there, version by version: the catalogue is put aside, 2.0.10 is installed, and the rows of every
//! table are copied into it. So the result has the structure of a new 2.0.10 whatever was there before, and what was there
//! is kept as it was.

pub mod checks;
pub mod ending;
mod rows;
pub mod structure;

use crate::catalogue::v1::read;
use crate::catalogue::v2::status::{self, SourceStatus};
use crate::catalogue::{v2, version};
use crate::config::Configuration;
use crate::facts::postgres::{CatalogueVersion, Server};
use crate::finding::{self, Finding};
use crate::names::{SCHEMA, VERSION2, quote_identifier};
use crate::outcome::{self, Change, Outcome, Sent, Undone};
use crate::postgres::Text;
use crate::upgrade::step::Step;
use crate::upgrade::transaction::{Cause, Failure, Transaction};
use crate::upgrade::{Observer, write};
use checks::Examined;
use std::time::Duration;
use structure::{Copy, Found};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// What the administrator agreed to.
pub struct Agreed<'a> {
    /// The configuration, which says how long to wait for the lock, and where to ask what became of a lost transaction.
    pub configuration: &'a Configuration,
    /// What was looked at before.
    pub examined: &'a Examined,
    /// Roll back at the end instead of committing.
    pub dry_run: bool,
    /// How long to go on asking a server that can't be reached what became of the transaction.
    pub patience: Duration,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// The steps that were done, with the time that each took.
    pub steps: Vec<(Step, Duration)>,
    /// The step that failed, if any did.
    pub failure: Option<Failure>,
    /// The sources as they are in the new catalogue, when it came so far.
    pub status: Vec<SourceStatus>,
    /// How many rows there are.
    pub rows: u64,
    /// What became of the catalogue.
    pub outcome: Outcome,
}

/// Looks at all that decides, and changes nothing.
///
/// # Errors
/// What PostgreSQL answers.
pub async fn examine(
    client: &Client,
    server: Server,
    version: &str,
    assume_stopped: bool,
) -> Result<Examined, Error> {
    let found = found(client, SCHEMA).await?;
    let copies = structure::copies(&found);
    let (mut at_work, mut too_long, mut strays) = (vec![], vec![], vec![]);
    if let Ok(copies) = &copies {
        at_work = texts(client, include_str!("at_work.sql")).await?;
        strays = rows::strays(client, &found).await?;
        too_long = rows::too_long(client, copies).await?;
    }
    Ok(Examined {
        sessions: read::sessions(client).await?,
        dependents: read::dependents(client, SCHEMA).await?,
        version: version.to_owned(),
        server,
        at_work,
        assume_stopped,
        found,
        copies,
        too_long,
        strays,
    })
}

async fn texts(client: &Client, query: &str) -> Result<Vec<String>, Error> {
    crate::postgres::texts(&client.query_typed(query, &[]).await?)
}

/// What a schema holds.
async fn found(client: &Client, schema: &str) -> Result<Found, Error> {
    let mut found = Found::default();
    for row in client.query_typed(include_str!("structure.sql"), &[(&schema, Type::TEXT)]).await? {
        let name = row.try_get::<_, Text>("name")?.0;
        let kind = row.try_get::<_, Option<Text>>("kind")?.map(|kind| kind.0).unwrap_or_default();
        let Some(is_log) = row.try_get::<_, Option<bool>>("is_log")? else {
            found.enums.insert(name, kind);
            continue;
        };
        if is_log {
            found.logs.insert(name.clone());
        }
        let columns = found.tables.entry(name).or_default();
        if let Some(item) = row.try_get::<_, Option<Text>>("item")? {
            columns.insert(item.0, kind);
        }
    }
    Ok(found)
}

/// Upgrades the catalogue, or leaves it as it is.
pub async fn upgrade(client: &Client, agreed: &Agreed<'_>, observer: &dyn Observer) -> Ended {
    let mut ended = Ended {
        steps: vec![],
        failure: None,
        status: vec![],
        rows: 0,
        outcome: Outcome::Undone(Undone::Entirely),
    };
    let mut transaction =
        match Transaction::begin(client, agreed.configuration.lock_timeout(), observer).await {
            Ok(transaction) => transaction,
            Err(cause) => {
                ended.failure = Some(Failure { step: Step::LockEarlier, cause });
                return ended;
            }
        };
    ended.outcome = match write_all(&mut transaction, agreed, &mut ended).await {
        Ok(None) => Outcome::Done { found_out: false },
        Ok(Some(findings)) => {
            observer.rolls_back("the second look has found what the first had not");
            // When even this fails, the end of the session undoes it.
            drop(transaction.rollback().await);
            Outcome::Refused(findings)
        }
        Err(failure) => {
            observer.step_failed(&failure);
            let outcome = settle(&transaction, agreed, &failure).await;
            ended.failure = Some(failure);
            outcome
        }
    };
    ended.steps = transaction.done().to_vec();
    ended
}

/// All of it; or what was found when it was looked at again.
async fn write_all(
    tx: &mut Transaction<'_>,
    agreed: &Agreed<'_>,
    ended: &mut Ended,
) -> Result<Option<Vec<Finding>>, Failure> {
    let (client, examined) = (tx.client(), agreed.examined);
    let owner = examined.server.schema_owner.as_deref().unwrap_or(&examined.server.role.name);
    let timeout = agreed.configuration.lock_timeout();
    let tables = examined.found.tables.keys().map(|name| format!("{SCHEMA}.{}", quote_identifier(name)));
    let statement =
        format!("LOCK TABLE ONLY {} IN EXCLUSIVE MODE", tables.collect::<Vec<_>>().join(", ONLY "));
    let locking = write::lock(client, Step::LockEarlier, &statement, timeout);
    tx.step(Step::LockEarlier, locking).await?;
    let copies = match tx.step(Step::Recheck, look_again(client, examined)).await? {
        Ok(copies) => copies,
        Err(findings) => return Ok(Some(findings)),
    };
    tx.step(Step::PutAside, write::put_aside(client, VERSION2, owner)).await?;
    tx.step(Step::Install, write::install(client, owner)).await?;
    tx.step(Step::Rows, rows::copy(client, &copies, owner)).await?;
    tx.step(Step::Privileges, write::privileges(client, VERSION2)).await?;
    (ended.rows, ended.status) = tx.step(Step::Verify, verify(client, &copies)).await?;
    if agreed.dry_run {
        tx.observer().rolls_back("it is a dry run");
        let undone = tx.rollback().await;
        undone.map_err(|error| Failure { step: Step::Commit, cause: error.into() })?;
        return Ok(None);
    }
    tx.commit().await?;
    Ok(None)
}

/// Now that nobody can write: what is copied, or what has come in the way.
async fn look_again(client: &Client, before: &Examined) -> Result<Result<Vec<Copy>, Vec<Finding>>, Error> {
    let server = read::server(client).await?;
    let version = match version::as_owner(client, &server).await? {
        CatalogueVersion::Other(version) => version,
        _ => String::new(),
    };
    let now = examine(client, server, &version, before.assume_stopped).await?;
    let mut findings = checks::run(&now);
    findings.retain(|finding| finding.severity == finding::Severity::Error);
    if findings.is_empty() && (now.version != before.version || now.found != before.found) {
        findings.push(Finding::error(
            "recheck",
            "The catalogue changed while the upgrade was running: it is no longer the one that was looked at.",
            "Make sure that nobody else is at work on it, and run again.",
        ));
    }
    Ok(match now.copies {
        Ok(copies) if findings.is_empty() => Ok(copies),
        _ => Err(findings),
    })
}

/// The version, and every row of every table: in the new catalogue as in the old one.
async fn verify(client: &Client, copies: &[Copy]) -> Result<(u64, Vec<SourceStatus>), Cause> {
    let (rows, mut differences) = rows::compare(client, copies).await?;
    match version::read(client, SCHEMA).await? {
        CatalogueVersion::V2_0_10 => {}
        other => differences.push(format!("the version is {other:?} instead of {}", v2::VERSION)),
    }
    if !differences.is_empty() {
        return Err(Cause::Verification(differences.join("; ")));
    }
    Ok((rows, status::read(client).await?))
}

/// After a failure: undoes what the server has not undone, or finds out what is in place.
async fn settle(transaction: &Transaction<'_>, agreed: &Agreed<'_>, failure: &Failure) -> Outcome {
    let sent = if failure.cause.connection_lost() {
        if failure.step == Step::Commit && !agreed.dry_run { Sent::Work } else { Sent::Nothing }
    } else {
        match transaction.undo(failure.step, false).await {
            Ok(undone) => return Outcome::Undone(undone),
            Err(sent) => sent,
        }
    };
    let connection = &agreed.configuration.pg;
    let in_place = outcome::in_place(connection, transaction.id(), agreed.patience, outcome::version).await;
    let from = CatalogueVersion::Other(agreed.examined.version.clone());
    Change { from, to: CatalogueVersion::V2_0_10 }.outcome(sent, in_place, transaction.id())
}
