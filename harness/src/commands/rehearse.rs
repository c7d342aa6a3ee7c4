//! `chameleon-harness rehearse`: the upgrade of a dumped catalogue with its own configuration, on a throwaway server.

use super::progress::Progress;
use super::report::{self, ReportFile};
use super::{CommandError, CommonArguments, Ending, named_or_all, say};
use crate::fault::FaultKind;
use crate::process::running;
use crate::rehearsal::dump::{Dump, Rows};
use crate::rehearsal::{self, Rehearsal, RehearsalError, RehearsalReport};
use crate::replica::ReplicaError;
use crate::server::{Binaries, Kind};
use crate::sweep::case::Case;
use crate::sweep::{SweepError, table};
use chameleon_upgrade::config::{Configuration, location};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};

/// Restore a dump of production's database on a throwaway server and upgrade it there, with production's own
/// configuration: first undisturbed, then with every fault at every message.
///
/// Unless a dump is given it is taken from production, which is only read. One that is given must hold sch_chameleon and
/// the destination schemas: `pg_dump --format=custom --file FILE DATABASE`.
#[derive(Debug, Args)]
pub struct RehearseArguments {
    /// A file or folder of pg_dump, in any of its formats.
    #[arg(long, value_name = "FILE")]
    pub dump: Option<PathBuf>,
    /// Take no rows of the destination tables from production: quicker, but an event that waits finds no row there.
    #[arg(long, conflicts_with = "dump")]
    pub without_rows: bool,
    /// The configuration of pg_chameleon 2: NAME for ~/.pg_chameleon/configuration/NAME.yml, or a path. Only its pg_conn
    /// is replaced.
    #[arg(long, value_name = "NAME")]
    pub config: String,
    /// Leave the sweep out.
    #[arg(long)]
    pub no_sweep: bool,
    /// Only these kinds of fault in the sweep; `sweep --help` lists them.
    #[arg(long, value_name = "FAULT", value_delimiter = ',', conflicts_with = "no_sweep")]
    pub faults: Vec<FaultKind>,
    /// Only this case in the sweep, as the table writes it (FAULT@MESSAGE); may be repeated.
    #[arg(long, value_name = "CASE", conflicts_with_all = ["faults", "no_sweep"])]
    pub only: Vec<Case>,
    /// The replica is stopped, though its status in the dump is running: --assume-stopped on the day.
    #[arg(long)]
    pub assume_stopped: bool,
    /// Write what came of it to FILE, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How it is run.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// Rehearses the upgrade.
///
/// # Errors
/// [`CommandError`]; an upgrade that does not go well is an ending.
pub fn run(arguments: &RehearseArguments) -> Result<Ending, CommandError> {
    if let Kind::Url(_) = arguments.common.server {
        return Err(wrong_use(ReplicaError::NotOnSomebodyElsesServer));
    }
    let home = location::home();
    let configuration_file = location::locate(&arguments.config, &home).map_err(wrong_use)?;
    let parsed = read(&configuration_file)?;
    let configuration = rehearsal::configuration(&configuration_file).map_err(wrong_use)?;
    let upgrader = arguments.common.upgrader()?;
    let report = ReportFile::open(arguments.report.as_deref())?;
    let taken;
    let dump = match &arguments.dump {
        Some(dump) => {
            let unreadable = |error| wrong_use(format!("the dump {} can't be read: {error}", dump.display()));
            fs::metadata(dump).map_err(unreadable)?;
            dump.clone()
        }
        None => {
            taken = of_production(arguments, &parsed)?;
            taken.file()
        }
    };
    let rehearsal = Rehearsal {
        dump,
        configuration,
        configuration_file,
        server: arguments.common.server.clone(),
        upgrader,
        assume_stopped: arguments.assume_stopped,
        faults: if arguments.no_sweep { vec![] } else { named_or_all(&arguments.faults) },
        only: arguments.only.clone(),
        jobs: arguments.common.jobs(),
    };
    let progress = Progress::start();
    let rehearsed =
        rehearsal.run(&|done, total| progress.tell(done, total)).map_err(|error| command_error(&error))?;
    drop(progress);
    let shown = say!("{}", text(&rehearsed, &repeat(arguments)));
    let written = report.map_or(Ok(()), |file| file.write(&format!("{:#}\n", serde_json::json!(rehearsed))));
    let ending = if rehearsed.went_well() { Ending::Well } else { Ending::Found };
    report::ending(report::ending(Ok(ending), shown), written)
}

/// Read as the upgrader will read it: what it would refuse is found before anything is started.
fn read(file: &Path) -> Result<Configuration, CommandError> {
    location::read(file).and_then(|text| Configuration::parse(file.to_owned(), &text)).map_err(wrong_use)
}

fn wrong_use(error: impl ToString) -> CommandError {
    CommandError::WrongUse(error.to_string())
}

/// By the programs of the throwaway server's version, where it has them on this machine.
fn of_production(arguments: &RehearseArguments, configuration: &Configuration) -> Result<Dump, CommandError> {
    let binaries = match &arguments.common.server {
        Kind::Local(options) => Binaries::find(options.major).ok(),
        _ => None,
    };
    let rows = if arguments.without_rows { Rows::None } else { Rows::All };
    let binaries = binaries.as_ref().map(|found| found.folder.as_path());
    Dump::take(configuration, binaries, rows).map_err(|error| CommandError::harness(&error))
}

/// A dump that can't be restored is the wrong file; a message that the run does not have was asked for wrongly.
fn command_error(error: &RehearsalError) -> CommandError {
    match error {
        RehearsalError::Replica(ReplicaError::Restore { .. })
        | RehearsalError::Sweep(SweepError::Replica(ReplicaError::Restore { .. })) => {
            CommandError::WrongUse(error.to_string())
        }
        RehearsalError::Sweep(SweepError::NoSuchMessage { .. }) => CommandError::WrongUse(error.to_string()),
        error => CommandError::harness(error),
    }
}

/// The command that rehearses the same again.
fn repeat(arguments: &RehearseArguments) -> String {
    let mut command = format!("chameleon-harness rehearse --config {}", arguments.config);
    if let Some(dump) = &arguments.dump {
        command.push_str(&format!(" --dump {}", dump.display()));
    }
    for (given, option) in
        [(arguments.without_rows, " --without-rows"), (arguments.assume_stopped, " --assume-stopped")]
    {
        command.push_str(if given { option } else { "" });
    }
    command
}

/// What the administrator reads.
fn text(rehearsed: &RehearsalReport, repeat: &str) -> String {
    let mut text = format!("{}\n\n", running::shown(rehearsed.output.trim_end()));
    if !rehearsed.left_out.is_empty() {
        text.push_str("Not rehearsed, because this is another server than production's:\n");
        text.extend(rehearsed.left_out.iter().map(|what| format!("  - {what}\n")));
    }
    let seconds = rehearsed.seconds;
    let Some(0) = rehearsed.exit_code else {
        let end =
            rehearsed.exit_code.map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
        return format!(
            "{text}The upgrade will not go through as things are: it ended with {end} after {seconds:.1} s. What to do stands above."
        );
    };
    text.push_str(&format!(
        "The upgrade took {seconds:.1} s here, {:.1} s of it to replay what waits and the rest in one transaction.\n",
        rehearsed.replay_seconds
    ));
    let Some(findings) = &rehearsed.sweep else {
        return text + "The day will go well if nothing goes wrong on it; the sweep was left out.";
    };
    text.push_str(&format!("{}\n", table(findings, repeat)));
    let violations = findings.violations().count();
    if violations == 0 {
        return format!(
            "{text}The day will go well, and if something goes wrong at any of its {} messages, the catalogue is whole \
             and the next attempt succeeds.",
            findings.messages.len()
        );
    }
    format!("{text}The upgrade goes well undisturbed, but {violations} runs with faults violate a property.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: RehearseArguments,
    }

    #[test]
    fn a_case_is_repeated_by_the_command_that_is_shown() {
        let line = ["rehearse", "--config", "upgraded", "--dump", "production.dump", "--assume-stopped"];
        let first = Line::parse_from(line).arguments;
        let shown = format!("{} --only cut_after@3", repeat(&first));
        let again = Line::parse_from(shown.split(' ').skip(1)).arguments;
        assert_eq!(again.only[0].to_string(), "cut_after@3");
        assert_eq!((again.config, again.dump, again.assume_stopped), (first.config, first.dump, true));
    }
}
