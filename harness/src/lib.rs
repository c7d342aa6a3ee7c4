//! Seeds 1.7 replica catalogues, runs upgrades on throwaway servers and verifies what came out.

pub mod benchmark;
pub mod commands;
pub mod demo;
pub mod fault;
pub mod home;
pub mod interruption;
pub mod live;
pub mod memory;
pub mod output;
pub mod production;
pub mod properties;
pub mod quoting;
pub mod record;
pub mod replay;
pub mod restore;
pub mod running;
pub mod scenario;
pub mod scratch;
pub mod seed;
pub mod server;
pub mod stage;
pub mod sweep;
pub mod tools;
pub mod trial;
pub mod upgrader;
