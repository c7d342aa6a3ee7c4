//! What a command line does on a real server: what it shows, what it refuses, how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end there")]

mod backup;
mod check;
mod cleanup;
mod configuration;
mod convert_config;
mod encryption;
mod events;
mod faults;
mod help;
mod init_config;
mod maintenance;
mod names;
#[path = "../replica/terminal.rs"]
mod on_terminal;
mod refusals;
#[path = "../replica/mod.rs"]
mod replica;
mod rollback;
mod sql;
mod status;
mod terminal;
mod watch;
mod way_back;
