//! `rollback`: undoes a successful upgrade while the 2.0 replica has applied nothing.

use super::check::unreadable;
use super::interruption::Interruption;
use super::status::version;
use super::{consent, load};
use crate::catalogue::v1::read;
use crate::catalogue::v2;
use crate::checks::pooler;
use crate::cli::Rollback;
use crate::config::Configuration;
use crate::ending::Ending;
use crate::facts::postgres::CatalogueVersion;
use crate::finding::errors;
use crate::postgres::{self, Session};
use crate::report::console::Console;
use crate::rollback::{self, NotRolledBack, Said};
use crate::upgrade::exclusive::{self, Exclusive};
use crate::wording::counted;
use crate::wording::sentence;
use std::time::Duration;
use tokio_postgres::Error;

/// Puts the 1.7 catalogue back.
pub async fn run(arguments: &Rollback, console: &Console) -> Ending {
    undo(arguments, console).await.unwrap_or_else(|ending| ending)
}

async fn undo(arguments: &Rollback, console: &Console) -> Result<Ending, Ending> {
    let configuration = load(&arguments.config.name)?;
    let session = postgres::connect(&configuration.pg)
        .await
        .map_err(|error| refused(&format!("{}. {}", sentence(&error.to_string()), error.remedy())))?;
    let interruption = Interruption::watch(session.breaker());
    let pooling = postgres::pooling(&session, &configuration.pg).await;
    let outcome = match pooling.map(|pooling| pooler::finding(&pooling)) {
        Ok(None) => with_session(arguments, console, &configuration, &session, &interruption).await,
        Ok(Some(finding)) => {
            session.close().await;
            console.findings(&[finding]);
            return Err(refused("1 error."));
        }
        Err(error) => Err(server_refuses(&error)),
    };
    interruption.settled().await;
    postgres::leave(session).await;
    outcome
}

async fn with_session(
    arguments: &Rollback,
    console: &Console,
    configuration: &Configuration,
    session: &Session,
    interruption: &Interruption,
) -> Result<Ending, Ending> {
    let client = session.client();
    postgres::prepare(client, configuration.lock_timeout()).await.map_err(|error| server_refuses(&error))?;
    if let Exclusive::Held(_) = exclusive::take(client).await.map_err(|error| server_refuses(&error))? {
        return Err(refused(
            "Another upgrade or rollback of this database is at work: wait until it has ended.",
        ));
    }
    let server = read::server(client).await.map_err(|error| cannot_be_read(console, &error))?;
    match version(client, &server).await.map_err(|error| cannot_be_read(console, &error))? {
        CatalogueVersion::V2_0_10 => {}
        CatalogueVersion::V1_7 => {
            return Ok(Ending::Done("The catalogue is 1.7: there is no upgrade to undo.".into()));
        }
        _ => return Err(refused("sch_chameleon is no catalogue that this program has made.")),
    }
    let said = Said { force: arguments.force, assume_stopped: arguments.assume_stopped };
    let facts = rollback::facts(client, server).await.map_err(|error| cannot_be_read(console, &error))?;
    let findings = rollback::obstacles(&facts, said);
    console.findings(&findings);
    let errors = errors(&findings);
    if errors > 0 {
        return Err(refused(&sentence(&format!("{}.", counted(errors, "error")))));
    }
    if !arguments.yes {
        let question = format!(
            "Put the 1.7 catalogue of {} back, and keep the {} one as _sch_chameleon_version2? Answer YES to go on:",
            facts.server.database,
            v2::VERSION
        );
        consent::ask(&question, console, interruption)
            .await
            .map_err(|why| refused(&sentence(&format!("{why}."))))?;
    }
    let patience = Duration::from_secs(arguments.patience);
    match rollback::roll_back(client, &configuration.pg, said, patience).await {
        Ok(()) => Ok(done(console, facts.progress.is_some_and(|progress| progress.has_gone_on()))),
        Err(not) => Err(not_done(console, not, interruption)),
    }
}

/// `forced`: 2.0 had gone on, and the tables are ahead of the catalogue that is back.
fn done(console: &Console, forced: bool) -> Ending {
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
    console.step("Before the next upgrade: DROP SCHEMA _sch_chameleon_version2 CASCADE;");
    let kept = "The 2.0.10 one is kept as _sch_chameleon_version2.";
    Ending::Done(if forced {
        format!(
            "Rolled back by force: sch_chameleon is the 1.7 catalogue again, and the tables are ahead of it until 1.8.2's \
             init_replica has copied them. {kept}"
        )
    } else {
        format!("Rolled back: sch_chameleon is the 1.7 catalogue again. {kept}")
    })
}

fn not_done(console: &Console, not: NotRolledBack, interruption: &Interruption) -> Ending {
    let in_place = format!("sch_chameleon is the {} catalogue, as it was.", v2::VERSION);
    match not {
        NotRolledBack::Refused(findings) => {
            console.findings(&findings);
            refused("Something came in the way meanwhile.")
        }
        NotRolledBack::Failed(_) | NotRolledBack::Locked(..) | NotRolledBack::Lost(_)
            if interruption.happened() =>
        {
            Ending::Refused(format!("Interrupted: {in_place} Nothing was changed."))
        }
        NotRolledBack::Locked(error, holders) => {
            let held = if holders.is_empty() {
                "who held them is gone by now".to_owned()
            } else {
                format!("they are held by {}", holders.join(", "))
            };
            console.failure(&format!(
                "{}: the catalogues' tables are locked: {held}",
                postgres::describe(&error)
            ));
            Ending::Refused(format!(
                "The rollback failed and was undone: {in_place} Nothing was changed. Wait until the lock is gone, or end what \
                 holds it, and run it again."
            ))
        }
        NotRolledBack::Failed(error) | NotRolledBack::Lost(error) => {
            console.failure(&postgres::describe(&error));
            Ending::Refused(format!(
                "The rollback failed and was undone: {in_place} Nothing was changed; run it again."
            ))
        }
        NotRolledBack::Unknown { transaction, reason } => Ending::Unknown(format!(
            "The outcome is not known: the connection was lost, and the server could not be asked ({reason}). To find out \
             when it can be reached: SELECT txid_status({transaction}); as long as it says in progress, wait. Then SELECT \
             t_version FROM sch_chameleon.v_version; 1.7: it was rolled back. 2.0.10: it was not; run it again."
        )),
    }
}

fn server_refuses(error: &Error) -> Ending {
    refused(&format!("{}.", sentence(&postgres::describe(error))))
}

fn cannot_be_read(console: &Console, error: &Error) -> Ending {
    console.findings(&[unreadable(error)]);
    refused("The catalogues can't be read.")
}

fn refused(why: &str) -> Ending {
    Ending::Refused(format!("Refused: {why} Nothing was changed: the catalogue is as it was."))
}
