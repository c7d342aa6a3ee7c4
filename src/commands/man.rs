//! `man`: manual pages, of the same description as the help.

use super::completions::written;
use crate::cli::{Cli, ManPages};
use crate::ending::Ending;
use crate::report::console::Console;
use crate::report::output;
use crate::wording::counted;
use crate::{help, manual};
use std::fs;
use std::path::Path;

/// Writes a page to standard output, or all of them to a folder.
pub fn run(arguments: &ManPages, console: &Console) -> Ending {
    let program = Cli::described();
    if let Some(folder) = &arguments.output {
        return all(&program, folder, console);
    }
    match manual::page_of(&program, arguments.command.as_deref(), help::ALL) {
        Ok(Some(page)) => written(output::bytes(&page.text)),
        Ok(None) => {
            let names: Vec<_> = manual::commands(&program).map(clap::Command::get_name).collect();
            Ending::WrongUse(format!(
                "There is no command {:?}. There are: {}.",
                arguments.command.as_deref().unwrap_or_default(),
                names.join(", ")
            ))
        }
        Err(error) => Ending::Unexpected(format!("The page can't be made: {error}.")),
    }
}

fn all(program: &clap::Command, folder: &Path, console: &Console) -> Ending {
    let pages = match manual::pages(program, help::ALL) {
        Ok(pages) => pages,
        Err(error) => return Ending::Unexpected(format!("The pages can't be made: {error}.")),
    };
    if let Err(error) = fs::create_dir_all(folder) {
        return Ending::WrongUse(format!("The folder {} can't be made: {error}.", folder.display()));
    }
    for page in &pages {
        let file = folder.join(&page.file);
        if let Err(error) = fs::write(&file, &page.text) {
            return Ending::Unexpected(format!("{} can't be written: {error}.", file.display()));
        }
        console.step(&format!("wrote {}", file.display()));
    }
    Ending::Done(format!("Written: {} in {}.", counted(pages.len() as u64, "manual page"), folder.display()))
}
