//! `chameleon-harness list`.

use super::{CommandError, Ending, say, scenarios_or_all};
use crate::scenario::ScenarioFile;
use clap::Args;
use std::path::PathBuf;

/// Say what each scenario shows; nothing is run.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Scenario files, or folders of them; all of scenarios/ unless told.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Lists the scenarios.
///
/// # Errors
/// [`CommandError`] when a file is no scenario.
pub fn run(arguments: &ListArguments) -> Result<Ending, CommandError> {
    let files = ScenarioFile::read_all(&scenarios_or_all(&arguments.files))?;
    let width = files.iter().map(|file| file.name.len()).max().unwrap_or_default();
    for file in &files {
        say!("{:<width$}  {}", file.name, file.scenario.about)?;
    }
    say!("{} scenarios", files.len())?;
    Ok(Ending::Well)
}
