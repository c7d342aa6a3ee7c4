//! What the upgrader asks MySQL: whether a replica can read from it, and what lies between the batch start and the
//! consistent point. Each test runs on a real MariaDB and on Oracle's real MySQL, but for what only one of them has, and
//! for the size of a window, which is the same to both.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end there")]
#![allow(clippy::duplicate_mod, reason = "each test runs on both servers")]

mod mariadb;
mod mysql;
#[path = "../replica/mod.rs"]
mod replica;
#[path = "../replica/terminal.rs"]
mod terminal_of;
