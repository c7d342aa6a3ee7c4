//! The verbs of the command line, one file each: it opens, calls, reports.

pub mod check;
mod consent;
mod interruption;
mod next_steps;
pub mod rollback;
pub mod status;
pub mod upgrade;

use crate::config::{Configuration, ConfigurationError};
use crate::ending::Ending;
use std::path::PathBuf;

/// Reads the configuration that `--config` names.
fn load(name: &str) -> Result<Configuration, Ending> {
    let configuration = Configuration::load(name, &home()).map_err(|error| wrong_configuration(&error))?;
    tracing::info!(file = %configuration.path.display(), sources = configuration.sources.len(), "read the configuration");
    Ok(configuration)
}

/// The home folder, with pg_chameleon's configurations in it.
fn home() -> PathBuf {
    std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default()
}

fn wrong_configuration(error: &ConfigurationError) -> Ending {
    Ending::WrongUse(format!("{error}. Nothing was done."))
}
