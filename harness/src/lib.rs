//! Seeds 1.7 replica catalogues, runs upgrades on throwaway servers and verifies what came out.

pub mod fault;
pub mod server;
pub mod tools;
