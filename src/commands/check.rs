//! `check`: the checks alone.

use super::session;
use crate::checks::{self, CHECKS, pooler};
use crate::cli::{Check, Format};
use crate::config::Configuration;
use crate::ending::Ending;
use crate::examination::Examined;
use crate::facts::postgres::{CatalogueVersion, Pooling};
use crate::finding::{self, Finding};
use crate::postgres;
use crate::report::console::Console;
use crate::report::documents::{self, Checked, Checks};
use crate::report::events::Event;
use crate::survey::{self, AskMySql};
use crate::wording::counted;

/// Runs the checks and shows what they found, or lists them.
pub async fn run(arguments: &Check, console: &Console) -> Ending {
    if arguments.list {
        return list(arguments.format, console);
    }
    let configuration = match session::configuration(&arguments.config.name) {
        Ok(configuration) => configuration,
        Err(ending) => return ending,
    };
    console.tell(Event::Configuration { file: &configuration.path });
    let (findings, examined) = match look(&configuration, arguments, console).await {
        Ok(examined) => {
            (checks::run(&examined, &arguments.only, &arguments.accept.acceptances), Some(examined))
        }
        Err(finding) => (vec![finding], None),
    };
    let ending = ending(&findings, examined.as_ref(), arguments.only.len());
    match arguments.format {
        Format::Json => {
            findings.iter().for_each(|finding| console.tell(Event::Finding { finding }));
            console.checked(&findings);
            let plan = examined
                .as_ref()
                .and_then(|it| it.catalogue.as_ref())
                .and_then(|it| it.planned.as_ref().ok());
            documents::write(&Checked::new(&findings, plan, &ending, &arguments.only));
        }
        Format::Text => {
            console.all_findings(&findings);
            if let Some(Ok(plan)) =
                examined.as_ref().and_then(|it| it.catalogue.as_ref()).map(|it| &it.planned)
            {
                console.heading("Plan");
                console.plan(plan);
            }
        }
    }
    ending
}

fn list(format: Format, console: &Console) -> Ending {
    match format {
        Format::Json => documents::write(&Checks::of(CHECKS)),
        Format::Text => console.checks(CHECKS),
    }
    Ending::Done(format!(
        "{}. What one finds when it is not so weighs as much as is shown, at most.",
        counted(CHECKS.len() as u64, "check")
    ))
}

async fn look(
    configuration: &Configuration,
    arguments: &Check,
    console: &Console,
) -> Result<Examined, Finding> {
    let unreadable = |error: tokio_postgres::Error| session::unreadable(&error);
    let session = session::connect(configuration).await?;
    let client = session.client();
    let pooling = postgres::pooling(&session, &configuration.pg).await.map_err(unreadable)?;
    if let (Pooling::Statements(_), Some(finding)) = (&pooling, pooler::finding(&pooling)) {
        return Err(finding);
    }
    let asks_mysql = arguments.only.is_empty() || arguments.only.iter().any(|check| check.asks_mysql);
    let options = survey::Options {
        assume_stopped: arguments.assume_stopped,
        mysql: match (asks_mysql, arguments.offline) {
            (false, _) => AskMySql::Not,
            (true, true) => AskMySql::Offline,
            (true, false) => AskMySql::Ask,
        },
        daemon: arguments.daemon.program.as_deref(),
    };
    let examined = survey::examine(client, configuration, &options, console).await.map_err(unreadable)?;
    session.close().await;
    Ok(Examined { pooling, ..examined })
}

/// `chosen`: how many checks `--only` names.
fn ending(findings: &[Finding], examined: Option<&Examined>, chosen: usize) -> Ending {
    let errors = finding::errors(findings);
    let some = format!("Only {} of {} checks were run.", chosen, CHECKS.len());
    match examined.map(|examined| &examined.version) {
        Some(CatalogueVersion::V2_0_10) => {
            Ending::Done("The catalogue is 2.0.10 already: there is nothing to do.".into())
        }
        _ if errors > 0 => {
            let some = if chosen == 0 { String::new() } else { format!(" {some}") };
            let errors = counted(errors, "error");
            Ending::Refused(format!("The upgrade would be refused: {errors}.{some} Nothing was changed."))
        }
        _ if chosen > 0 => {
            Ending::Done(format!("{some} None of them refuses the upgrade. Nothing was changed."))
        }
        _ => Ending::Done("The upgrade can be done. Nothing was changed.".into()),
    }
}
