//! Seeds 1.7 replica catalogues, runs upgrades on throwaway servers and verifies what came out.

pub mod benchmark;
pub mod chameleon;
pub mod commands;
pub mod comparison;
pub mod fault;
pub mod live;
pub mod process;
pub mod record;
pub mod rehearsal;
pub mod replica;
pub mod scenario;
pub mod seed;
pub mod server;
pub mod sweep;
