//! `check`: the checks alone.

use super::session;
use crate::checks::{self, CHECKS, pooler};
use crate::cli::{Check, Format};
use crate::config::Configuration;
use crate::ending::Ending;
use crate::examination::Examined;
use crate::facts::postgres::{CatalogueVersion, Pooling};
use crate::finding::{self, Finding, Severity};
use crate::maintenance;
use crate::plan::Plan;
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
    let mut names: Vec<&str> = Vec::new();
    for name in &arguments.config {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    match names.as_slice() {
        [name] => one(name, arguments, console).await,
        names => several(names, arguments, console).await,
    }
}

async fn one(name: &str, arguments: &Check, console: &Console) -> Ending {
    let found = match find(name, arguments, console).await {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    match arguments.format {
        Format::Json => documents::write(&found.document(arguments)),
        Format::Text => found.show(console),
    }
    found.ending
}

/// One after the other; what keeps one from being looked at keeps no other. At the end a line for each.
async fn several(names: &[&str], arguments: &Check, console: &Console) -> Ending {
    let mut all = Vec::new();
    for name in names {
        console.heading(&format!("Configuration {name}"));
        let found = find(name, arguments, console).await.unwrap_or_else(Found::nothing);
        if arguments.format == Format::Text {
            if found.findings.is_empty() && found.ending.code() != 0 {
                console.failure(found.ending.message());
            } else {
                found.show(console);
            }
        }
        all.push((*name, found));
    }
    let ending = ending_of_several(&all);
    match arguments.format {
        Format::Json => {
            let looked = all.iter().map(|(name, found)| (*name, found.document(arguments))).collect();
            documents::write(&documents::Overview::new(looked, &ending));
        }
        Format::Text => {
            console.overview(&all.iter().map(|(name, found)| found.line(name)).collect::<Vec<_>>())
        }
    }
    ending
}

/// The one of which the least is known decides: what could not be looked at may be anything.
fn ending_of_several(all: &[(&str, Found)]) -> Ending {
    let with = |code: u8| all.iter().filter(|(_, found)| found.ending.code() == code).count() as u64;
    let mut parts = Vec::new();
    for (code, what) in [
        (0, "nothing refuses the upgrade"),
        (3, "it would be refused"),
        (2, "the configuration can't be read"),
        (1, "an error that was not expected"),
    ] {
        match with(code) {
            0 => {}
            count => parts.push(format!("{count}: {what}")),
        }
    }
    let message =
        format!("{}. {}. Nothing was changed.", counted(all.len() as u64, "configuration"), parts.join("; "));
    match [1, 2, 3].into_iter().find(|code| with(*code) > 0) {
        Some(1) => Ending::Unexpected(message),
        Some(2) => Ending::WrongUse(message),
        Some(_) => Ending::Refused(message),
        None => Ending::Done(message),
    }
}

/// What came of one configuration.
struct Found {
    findings: Vec<Finding>,
    examined: Option<Examined>,
    ending: Ending,
}

impl Found {
    fn nothing(ending: Ending) -> Self {
        Self { findings: vec![], examined: None, ending }
    }

    fn plan(&self) -> Option<&Plan> {
        self.examined.as_ref()?.catalogue.as_ref()?.planned.as_ref().ok()
    }

    fn document(&self, arguments: &Check) -> Checked<'_> {
        Checked::new(&self.findings, self.plan(), &self.ending, &arguments.only)
    }

    fn show(&self, console: &Console) {
        console.all_findings(&self.findings);
        if let Some(plan) = self.plan() {
            console.heading("Plan");
            console.plan(plan);
        }
    }

    /// As a line of the overview.
    fn line(&self, name: &str) -> Vec<String> {
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let database = self.examined.as_ref().map_or("—", |examined| &examined.server.database);
        let upgrade = match (self.ending.code(), self.examined.as_ref().map(|examined| &examined.version)) {
            (_, Some(CatalogueVersion::V2_0_10)) => "done already",
            (0, _) => "can be done",
            (3, _) => "refused",
            _ => "not looked at",
        };
        let counts = [Severity::Error, Severity::Accepted, Severity::Warning].map(count);
        [name.to_owned(), database.to_owned(), upgrade.to_owned()]
            .into_iter()
            .chain(counts.map(|count| count.to_string()))
            .collect()
    }
}

async fn find(name: &str, arguments: &Check, console: &Console) -> Result<Found, Ending> {
    let configuration = session::configuration(name)?;
    console.tell(Event::Configuration { file: &configuration.path });
    let (findings, examined) = match look(&configuration, arguments, console).await {
        Ok((examined, None)) => {
            (checks::run(&examined, &arguments.only, &arguments.accept.acceptances), Some(examined))
        }
        Ok((examined, Some(findings))) => (findings, Some(examined)),
        Err(finding) => (vec![finding], None),
    };
    let ending = ending(&findings, examined.as_ref(), arguments.only.len());
    if arguments.format == Format::Json {
        findings.iter().for_each(|finding| console.tell(Event::Finding { finding }));
        console.checked(&findings);
    }
    Ok(Found { findings, examined, ending })
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
) -> Result<(Examined, Option<Vec<Finding>>), Finding> {
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
    // An earlier 2.0 catalogue has checks of its own.
    let maintenance = match &examined.version {
        CatalogueVersion::Other(version)
            if maintenance::structure::is_earlier(version) && arguments.only.is_empty() =>
        {
            let server = examined.server.clone();
            let examining = maintenance::examine(client, server, version, arguments.assume_stopped);
            Some(maintenance::checks::run(&examining.await.map_err(unreadable)?))
        }
        _ => None,
    };
    session.close().await;
    Ok((Examined { pooling, ..examined }, maintenance))
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
