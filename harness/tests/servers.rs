//! The promises of `chameleon_harness::server`, on real servers.

use chameleon_harness::server::{self, LocalOptions, Server};

#[test]
fn a_local_server_answers() {
    let server = server::local(&LocalOptions::default()).unwrap();
    let database = server.create_database().unwrap();
    let row = database.connect().unwrap().query_one("SELECT 6 * 7", &[]).unwrap();
    assert_eq!(row.get::<_, i32>(0), 42);
}
