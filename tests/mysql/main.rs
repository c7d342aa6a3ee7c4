//! What the upgrader asks MySQL, on a real MariaDB: whether a replica can read from it, and what lies between the
//! batch start and the consistent point.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]

mod contents;
mod daemon;
mod encryption;
mod origin;
#[path = "../replica/mod.rs"]
mod replica;
mod server;
mod size;
mod window;
