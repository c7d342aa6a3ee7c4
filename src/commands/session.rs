//! What the verbs share: the configuration, a session on its PostgreSQL server, and how a verb that can't go on ends.

use super::interruption::Interruption;
use crate::catalogue::v2;
use crate::checks::{self, pooler};
use crate::config::{Configuration, location};
use crate::ending::Ending;
use crate::facts::postgres::CatalogueVersion;
use crate::finding::{self, Finding};
use crate::postgres::exclusive::{self, Exclusive};
use crate::postgres::{self, Session};
use crate::report::console::Console;
use crate::report::events::Event;
use crate::wording::counted;
use std::fmt::Display;
use tokio_postgres::{Client, Error};

/// Why a verb does not go on: what is still to be shown, and how it ends.
pub(super) struct Refusal {
    pub findings: Vec<Finding>,
    pub ending: Ending,
}

impl Refusal {
    /// Nothing was changed, for this reason.
    pub fn because(why: &str) -> Self {
        let ending =
            Ending::Refused(format!("Refused: {why}. Nothing was changed: the catalogue is as it was."));
        Self { findings: vec![], ending }
    }

    /// Nothing, when no error is among the findings, which have been shown.
    pub fn unless_errors(findings: &[Finding]) -> Result<(), Self> {
        match finding::errors(findings) {
            0 => Ok(()),
            errors => Err(Self::because(&counted(errors, "error"))),
        }
    }

    /// Shows what is still to be shown, and ends.
    pub fn shown(self, console: &Console) -> Ending {
        console.findings(&self.findings);
        self.ending
    }

    /// Nothing was changed, because of what was found.
    pub fn of(finding: Finding, why: &str) -> Self {
        Self { findings: vec![finding], ..Self::because(why) }
    }
}

impl From<Ending> for Refusal {
    fn from(ending: Ending) -> Self {
        Self { findings: vec![], ending }
    }
}

/// Reads the configuration that `--config` names.
pub(super) fn configuration(name: &str) -> Result<Configuration, Ending> {
    let configuration = Configuration::load(name, &location::home())
        .map_err(|error| Ending::WrongUse(format!("{error}. Nothing was done.")))?;
    tracing::info!(file = %configuration.path.display(), sources = configuration.sources.len(), "read the configuration");
    Ok(configuration)
}

/// Opens a session, or finds that there is none.
pub(super) async fn connect(configuration: &Configuration) -> Result<Session, Finding> {
    let session = postgres::connect(&configuration.pg).await;
    session.map_err(|error| checks::postgresql::unreachable(&error.to_string(), error.remedy()))
}

/// The finding of a catalogue that can't be read.
pub(super) fn unreadable(error: &Error) -> Finding {
    checks::catalogue::unreadable(&postgres::describe(error), error.code())
}

/// How a verb that only looks ends, for this reason.
pub(super) fn not_shown(why: &str) -> Ending {
    Ending::Refused(format!("{why} Nothing was changed."))
}

/// A finding as the last line: what such a verb shows is something else.
pub(super) fn as_the_last_line(finding: &Finding) -> Ending {
    not_shown(&format!("{} {}", finding.found, finding.remedy.as_deref().unwrap_or_default()))
}

/// How such a verb ends when it can't read the catalogue.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn not_read(error: Error) -> Ending {
    // The connection, or the server itself.
    if error.as_db_error().is_none() {
        let why = postgres::describe(&error);
        return Ending::Unexpected(format!("The catalogue can't be read: {why}. Nothing was changed."));
    }
    as_the_last_line(&unreadable(&error))
}

/// How such a verb ends on a catalogue that it does not know.
pub(super) fn not_known(version: &CatalogueVersion, verb: &str) -> Ending {
    not_shown(&match version {
        CatalogueVersion::Missing => {
            "The database has no schema sch_chameleon: set pg_conn.database to that of the replica.".into()
        }
        CatalogueVersion::Other(version) => {
            format!("The catalogue is {version}; {verb} knows 1.7 and {}.", v2::VERSION)
        }
        _ => "The schema sch_chameleon says no version: it is not a complete replica catalogue.".into(),
    })
}

/// The sources to show: all, or the one that `--source` names.
pub(super) fn chosen(named: Option<&str>, names: &[String]) -> Result<Vec<String>, Ending> {
    match named {
        None => Ok(names.to_vec()),
        Some(name) if names.iter().any(|it| it == name) => Ok(vec![name.to_owned()]),
        Some(name) => Err(Ending::WrongUse(format!(
            "The catalogue has no source {name:?}. It has: {}.",
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        ))),
    }
}

/// A verb that changes the catalogue, and is alone in that.
pub(super) struct Alone<'a> {
    pub console: &'a Console,
    pub configuration: &'a Configuration,
    pub session: &'a Session,
    pub interruption: &'a Interruption,
}

impl Alone<'_> {
    pub fn client(&self) -> &Client {
        self.session.client()
    }

    /// Waits for something that nothing depends on yet, or for a signal.
    pub async fn unless_interrupted<T>(&self, work: impl Future<Output = T>) -> Result<T, Refusal> {
        tokio::select! {
            done = work => Ok(done),
            () = self.interruption.wait() => Err(Refusal::because("interrupted")),
        }
    }

    /// What was being asked before anything was done: a signal ends the session under the question.
    pub fn broken_off(&self, error: &Error) -> Refusal {
        let cause = postgres::describe(error);
        Refusal::because(if self.interruption.happened() { "interrupted" } else { &cause })
    }

    /// The same where the catalogue was being read.
    pub fn unreadable(&self, error: &Error) -> Refusal {
        if self.interruption.happened() {
            return Refusal::because("interrupted");
        }
        Refusal::of(unreadable(error), "the catalogue can't be read")
    }

    /// Nothing that was set in the session before stays in it.
    pub async fn renew(&self) -> Result<(), Error> {
        self.renew_as_the_role().await?;
        postgres::prepare(self.client(), self.configuration.lock_timeout()).await
    }

    /// The same, and the settings are the role's.
    pub async fn renew_as_the_role(&self) -> Result<(), Error> {
        postgres::as_the_role(self.client(), Some(exclusive::KEY)).await
    }

    /// A replay was broken off: because of what was found, or of a signal, or else for what is shown.
    pub fn replay_stopped(
        &self,
        error: &impl Display,
        found: Option<Finding>,
        ending: impl FnOnce(bool) -> Ending,
    ) -> Refusal {
        let interrupted = self.interruption.happened();
        let found = found.filter(|_| !interrupted);
        if found.is_none() && !interrupted {
            self.console.failure(&format!("the replay was broken off: {error}"));
        }
        Refusal { findings: found.into_iter().collect(), ending: ending(interrupted) }
    }

    /// No pooler in between, the settings of this program, and the lock that keeps others away: before anything is looked at.
    async fn begin(&self) -> Result<(), Refusal> {
        let pooling =
            self.unless_interrupted(postgres::pooling(self.session, &self.configuration.pg)).await?;
        if let Some(finding) = pooler::finding(&pooling.map_err(|error| self.broken_off(&error))?) {
            return Err(Refusal::of(finding, "1 error"));
        }
        let prepared = postgres::prepare(self.client(), self.configuration.lock_timeout()).await;
        prepared.map_err(|error| self.broken_off(&error))?;
        match exclusive::take(self.client()).await.map_err(|error| self.broken_off(&error))? {
            Exclusive::Taken => Ok(()),
            Exclusive::Held(pid) => {
                let who = pid.map(|pid| format!(" (server process {pid})")).unwrap_or_default();
                Err(Refusal::because(&format!(
                    "another upgrade of this database is at work{who}; wait until it has ended, then run again"
                )))
            }
        }
    }
}

/// Does the work of a verb that changes the catalogue: in a session that a signal ends, alone, and leaves nothing behind in it.
pub(super) async fn alone(
    console: &Console,
    configuration: &Configuration,
    work: impl AsyncFnOnce(&Alone<'_>) -> Result<Ending, Refusal>,
) -> Result<Ending, Refusal> {
    console.tell(Event::Configuration { file: &configuration.path });
    let session = connect(configuration).await;
    let session = session.map_err(|finding| Refusal::of(finding, "PostgreSQL can't be asked"))?;
    let interruption = Interruption::watch(session.breaker());
    let verb = Alone { console, configuration, session: &session, interruption: &interruption };
    let ended = match verb.begin().await {
        Ok(()) => work(&verb).await,
        Err(refusal) => Err(refusal),
    };
    interruption.settled().await;
    postgres::leave(session).await;
    ended
}
