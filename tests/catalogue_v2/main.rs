//! Our 2.0.10 catalogue beside the one that pg_chameleon 2.0.21 installs: the same structure, the same behaviour,
//! and every difference by name.

mod binlog_order;
mod both;
mod commands;
mod real;
mod refresh_parts;
mod replay;
mod replay_differences;
mod replica;
mod structure;
mod views;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = [
        structure::trials(),
        views::trials(),
        refresh_parts::trials(),
        replay::trials(),
        replay_differences::trials(),
        binlog_order::trials(),
        commands::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
}
