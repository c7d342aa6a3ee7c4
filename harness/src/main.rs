//! The command `chameleon-harness`.

use chameleon_harness::commands::output::tell;
use chameleon_harness::commands::{self, CommandError, Ending, demo, interruption};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::process::ExitCode;

/// Seeds 1.7 replica catalogues, runs upgrades on throwaway servers and verifies the outcome.
///
/// Exit codes: 0 all is as it should be; 1 the upgrader does something that it should not; 2 wrong use: arguments
/// or a scenario file; 3 the harness could not do its work (no server, no program).
#[derive(Parser)]
#[command(name = "chameleon-harness", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show an upgrade, and a refused one, on a throwaway PostgreSQL.
    Demo,
    /// Run scenarios, each on a database of its own.
    Run(commands::run::RunArguments),
    /// Say what each scenario shows.
    List(commands::list::ListArguments),
    /// Upgrade a dump of production with production's own configuration on a throwaway server.
    #[command(visible_alias = "replay")]
    Rehearse(commands::rehearse::RehearseArguments),
    /// Make the page, the JUnit file or the text again from the report of a rehearsal; a table from several.
    Report(commands::report::ReportArguments),
    /// Measure ours, pg_chameleon 2.0.21's own upgrade and hand-written SQL on copies of the same catalogues.
    BenchReference(commands::bench_reference::BenchReferenceArguments),
    /// Make the same fault happen at every message of an upgrade, and check what is left.
    Sweep(commands::sweep::SweepArguments),
    /// Write what a shell completes this program's command lines with.
    Completions(commands::manual::CompletionsArguments),
    /// Write the manual page of the program, or of a command, as man reads it.
    Man(commands::manual::ManArguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = interruption::watch() {
        tell(format_args!("error: {error}\n"));
        return ExitCode::from(3);
    }
    match run(&arguments.command) {
        Ok(Ending::Well) => ExitCode::SUCCESS,
        Ok(Ending::Found) => ExitCode::from(1),
        Err(error) => {
            tell(format_args!("error: {error}\n"));
            ExitCode::from(error.code())
        }
    }
}

fn run(command: &Command) -> Result<Ending, CommandError> {
    match command {
        Command::Demo => {
            demo::run().map(|()| Ending::Well).map_err(|error| CommandError::Harness(error.to_string()))
        }
        Command::Run(arguments) => commands::run::run(arguments),
        Command::List(arguments) => commands::list::run(arguments),
        Command::Rehearse(arguments) => commands::rehearse::run(arguments),
        Command::Report(arguments) => commands::report::run(arguments),
        Command::BenchReference(arguments) => commands::bench_reference::run(arguments),
        Command::Sweep(arguments) => commands::sweep::run(arguments),
        Command::Completions(arguments) => commands::manual::completions(Arguments::command(), arguments),
        Command::Man(arguments) => commands::manual::man(&Arguments::command(), arguments),
    }
}
