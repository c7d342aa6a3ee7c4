//! `completions` and `man`, made as those of chameleon-upgrade are.

use super::CommandError;
use crate::commands::Ending;
use chameleon_upgrade::help::Help;
use chameleon_upgrade::manual;
use clap::Args;
use clap_complete::Shell;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

/// What the manual adds to the program as a whole.
const HELP: &[Help] = &[Help {
    command: "",
    examples: &[],
    exit_codes: &[
        (0, "all is as it should be"),
        (1, "the upgrader does something that it should not"),
        (2, "wrong use: arguments, or a scenario file"),
        (3, "the harness could not work, or can't judge"),
    ],
}];

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell.
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub struct ManArguments {
    /// The command whose page it is [default: the program's own].
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    pub command: Option<String>,
    /// Write all pages to files in FOLDER.
    #[arg(long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// Writes what a shell completes command lines of `program` with.
///
/// # Errors
/// It could not be written.
pub fn completions(
    mut program: clap::Command,
    arguments: &CompletionsArguments,
) -> Result<Ending, CommandError> {
    io::stdout().write_all(&manual::completions(&mut program, arguments.shell))?;
    Ok(Ending::Well)
}

/// Writes the manual page of `program` or of a command, or all of them to a folder.
///
/// # Errors
/// There is no such command, or it could not be written.
pub fn man(program: &clap::Command, arguments: &ManArguments) -> Result<Ending, CommandError> {
    if let Some(folder) = &arguments.output {
        fs::create_dir_all(folder)?;
        for page in manual::pages(program, HELP)? {
            fs::write(folder.join(page.file), page.text)?;
        }
        return Ok(Ending::Well);
    }
    let Some(page) = manual::page_of(program, arguments.command.as_deref(), HELP)? else {
        return Err(CommandError::WrongUse("there is no such command".to_owned()));
    };
    io::stdout().write_all(&page.text)?;
    Ok(Ending::Well)
}
