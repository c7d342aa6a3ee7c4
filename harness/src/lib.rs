//! Seeds 1.7 replica catalogues, runs upgrades on throwaway servers and verifies what came out.

pub mod quoting;
pub mod record;
pub mod seed;
pub mod server;
pub mod tools;
