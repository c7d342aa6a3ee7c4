//! The tests on a real MariaDB.

use chameleon_harness::server::mysql::MySqlKind;

const SERVER: MySqlKind = MySqlKind::MariaDb;

#[path = "../contents.rs"]
mod contents;
#[path = "../daemon.rs"]
mod daemon;
#[path = "../digests.rs"]
mod digests;
#[path = "../encryption.rs"]
mod encryption;
#[path = "../identity.rs"]
mod identity;
#[path = "../origin.rs"]
mod origin;
mod own;
#[path = "../random.rs"]
mod random;
#[path = "../server.rs"]
mod server;
#[path = "../size.rs"]
mod size;
#[path = "../terminal.rs"]
mod terminal;
#[path = "../verify.rs"]
mod verify;
#[path = "../window.rs"]
mod window;
