//! The command `chameleon-upgrade`: parse, run, turn the ending into an exit code.

use chameleon_upgrade::cli::{Cli, Command, Format, Verbosity};
use chameleon_upgrade::commands;
use chameleon_upgrade::ending::Ending;
use chameleon_upgrade::report::console::Console;
use chameleon_upgrade::report::{layout, output};
use clap::Parser;
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    let Cli { command, verbosity } = Cli::parse();
    log(verbosity);
    let ending = run(&command, &Console::new(verbosity.quiet));
    // A program that reads JSON gets nothing else on standard output.
    tell(&ending, command.shows() == Some(Format::Json));
    match output::failure() {
        // Whoever asks for findings and gets none must not be told that all is well.
        Some(why) if command.shows().is_some() && ending.code() == 0 => {
            let lost = Ending::Unexpected(format!("The output could not be written: {why}."));
            tell(&lost, true);
            ExitCode::from(lost.code())
        }
        _ => ExitCode::from(ending.code()),
    }
}

fn tell(ending: &Ending, on_standard_error: bool) {
    let message = ending.message();
    match ending {
        Ending::Done(_) if !on_standard_error => {
            output::line(layout::paragraph(message, layout::columns(), 0))
        }
        _ => output::error_line(layout::paragraph(message, layout::columns_of_errors(), 0)),
    }
}

fn run(command: &Command, console: &Console) -> Ending {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Ending::Unexpected(format!("The system gives no event loop: {error}.")),
    };
    let ending = runtime.block_on(commands::run(command, console));
    // A question that was never answered must not hold up the end.
    runtime.shutdown_background();
    ending
}

fn log(verbosity: Verbosity) {
    let level = match verbosity.verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let colours = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .log_internal_errors(false)
        .init();
}
