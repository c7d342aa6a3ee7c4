//! `chameleon-harness list`.

use super::{CommandError, Ending, say};
use crate::scenario::{AnyScenario, Case, ScenarioFile};
use clap::Args;
use std::path::PathBuf;

/// The folders of scenarios.
const FOLDERS: [&str; 3] = ["scenarios", "scenarios/live", "scenarios/original"];

/// Say what each scenario shows; nothing is run.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Scenario files, or folders of them; scenarios/, scenarios/live and scenarios/original by default.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Lists the scenarios.
///
/// # Errors
/// [`CommandError`] when a file is no scenario.
pub fn run(arguments: &ListArguments) -> Result<Ending, CommandError> {
    let all = FOLDERS.map(PathBuf::from);
    let named = if arguments.files.is_empty() { &all[..] } else { &arguments.files };
    let files = ScenarioFile::<AnyScenario>::read_all(named)?;
    let width = files.iter().map(|file| file.title().len()).max().unwrap_or_default();
    for file in &files {
        say!("{:<width$}  {}", file.title(), file.scenario.about())?;
    }
    say!("{} scenarios", files.len())?;
    Ok(Ending::Well)
}
