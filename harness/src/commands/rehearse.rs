//! `chameleon-harness rehearse`: the upgrade of a copy of production with its own configuration, on a throwaway server.

use super::progress::Progress;
use super::report::{FormArguments, as_json};
use super::results_file::{self, ResultsFile};
use super::{CommandError, CommonArguments, Ending, named_or_all, say};
use crate::commands::output::tell;
use crate::fault::FaultKind;
use crate::rehearsal::dump::Rows;
use crate::rehearsal::forms;
use crate::rehearsal::report::StepName;
use crate::rehearsal::{self, Daemon, From, Rehearsal, RehearsalError, Told};
use crate::replica::ReplicaError;
use crate::server::Kind;
use crate::sweep::case::Case;
use crate::sweep::{Spread, SweepError};
use chameleon_upgrade::checks::acceptance::Acceptance;
use chameleon_upgrade::config::{Configuration, location};
use chameleon_upgrade::report::layout;
use chameleon_upgrade::shell::word;
use clap::{Args, ValueEnum};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Rehearse the day on a copy of production, on a throwaway server: the upgrade with production's own configuration, the daemon of
/// pg_chameleon 2 on the result, the way back, the upgrade again, and every fault.
///
/// Production is only read: its PostgreSQL in one transaction that may not write, its MySQL by `check`, and by the daemon as a
/// replica with a server id that no one else has. What a dump that is given must hold: sch_chameleon and the destination schemas:
/// `pg_dump --format=custom --file FILE DATABASE`.
#[derive(Debug, Args)]
pub struct RehearseArguments {
    /// A file or folder of pg_dump, in any of its formats. Production's PostgreSQL is not asked then.
    #[arg(long, value_name = "FILE")]
    pub dump: Option<PathBuf>,
    /// Take the rows of all destination tables along, and compare them with MySQL in the end. Without it only those come along
    /// for which events wait.
    #[arg(long, conflicts_with = "dump")]
    pub with_data: bool,
    /// The configuration of pg_chameleon 2: NAME for ~/.pg_chameleon/configuration/NAME.yml, or a path. Only its pg_conn
    /// is replaced.
    #[arg(long, value_name = "NAME")]
    pub config: String,
    /// Don't ask MySQL, and start no daemon.
    #[arg(long)]
    pub offline: bool,
    /// The program `chameleon` of the pg_chameleon 2 whose daemon is tried [default: the one on the PATH, else 2.0.21 from PyPI in
    /// an environment of its own].
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["offline", "no_daemon"])]
    pub daemon: Option<PathBuf>,
    /// Start no daemon.
    #[arg(long)]
    pub no_daemon: bool,
    /// For how long the daemon runs, where it does not catch up with MySQL before: a number of seconds, or with s, m or h behind
    /// it.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = chameleon_upgrade::cli::duration)]
    pub daemon_for: Duration,
    /// Accept an error of this check, for this reason, as `upgrade --accept` does on the day.
    #[arg(long, value_name = "ID=REASON", value_parser = acceptance)]
    pub accept: Vec<String>,
    /// How many faults: `quick`, the kinds take turns at the messages; `full`, every kind at each message; or `none`.
    #[arg(long, value_enum, default_value_t = Faults::Quick)]
    pub sweep: Faults,
    /// Only these kinds of fault in the sweep; `sweep --help` lists them.
    #[arg(long, value_name = "FAULT", value_delimiter = ',')]
    pub faults: Vec<FaultKind>,
    /// Only this case in the sweep, as the table writes it (FAULT@MESSAGE); may be repeated.
    #[arg(long, value_name = "CASE", conflicts_with = "faults")]
    pub only: Vec<Case>,
    /// Write what came of it to FILE, as JSON: `chameleon-harness report` makes every other form of it, now or later.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Further forms of what came of it.
    #[command(flatten)]
    pub forms: FormArguments,
    /// How it is run.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// How many faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Faults {
    /// The kinds take turns.
    Quick,
    /// Every kind at each message.
    Full,
    /// None.
    None,
}

/// Read as the upgrader reads it, and handed on as it is.
fn acceptance(text: &str) -> Result<String, String> {
    Acceptance::parse(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Rehearses the upgrade.
///
/// # Errors
/// [`CommandError`]; an upgrade that does not go well is an ending.
pub fn run(arguments: &RehearseArguments) -> Result<Ending, CommandError> {
    if let Kind::Url(_) = arguments.common.server {
        return Err(wrong_use(ReplicaError::NotOnSomebodyElsesServer));
    }
    // Read as the upgrader will read it: what it would refuse is found before anything is started.
    let of_production = Configuration::load(&arguments.config, &location::home()).map_err(wrong_use)?;
    let configuration = rehearsal::configuration::of(&of_production.path).map_err(wrong_use)?;
    let upgrader = arguments.common.upgrader()?;
    let (report, files) = (ResultsFile::open(arguments.report.as_deref())?, arguments.forms.open()?);
    let from = match &arguments.dump {
        Some(dump) => {
            let unreadable = |error| wrong_use(format!("the dump {} can't be read: {error}", dump.display()));
            fs::metadata(dump).map_err(unreadable)?;
            From::Dump(dump.clone())
        }
        None => From::Production(if arguments.with_data { Rows::All } else { Rows::Waiting }),
    };
    let rehearsal = Rehearsal {
        from,
        configuration,
        of_production,
        server: arguments.common.server.clone(),
        upgrader,
        offline: arguments.offline,
        daemon: match arguments.no_daemon {
            true => Daemon::LeftOut,
            false => Daemon::Program { named: arguments.daemon.clone(), longest: arguments.daemon_for },
        },
        accept: arguments.accept.clone(),
        faults: match arguments.sweep {
            Faults::None => vec![],
            Faults::Quick | Faults::Full => named_or_all(&arguments.faults),
        },
        spread: if arguments.sweep == Faults::Full { Spread::SqlStatesInTurn } else { Spread::InTurn },
        only: arguments.only.clone(),
        jobs: arguments.common.jobs(),
        repeat: repeat(arguments),
    };
    let progress = Progress::start();
    let step = |step: StepName| tell(format_args!("{step} …\n"));
    let told = Told { step: &step, runs: &|done, total| progress.tell(done, total) };
    let rehearsed = rehearsal.run(&told).map_err(|error| command_error(&error))?;
    drop(progress);
    let shown = say!("{}", forms::text(&rehearsed, layout::columns()).trim_end());
    let written = report.map_or(Ok(()), |file| file.write(&as_json(&rehearsed)));
    let written = written.and_then(|()| files.write(&rehearsed));
    let ending = if rehearsed.went_well() { Ending::Well } else { Ending::Found };
    results_file::ending(results_file::ending(Ok(ending), shown), written)
}

fn wrong_use(error: impl ToString) -> CommandError {
    CommandError::WrongUse(error.to_string())
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
    let mut command = format!("chameleon-harness rehearse --config {}", word(&arguments.config));
    let path = |path: &PathBuf| word(&path.display().to_string());
    if let Some(dump) = &arguments.dump {
        command.push_str(&format!(" --dump {}", path(dump)));
    }
    if let Some(daemon) = &arguments.daemon {
        command.push_str(&format!(" --daemon {}", path(daemon)));
    }
    for accepted in &arguments.accept {
        command.push_str(&format!(" --accept {}", word(accepted)));
    }
    for (given, option) in [
        (arguments.with_data, " --with-data"),
        (arguments.offline, " --offline"),
        (arguments.no_daemon, " --no-daemon"),
    ] {
        command.push_str(if given { option } else { "" });
    }
    command
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
        let line = ["rehearse", "--config", "upgraded", "--dump", "production.dump", "--offline"];
        let first = Line::parse_from(line).arguments;
        let shown = format!("{} --only cut_after@3", repeat(&first));
        let again = Line::parse_from(shown.split(' ').skip(1)).arguments;
        assert_eq!(again.only[0].to_string(), "cut_after@3");
        assert_eq!((again.config, again.dump, again.offline), (first.config, first.dump, true));
    }
}
