//! The command `chameleon-upgrade`: parse, run, turn the ending into an exit code.

use chameleon_upgrade::cli::{Cli, Command, Format, Verbosity};
use chameleon_upgrade::commands;
use chameleon_upgrade::ending::Ending;
use chameleon_upgrade::report::console::Console;
use chameleon_upgrade::report::events::{Event, Events};
use chameleon_upgrade::report::{layout, output};
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    let Cli { command, verbosity } = Cli::of_the_process();
    log(verbosity);
    // A program that reads JSON gets nothing else on standard output.
    let json = command.shows() == Some(Format::Json);
    let events = match events(&command, json) {
        Ok(events) => events,
        Err(ending) => {
            tell(&ending, json);
            return ExitCode::from(ending.code());
        }
    };
    let console = Console::new(verbosity.quiet || json, events);
    console.tell(Event::Begin {
        command: command.name(),
        chameleon_upgrade: env!("CARGO_PKG_VERSION"),
        dry_run: command.is_dry_run(),
    });
    let ending = run(&command, &console);
    let (ending, code, message) = (&ending, ending.code(), ending.message());
    console.tell(Event::End { ending: ending.name(), exit_code: code, message });
    if let Some(why) = console.end() {
        output::error_line(format_args!("error: not all events were written: {why}"));
    }
    tell(ending, json);
    match output::failure() {
        // Whoever asks for findings and gets none must not be told that all is well.
        Some(why) if command.shows().is_some() && code == 0 => {
            let lost = Ending::Unexpected(format!("The output could not be written: {why}."));
            tell(&lost, true);
            ExitCode::from(lost.code())
        }
        _ => ExitCode::from(code),
    }
}

/// Opens what events go to, before anything is done.
fn events(command: &Command, json: bool) -> Result<Events, Ending> {
    let Some(path) = command.events() else { return Ok(Events::default()) };
    if Events::are_on_standard_output(path) {
        if json {
            let why = "--events - and --format json both want standard output: give --events a file. Nothing was done.";
            return Err(Ending::WrongUse(why.to_owned()));
        }
        output::leave_standard_output_to_programs();
    }
    Events::to(path).map_err(|error| Ending::WrongUse(format!("{error}. Nothing was done.")))
}

fn tell(ending: &Ending, on_standard_error: bool) {
    let message = ending.message();
    // Of what was written for programs, nothing more is to be said.
    if message.is_empty() {
        return;
    }
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
