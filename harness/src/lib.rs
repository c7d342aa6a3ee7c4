//! Seeds 1.7 replica catalogues, runs upgrades on throwaway servers and verifies what came out.

pub mod benchmark;
pub mod chameleon;
pub mod commands;
pub mod demo;
pub mod fault;
pub mod interruption;
pub mod live;
pub mod output;
pub mod process;
pub mod production;
pub mod properties;
pub mod record;
pub mod replay;
pub mod restore;
pub mod scenario;
pub mod seed;
pub mod server;
pub mod stage;
pub mod sweep;
pub mod trial;
pub mod upgrader;
