//! `chameleon-harness sweep`.

use super::Ending;
use crate::seed::Seed;
use crate::server::Kind;
use crate::stage::Origin;
use crate::sweep::case::{ALL, Case, NamedKind, UnknownCase};
use crate::sweep::{self, Sweep, SweepError, table};
use crate::upgrader::{ConfiguredSource, Upgrader};
use anstream::{eprint, println};
use clap::Args;
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The same fault at every message of an upgrade, one run each; after each the six properties, and a retry.
#[derive(Debug, Args)]
pub struct SweepArguments {
    /// Only these kinds of fault.
    #[arg(long, value_name = "FAULT", value_delimiter = ',')]
    pub faults: Vec<NamedKind>,
    /// Only this case, as the table writes it (FAULT@MESSAGE); may be repeated.
    #[arg(long, value_name = "CASE")]
    pub only: Vec<Case>,
    /// Also so many pairs: a second fault while the first is being undone.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub pairs: u32,
    /// What the pairs are drawn with.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// local, local:16, docker, docker:IMAGE:TAG or the URL of a server.
    #[arg(long, value_name = "SERVER", default_value = "local")]
    pub server: Kind,
    /// How many runs at a time, each on a server of its own.
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// The program that upgrades; chameleon-upgrade unless told.
    #[arg(long, value_name = "PROGRAM")]
    pub upgrader: Option<PathBuf>,
}

/// Why there was no sweep.
#[derive(Debug, thiserror::Error)]
pub enum SweepCommandError {
    /// There is no upgrader.
    #[error("{0}")]
    Upgrader(#[from] io::Error),
    /// A name.
    #[error(transparent)]
    Case(#[from] UnknownCase),
    /// The sweep.
    #[error(transparent)]
    Sweep(#[from] SweepError),
}

/// Sweeps the demo's replica.
///
/// # Errors
/// [`SweepCommandError`]; violations are an ending.
pub fn run(arguments: &SweepArguments) -> Result<Ending, SweepCommandError> {
    let sweep = Sweep {
        server: arguments.server.clone(),
        upgrader: upgrader(arguments)?,
        origin: Origin::Seed(Seed::demo()),
        sources: vec![ConfiguredSource::mysql("replica", &[("my_shop", "shop"), ("my_stock", "stock")])],
        kinds: kinds(arguments)?,
        pairs: arguments.pairs,
        random_seed: arguments.seed,
        only: arguments.only.clone(),
        jobs: arguments
            .jobs
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get),
    };
    let terminal = io::stderr().is_terminal();
    let findings = sweep::run(&sweep, &|done, total| {
        if terminal {
            eprint!("\r{done} of {total} runs");
        }
    })?;
    if terminal {
        eprint!("\r");
    }
    println!(
        "{} messages in the undisturbed upgrade ({:.2} s), {} runs",
        findings.messages.len(),
        findings.undisturbed.as_secs_f64(),
        findings.runs.len()
    );
    println!("{}", table(&findings, "chameleon-harness sweep"));
    let violations = findings.violations().count();
    if violations == 0 {
        println!(
            "No violations: every run ended with the complete 1.7 or the complete 2.0.10 catalogue, and said which."
        );
        Ok(Ending::Well)
    } else {
        println!("{violations} runs violate a property.");
        Ok(Ending::Found)
    }
}

fn upgrader(arguments: &SweepArguments) -> io::Result<Upgrader> {
    arguments
        .upgrader
        .as_ref()
        .map_or_else(Upgrader::beside_this_program, |program| Ok(Upgrader::new(program)))
}

fn kinds(arguments: &SweepArguments) -> Result<Vec<NamedKind>, UnknownCase> {
    if arguments.faults.is_empty() {
        ALL.iter().map(|name| name.parse()).collect()
    } else {
        Ok(arguments.faults.clone())
    }
}
