//! `chameleon-harness bench-reference`.

use super::{CommandError, Ending, say};
use crate::benchmark::{self, BenchmarkError, Size};
use crate::replica::upgrader::Upgrader;
use clap::Args;
use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// Ours, pg_chameleon 2.0.21's own upgrade and hand-written SQL in turn, on copies of the same catalogues.
#[derive(Debug, Args)]
pub struct BenchReferenceArguments {
    /// Numbers of tables.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1000,10000,100000,1000000")]
    pub tables: Vec<NonZeroU32>,
    /// Numbers of waiting events.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "10000,100000,1000000")]
    pub events: Vec<NonZeroU32>,
    /// How often each is measured; the median counts.
    #[arg(long, value_name = "N", default_value = "3")]
    pub rounds: NonZeroU32,
    /// Where the figures are written to; the chart beside it, as .svg.
    #[arg(long, value_name = "FILE", default_value = "docs/benchmarks.md")]
    pub output: PathBuf,
    /// The program that upgrades; chameleon-upgrade by default.
    #[arg(long, value_name = "PROGRAM")]
    pub upgrader: Option<PathBuf>,
}

/// Measures, and writes the figures.
///
/// # Errors
/// [`CommandError`].
pub fn run(arguments: &BenchReferenceArguments) -> Result<Ending, CommandError> {
    let upgrader = match &arguments.upgrader {
        Some(program) => Upgrader::new(program),
        None => Upgrader::beside_this_program()
            .map_err(|error| CommandError::WrongUse(format!("there is no upgrader: {error}")))?,
    };
    let tables = arguments.tables.iter().map(|count| Size::Tables(count.get()));
    let events = arguments.events.iter().map(|count| Size::Events(count.get()));
    let sizes: Vec<_> = tables.chain(events).collect();
    let rounds = arguments.rounds.get();
    let (version, runs) = benchmark::run(&upgrader, &sizes, rounds, &|run| {
        let memory = run.peak.map(|peak| format!(", {} MiB", peak.div_ceil(1024))).unwrap_or_default();
        drop(say!("{:?} {}: {:.3} s{memory}", run.size, run.contender.name(), run.took.as_secs_f64()));
    })?;
    let page = benchmark::markdown(&version, rounds, &sizes, &runs);
    if let Some(folder) = arguments.output.parent() {
        fs::create_dir_all(folder).map_err(BenchmarkError::from)?;
    }
    fs::write(&arguments.output, &page).map_err(BenchmarkError::from)?;
    let chart = benchmark::chart(&sizes, &runs);
    fs::write(arguments.output.with_file_name("benchmarks.svg"), chart).map_err(BenchmarkError::from)?;
    say!("{page}")?;
    Ok(Ending::Well)
}
