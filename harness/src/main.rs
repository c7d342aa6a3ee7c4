//! The command `chameleon-harness`.

use chameleon_harness::demo;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Seeds 1.7 replica catalogues, runs upgrades on throwaway servers and verifies the outcome.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show an upgrade, and a refused one, on a throwaway PostgreSQL.
    Demo,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo => demo::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
