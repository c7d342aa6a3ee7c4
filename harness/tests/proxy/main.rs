//! The promises of `chameleon_harness::fault`, on a real PostgreSQL, with real clients and a raw one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod cuts;
mod every_message;
mod holds;
mod pass_through;
mod raw;
mod statement_fails;

use std::cell::RefCell;

use chameleon_harness::fault::{Fault, Proxy, SeenMessage, Transcript};
use chameleon_harness::server::{self, Address, Database, Server};
use postgres::{Client, NoTls};

/// A database with an empty table `t (id, note)`, and what a test needs to work on it through a proxy.
struct Fixture {
    // Before the database, which can't be dropped with a session on it.
    observer: RefCell<Client>,
    database: Database,
}

impl Fixture {
    fn new() -> Self {
        let database = server::shared().unwrap().create_database().unwrap();
        let mut observer = database.connect().unwrap();
        observer.batch_execute("CREATE TABLE t (id int PRIMARY KEY, note text)").unwrap();
        Self { observer: RefCell::new(observer), database }
    }

    fn proxy(&self, faults: Vec<Fault>) -> Proxy {
        let address = self.database.address();
        Proxy::start((address.host.as_str(), address.port), faults).unwrap()
    }

    fn config(&self, proxy: &Proxy) -> postgres::Config {
        through(self.database.address(), proxy).config(self.database.name())
    }

    fn client(&self, proxy: &Proxy) -> Client {
        self.config(proxy).connect(NoTls).unwrap()
    }

    fn direct(&self) -> Client {
        self.database.connect().unwrap()
    }

    /// Runs a statement behind the proxy's back.
    fn aside(&self, sql: &str) {
        self.observer.borrow_mut().batch_execute(sql).unwrap();
    }

    /// What is committed in `t`.
    fn ids(&self) -> Vec<i32> {
        let rows = self.observer.borrow_mut().query("SELECT id FROM t ORDER BY id", &[]).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// The server's address with the proxy's place instead of its own.
fn through(server: &Address, proxy: &Proxy) -> Address {
    let place = proxy.address();
    Address { host: place.ip().to_string(), port: place.port(), ..server.clone() }
}

fn code(error: &postgres::Error) -> &str {
    error.code().unwrap_or_else(|| panic!("not the server's error: {error}")).code()
}

/// The number of the first message whose SQL begins like this.
fn number_of(transcript: &Transcript, sql: &str) -> u64 {
    let begins = |message: &&SeenMessage| message.sql.as_ref().is_some_and(|text| text.starts_with(sql));
    transcript.messages.iter().find(begins).unwrap().number
}

/// The numbers of the messages that `work` sends over a connection of its own.
fn learn(fixture: &Fixture, work: impl FnOnce(&mut Client)) -> Transcript {
    let proxy = fixture.proxy(vec![]);
    let mut client = fixture.client(&proxy);
    work(&mut client);
    drop(client);
    fixture.aside("TRUNCATE t");
    proxy.finish()
}
