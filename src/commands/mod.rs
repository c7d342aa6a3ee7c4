//! The verbs of the command line, one file each: it opens, calls, reports.

mod backup;
mod check;
mod cleanup;
mod completions;
mod consent;
mod convert_config;
mod init_config;
mod interruption;
mod kept;
mod maintenance;
mod man;
mod next_steps;
mod replay;
mod rollback;
mod session;
mod status;
mod upgrade;
mod verify;
mod watch;

use crate::cli::Command;
use crate::ending::Ending;
use crate::report::console::Console;

/// Does what the command line says.
pub async fn run(command: &Command, console: &Console) -> Ending {
    match command {
        Command::Upgrade(arguments) => upgrade::run(arguments, console).await,
        Command::Check(arguments) => check::run(arguments, console).await,
        Command::Status(arguments) => status::run(arguments, console).await,
        Command::Rollback(arguments) => rollback::run(arguments, console).await,
        Command::Backup(arguments) => backup::run(arguments, console).await,
        Command::Cleanup(arguments) => cleanup::run(arguments, console).await,
        Command::Verify(arguments) => verify::run(arguments, console).await,
        Command::Watch(arguments) => watch::run(arguments, console).await,
        Command::InitConfig => init_config::run(console),
        Command::ConvertConfig(arguments) => convert_config::run(arguments, console).await,
        Command::Completions(arguments) => completions::run(arguments),
        Command::Man(arguments) => man::run(arguments, console),
    }
}
