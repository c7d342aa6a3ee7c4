//! `chameleon-harness replay`: the upgrade of a dumped catalogue with its own configuration, on a throwaway server.

use super::{CommandError, Ending, Means, named_or_all};
use crate::replay::{self, Rehearsed, ReplayError};
use crate::stage::StageError;
use crate::sweep::case::NamedKind;
use crate::sweep::{SweepError, table};
use anstream::{eprint, println};
use clap::Args;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

/// Restore a dump of production's database on a throwaway server and upgrade it there, with production's own
/// configuration: first undisturbed, then with every fault at every message.
///
/// The dump must hold sch_chameleon and the destination schemas: `pg_dump --format=custom --file FILE DATABASE`.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// A file or folder of pg_dump, in any of its formats.
    #[arg(long, value_name = "FILE")]
    pub dump: PathBuf,
    /// The configuration of pg_chameleon 2: NAME for ~/.pg_chameleon/configuration/NAME.yml, or a path. Only its pg_conn
    /// is replaced.
    #[arg(long, value_name = "NAME")]
    pub config: String,
    /// Leave the sweep out.
    #[arg(long)]
    pub no_sweep: bool,
    /// Only these kinds of fault in the sweep.
    #[arg(long, value_name = "FAULT", value_delimiter = ',', conflicts_with = "no_sweep")]
    pub faults: Vec<NamedKind>,
    /// The replica is stopped, though its status in the dump is running: --assume-stopped on the day.
    #[arg(long)]
    pub assume_stopped: bool,
    /// Write what came of it to FILE, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How it is run.
    #[command(flatten)]
    pub means: Means,
}

/// Replays the day.
///
/// # Errors
/// [`CommandError`]; an upgrade that does not go well is an ending.
pub fn run(arguments: &ReplayArguments) -> Result<Ending, CommandError> {
    let configuration_file = replay::configuration_file(&arguments.config);
    let configuration = replay::configuration(&configuration_file)
        .map_err(|error| CommandError::WrongUse(error.to_string()))?;
    if let Err(error) = fs::metadata(&arguments.dump) {
        return Err(CommandError::WrongUse(format!(
            "the dump {} can't be read: {error}",
            arguments.dump.display()
        )));
    }
    let day = replay::Day {
        dump: arguments.dump.clone(),
        configuration,
        configuration_file,
        server: arguments.means.server.clone(),
        upgrader: arguments.means.upgrader()?,
        assume_stopped: arguments.assume_stopped,
        faults: if arguments.no_sweep { vec![] } else { named_or_all(&arguments.faults) },
        jobs: arguments.means.jobs(),
    };
    let terminal = io::stderr().is_terminal();
    let rehearsed = day
        .rehearse(&|done, total| {
            if terminal {
                eprint!("\r{done} of {total} runs");
            }
        })
        .map_err(|error| told(&error))?;
    if terminal {
        eprint!("\r");
    }
    show(&rehearsed);
    if let Some(path) = &arguments.report {
        let text = format!("{:#}\n", serde_json::json!(rehearsed));
        fs::write(path, text).map_err(|error| {
            CommandError::WrongUse(format!("{} can't be written: {error}", path.display()))
        })?;
    }
    Ok(if rehearsed.went_well() { Ending::Well } else { Ending::Found })
}

/// A dump that can't be restored is the wrong file.
fn told(error: &ReplayError) -> CommandError {
    match error {
        ReplayError::Stage(StageError::Restore { .. })
        | ReplayError::Sweep(SweepError::Stage(StageError::Restore { .. })) => {
            CommandError::WrongUse(error.to_string())
        }
        error => CommandError::harness(error),
    }
}

fn show(rehearsed: &Rehearsed) {
    println!("{}", rehearsed.output.trim_end());
    let seconds = rehearsed.seconds;
    let Some(0) = rehearsed.exit_code else {
        println!(
            "\nThe upgrade will not go through as things are: it ended with {} after {seconds:.1} s. What to do stands above.",
            rehearsed.exit_code.map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"))
        );
        return;
    };
    println!(
        "\nThe upgrade took {seconds:.1} s here, {:.1} s of it to replay what waits and the rest in one transaction.",
        rehearsed.replay_seconds
    );
    match &rehearsed.sweep {
        None => println!("The day will go well if nothing goes wrong on it; the sweep was left out."),
        Some(findings) => {
            println!("{}", table(findings, "chameleon-harness replay"));
            let violations = findings.violations().count();
            if violations == 0 {
                println!(
                    "The day will go well, and if something goes wrong at any of its {} messages, the catalogue is whole \
                     and the next attempt succeeds.",
                    findings.messages.len()
                );
            } else {
                println!(
                    "The upgrade goes well undisturbed, but {violations} runs with faults violate a property."
                );
            }
        }
    }
}
