//! The command `chameleon-harness`.

use clap::Parser;

/// Seeds 1.7 replica catalogues, runs upgrades on throwaway servers and verifies the outcome.
#[derive(Parser)]
#[command(version)]
struct Arguments {}

fn main() {
    let Arguments {} = Arguments::parse();
}
