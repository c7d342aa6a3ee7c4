//! The verbs of the command line, one file each: it opens, calls, reports.

pub mod check;
mod consent;
mod interruption;
mod next_steps;
pub mod rollback;
pub mod status;
pub mod upgrade;

use crate::config::{Configuration, ConfigurationError, location};
use crate::ending::Ending;

/// Reads the configuration that `--config` names.
fn load(name: &str) -> Result<Configuration, Ending> {
    let configuration =
        Configuration::load(name, &location::home()).map_err(|error| wrong_configuration(&error))?;
    tracing::info!(file = %configuration.path.display(), sources = configuration.sources.len(), "read the configuration");
    Ok(configuration)
}

fn wrong_configuration(error: &ConfigurationError) -> Ending {
    Ending::WrongUse(format!("{error}. Nothing was done."))
}
