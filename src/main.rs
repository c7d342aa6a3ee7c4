//! The command `chameleon-upgrade`.

use clap::Parser;

/// Upgrades a pg_chameleon replica catalogue from 1.7 to 2.0.
#[derive(Parser)]
#[command(version)]
struct Arguments {}

fn main() {
    let Arguments {} = Arguments::parse();
}
