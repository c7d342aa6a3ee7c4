//! Upgrades that something goes wrong with: whatever it is, the catalogue is the one or the other, and what is said is true.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end there")]

mod failures;
mod interruptions;
mod replay;
#[path = "../replica/mod.rs"]
mod replica;
mod scene;
