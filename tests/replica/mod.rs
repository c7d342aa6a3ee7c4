//! A 1.7 replica on the shared throwaway server, and the upgrader run on it as an administrator would.
#![allow(dead_code, reason = "each test program uses its part")]

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use chameleon_harness::record::Record;
use chameleon_harness::seed::{Seed, original};
use chameleon_harness::server::{self, Database, Server};
use chameleon_harness::upgrader::{CONFIGURATION, ConfiguredSource, Home, configuration};
use postgres::Client;

/// The upgrader's program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_chameleon-upgrade");

/// A database with a catalogue in it, and a home folder with the configuration for it.
pub struct Replica {
    pub database: Database,
    pub home: Home,
}

impl Replica {
    /// The demo's two sources, mapped by one new source.
    pub fn demo() -> Self {
        Self::of(&Seed::demo(), &[demo_source()])
    }

    /// Plants the seed and configures `sources`.
    pub fn of(seed: &Seed, sources: &[ConfiguredSource]) -> Self {
        let replica = Self::empty(sources);
        seed.plant(&mut replica.client()).expect("the seed can be planted");
        replica
    }

    /// Plants the seed's rows into a catalogue that pg_chameleon 1.8.2's own schema file makes.
    pub fn of_the_original(seed: &Seed, sources: &[ConfiguredSource]) -> Self {
        let replica = Self::empty(sources);
        let mut client = replica.client();
        original::create_schema(&mut client).expect("1.8.2 creates its schema");
        seed.plant_into_existing(&mut client).expect("the seed can be planted");
        replica
    }

    /// A database without a catalogue.
    pub fn empty(sources: &[ConfiguredSource]) -> Self {
        let database = server::shared().expect("a PostgreSQL server").create_database().expect("a database");
        let home =
            Home::new(&configuration(database.address(), database.name(), sources)).expect("a home folder");
        Self { database, home }
    }

    /// Another configuration for the same database.
    pub fn configure(&mut self, sources: &[ConfiguredSource]) {
        self.home = Home::new(&configuration(self.database.address(), self.database.name(), sources))
            .expect("a home folder");
    }

    /// A session on the database.
    pub fn client(&self) -> Client {
        self.database.connect().expect("a session")
    }

    /// Runs SQL as the superuser.
    pub fn sql(&self, sql: &str) {
        self.client().batch_execute(sql).expect("the statement");
    }

    /// The only column of the only row.
    pub fn value(&self, sql: &str) -> String {
        self.client().query_one(&format!("SELECT ({sql})::text"), &[]).expect("the query").get(0)
    }

    /// Everything that is in the database.
    pub fn record(&self) -> Record {
        Record::of_database(&mut self.client()).expect("a record")
    }

    /// The upgrader, with the configuration of this replica.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).args(["--config", CONFIGURATION]).env("HOME", self.home.path());
        command
    }

    /// `upgrade --yes` and more.
    pub fn upgrade(&self, more: &[&str]) -> Assert {
        self.command(&["upgrade", "--yes"]).args(more).assert()
    }

    /// Upgrades, and asserts that it is refused with these texts in the output and nothing changed.
    pub fn refused(&self, more: &[&str], texts: &[&str]) {
        let before = self.record();
        let output = self.upgrade(more).code(3);
        let output = output.get_output();
        let shown =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        for text in texts {
            assert!(shown.contains(text), "{text:?} is not in:\n{shown}");
        }
        let last = shown.trim_end().lines().last().unwrap_or_default();
        assert!(last.contains("Nothing was changed"), "{shown}");
        assert_unchanged(&before, &self.record());
    }
}

/// The configured source that maps the demo's two schemas.
pub fn demo_source() -> ConfiguredSource {
    ConfiguredSource::mysql("replica", &[("my_shop", "shop"), ("my_stock", "stock")])
}

/// Everything in the database is as it was.
pub fn assert_unchanged(before: &Record, after: &Record) {
    assert!(before == after, "the database has changed:\n{}", before.diff(after));
}
