//! `upgrade`: the procedure (§procedure-1 to §procedure-8) from the configuration to the new catalogue.

use super::session::{self, Alone, Refusal};
use super::{backup, consent, next_steps, replay};
use crate::backup::programs::Programs;
use crate::catalogue::v2;
use crate::checks;
use crate::cli::Upgrade;
use crate::config::location;
use crate::config::store::{self, Beside};
use crate::ending::Ending;
use crate::examination::{Catalogue, Examined};
use crate::facts::postgres::{CatalogueVersion, Server};
use crate::finding::{self, Severity};
use crate::maintenance;
use crate::outcome::{Outcome, Undone};
use crate::plan::Plan;
use crate::postgres;
use crate::replay::Backlog;
use crate::report::console::Console;
use crate::report::file::{self, BackupFile, Report};
use crate::report::place::{Kind, Place};
use crate::report::statements::{self, Head, Statements};
use crate::survey::{self, AskMySql, Known};
use crate::upgrade::step::Step;
use crate::upgrade::transaction::Failure;
use crate::upgrade::{self, Agreed, Ended, Observer};
use crate::wording::counted;
use std::path::Path;
use std::time::Duration;

/// Upgrades the catalogue, and writes what was asked for: the report, the statements.
pub async fn run(arguments: &Upgrade, console: &Console) -> Ending {
    let (report, sql) = match places(arguments) {
        Ok(places) => places,
        Err(error) => return Ending::WrongUse(format!("{error}. Nothing was done.")),
    };
    let backup =
        match arguments.backup.as_deref().map(|path| backup::reserve(path, store::Place::Free)).transpose() {
            Ok(backup) => backup,
            Err(ending) => return ending,
        };
    let mut verb =
        Verb { arguments, console, backup, report: Report::new(arguments.dry_run), statements: None };
    let ending = match verb.procedure().await {
        Ok(ending) => ending,
        Err(refusal) => {
            verb.report.findings.extend_from_slice(&refusal.findings);
            refusal.shown(console)
        }
    };
    verb.report.ends(&ending);
    let written = |place: Option<Place>, what: &str, text: Vec<u8>| {
        if let Some(Err(error)) = place.map(|place| place.write(&text)) {
            console.failure(&format!("the {what} could not be written: {error}"));
        }
    };
    written(report, file::KIND.what, verb.report.text());
    match &verb.statements {
        Some(statements) => written(sql, statements::KIND.what, statements.ended(&ending)),
        None if sql.is_some() => {
            console.failure("no file of statements was written: the transaction was not begun");
        }
        None => {}
    }
    ending
}

/// Where the report and the statements go.
fn places(arguments: &Upgrade) -> Result<(Option<Place>, Option<Place>), String> {
    let at = |path: Option<&Path>, kind: Kind| {
        path.map(|path| Place::at(path, kind)).transpose().map_err(|error| error.to_string())
    };
    let report = at(arguments.report.as_deref(), file::KIND)?;
    let sql = at(arguments.sql.as_deref(), statements::KIND)?;
    if let (Some(report), Some(sql)) = (&report, &sql)
        && report.is_same_as(sql)
    {
        return Err("--report and --sql name the same file".to_owned());
    }
    Ok((report, sql))
}

pub(super) struct Verb<'a> {
    pub arguments: &'a Upgrade,
    pub console: &'a Console,
    /// The place of the backup, until it is written.
    backup: Option<Beside>,
    pub report: Report,
    pub statements: Option<Statements>,
}

/// Who is told of the steps.
pub(super) struct Watching<'a> {
    pub console: &'a Console,
    pub statements: Option<&'a Statements>,
}

impl Observer for Watching<'_> {
    fn step_begins(&self, step: Step) {
        self.console.step_begins(step);
        self.statements.iter().for_each(|it| it.step(step));
    }

    fn step_done(&self, step: Step, took: Duration) {
        self.console.step_done(step, took);
    }

    fn step_failed(&self, failure: &Failure) {
        self.console.step_failed(failure);
        self.statements.iter().for_each(|it| it.failed(failure));
    }

    fn rolls_back(&self, why: &str) {
        self.statements.iter().for_each(|it| it.undone(why));
    }
}

impl Verb<'_> {
    async fn procedure(&mut self) -> Result<Ending, Refusal> {
        let configuration = session::configuration(&self.arguments.config.name)?;
        self.report.configuration = Some(configuration.path.clone());
        session::alone(self.console, &configuration, async |alone| self.upgrade(alone).await).await
    }

    async fn upgrade(&mut self, alone: &Alone<'_>) -> Result<Ending, Refusal> {
        let options = survey::Options {
            assume_stopped: self.arguments.assume_stopped,
            mysql: if self.arguments.offline { AskMySql::Offline } else { AskMySql::Ask },
            daemon: self.arguments.daemon.program.as_deref(),
        };
        let examining = survey::examine(alone.client(), alone.configuration, &options, self.console);
        let examined =
            alone.unless_interrupted(examining).await?.map_err(|error| alone.unreadable(&error))?;
        self.report.database = Some(examined.server.database.clone());
        self.report.findings = checks::run(&examined, &[], &self.arguments.accept.acceptances);
        if examined.version == CatalogueVersion::V2_0_10 {
            return Ok(self.nothing_to_do());
        }
        if let CatalogueVersion::Other(version) = &examined.version
            && maintenance::structure::is_earlier(version)
        {
            return self.maintain(alone, examined.server, version).await;
        }
        let (catalogue, plan) = self.judge(&examined)?;
        let programs = self.programs(&examined.server).await?;
        self.agree(alone, &examined.server.database).await?;
        self.back_up(alone, programs.as_ref()).await?;
        if !self.arguments.dry_run {
            let backlogs = Backlog::all(alone.configuration, &catalogue.snapshot, plan);
            replay::replay(self.arguments, alone, backlogs, &mut self.report.replays).await?;
            replay::still_there(self.arguments, alone, plan, !self.report.replays.is_empty()).await?;
        }
        let agreed = Agreed {
            configuration: alone.configuration,
            plan,
            known: Known { heard: &catalogue.heard, advances: &catalogue.advances },
            owner: examined.server.schema_owner.as_deref().unwrap_or(&examined.server.role.name),
            assume_stopped: self.arguments.assume_stopped,
            acceptances: &self.arguments.accept.acceptances,
            dry_run: self.arguments.dry_run,
            patience: Duration::from_secs(self.arguments.patience),
        };
        let waited = catalogue.snapshot.waiting();
        let watching = self.watch(alone, &examined.server, waited);
        let ended = upgrade::upgrade(alone.client(), &agreed, &watching).await;
        alone.session.listen_no_more();
        Ok(self.ended(alone, &agreed, ended, waited))
    }

    /// The transaction begins: who is told of it, and of its statements. `waiting`: the events that wait.
    pub fn watch(&mut self, alone: &Alone<'_>, server: &Server, waiting: u64) -> Watching<'_> {
        let dry_run = self.arguments.dry_run;
        self.console.heading(if dry_run { "Dry run" } else { "Upgrade" });
        if self.arguments.sql.is_some() {
            let configuration = &alone.configuration.path;
            let lock_timeout = alone.configuration.lock_timeout();
            let head = Head { server, configuration, lock_timeout, waiting, dry_run };
            let statements = self.statements.insert(Statements::new(&head));
            alone.session.listen(statements.listener());
        }
        Watching { console: self.console, statements: self.statements.as_ref() }
    }

    fn nothing_to_do(&self) -> Ending {
        let told = self.report.findings.iter().filter(|finding| finding.severity > Severity::Info);
        self.console.findings(&told.cloned().collect::<Vec<_>>());
        Ending::Done(format!("The catalogue is {} already: there is nothing to do.", v2::VERSION))
    }

    /// Shows the findings and the plan; refuses when a finding does.
    fn judge<'e>(&mut self, examined: &'e Examined) -> Result<(&'e Catalogue, &'e Plan), Refusal> {
        self.console.all_findings(&self.report.findings);
        let errors = finding::errors(&self.report.findings);
        let planned = examined.catalogue.as_ref().and_then(|it| Some((it, it.planned.as_ref().ok()?)));
        let Some((catalogue, plan)) = planned.filter(|_| errors == 0) else {
            return Err(Refusal::because(&counted(errors, "error")));
        };
        self.report.plan = Some(plan.clone());
        self.console.heading("Plan");
        self.console.plan(plan);
        Ok((catalogue, plan))
    }

    /// §procedure-4.
    pub async fn agree(&self, alone: &Alone<'_>, database: &str) -> Result<(), Refusal> {
        if self.arguments.yes || self.arguments.dry_run {
            return Ok(());
        }
        let question =
            format!("Upgrade sch_chameleon in {database} to {}? Answer YES to go on:", v2::VERSION);
        consent::ask(&question, self.console, alone.interruption).await.map_err(Refusal::because)
    }

    /// What the backup needs, before anybody is asked.
    pub async fn programs(&self, server: &Server) -> Result<Option<Programs>, Refusal> {
        match self.backup {
            Some(_) => {
                backup::client_programs(server, self.arguments.programs.folder.as_deref()).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// §backup: before anything is changed.
    pub async fn back_up(&mut self, alone: &Alone<'_>, programs: Option<&Programs>) -> Result<(), Refusal> {
        let (Some(beside), Some(programs), Some(file)) =
            (self.backup.take(), programs, self.arguments.backup.as_deref())
        else {
            return Ok(());
        };
        self.console.heading(&format!("Backup to {}", file.display()));
        let holds = backup::write(alone, beside, programs, None).await?;
        backup::tell(self.console, file, &holds, programs, alone.session.handover());
        self.report.backup = Some(BackupFile { file: file.to_owned(), holds });
        Ok(())
    }

    /// `waited`: the events that waited when the checks were made.
    fn ended(&mut self, alone: &Alone<'_>, agreed: &Agreed<'_>, ended: Ended, waited: u64) -> Ending {
        let what = format!(
            "{} in {}",
            counted(agreed.plan.tables(), "table"),
            counted(agreed.plan.sources.len() as u64, "source")
        );
        self.report.steps(&ended.steps);
        if let Outcome::Done { found_out } = ended.outcome {
            self.report.status.clone_from(&ended.status);
            self.console.upgraded(&ended.status, found_out, agreed.dry_run);
            if agreed.dry_run {
                return upgrade::ending::of_a_dry_run(&what, waited);
            }
            next_steps::tell(self.console, agreed, &self.arguments.config.name, &location::home());
        } else if alone.interruption.happened() {
            self.console.failure("interrupted");
        } else if let Some(failure) = &ended.failure {
            self.console.failure(&format!("the step \"{}\" failed: {}", failure.step, failure.cause));
        }
        match &ended.outcome {
            Outcome::Refused(findings) => {
                self.console.findings(findings);
                self.report.findings.extend(findings.iter().cloned());
            }
            Outcome::Undone(Undone::EntirelyAfter(error)) => self.console.failure(&format!(
                "keeping the unfinished catalogue for inspection failed too: {}",
                postgres::describe(error)
            )),
            _ => {}
        }
        upgrade::ending::ending(&ended.outcome, &what)
    }
}
