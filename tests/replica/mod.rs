//! A 1.7 replica on the shared throwaway server, and the upgrader run on it as an administrator would.
#![allow(dead_code, reason = "each test program uses its part")]

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use chameleon_harness::chameleon::home::{CONFIGURATION, ConfiguredSource, Home, configuration};
use chameleon_harness::commands::rehearse::RehearseArguments;
use chameleon_harness::record::Record;
use chameleon_harness::replica::upgrader::offline;
use chameleon_harness::seed::{Seed, original};
use chameleon_harness::server::{self, Address, Database, Server};
use clap::Parser;
use postgres::Client;
use secrecy::ExposeSecret;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;

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
        seed.create(&mut replica.client()).expect("the seed can be planted");
        replica
    }

    /// Plants the seed's rows into a catalogue that pg_chameleon 1.8.2's own schema file makes.
    pub fn of_the_original(seed: &Seed, sources: &[ConfiguredSource]) -> Self {
        let replica = Self::empty(sources);
        let mut client = replica.client();
        original::create_schema(&mut client).expect("1.8.2 creates its schema");
        seed.fill(&mut client).expect("the seed can be planted");
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

    /// The same with another role in `pg_conn`.
    pub fn configure_as(&mut self, role: &str, password: &str, sources: &[ConfiguredSource]) {
        let address = Address {
            user: role.to_owned(),
            password: password.to_owned().into(),
            ..self.database.address().clone()
        };
        self.home =
            Home::new(&configuration(&address, self.database.name(), sources)).expect("a home folder");
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

    /// The upgrader, with the configuration of this replica, which has no MySQL.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_with_mysql(arguments);
        command.args(offline(arguments.iter().map(OsStr::new)));
        command
    }

    /// The upgrader, with the configuration of this replica.
    pub fn command_with_mysql(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).args(["--config", CONFIGURATION]).env("HOME", self.home.path());
        command
    }

    /// A command as it was shown, in a shell that finds the program.
    pub fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).env("HOME", self.home.path());
        shell.env(
            "PATH",
            format!("{}:/usr/bin:/bin", Path::new(PROGRAM).parent().expect("a folder").display()),
        );
        shell
    }

    /// `upgrade --yes` and more.
    pub fn upgrade(&self, more: &[&str]) -> Assert {
        self.command(&["upgrade", "--yes"]).args(more).assert()
    }

    /// Upgrades, and asserts that it is refused with these texts in the output and nothing changed.
    pub fn refused(&self, more: &[&str], texts: &[&str]) {
        self.refused_in("", more, texts);
    }

    /// The same for one case of several, which is named on failure. Returns what was shown.
    pub fn refused_in(&self, case: &str, more: &[&str], texts: &[&str]) -> String {
        let (record, dump) = (self.record(), self.dump());
        let output = self.command(&["upgrade", "--yes"]).args(more).output().expect("the upgrader runs");
        let shown = shown(&output);
        assert_eq!(output.status.code(), Some(3), "{case}:\n{shown}");
        for text in texts {
            assert!(shown.contains(text), "{case}: {text:?} is not in:\n{shown}");
        }
        let last = shown.trim_end().lines().last().unwrap_or_default();
        assert!(last.contains("Nothing was changed"), "{case}:\n{shown}");
        assert!(
            record == self.record(),
            "{case}: the database has changed:\n{}",
            record.diff(&self.record())
        );
        assert!(dump == self.dump(), "{case}: pg_dump shows a change that the record does not");
        shown
    }

    /// The whole database as the server's own pg_dump writes it.
    pub fn dump(&self) -> String {
        let server = server::shared().expect("a PostgreSQL server");
        let address = self.database.address();
        let output = std::process::Command::new(server.binaries().expect("its programs").join("pg_dump"))
            .args(["--host", &address.host, "--port", &address.port.to_string()])
            .args(["--username", &address.user, self.database.name()])
            .env("PGPASSWORD", address.password.expose_secret())
            .output()
            .expect("pg_dump runs");
        assert!(output.status.success(), "{}", shown(&output));
        let dump = String::from_utf8(output.stdout).expect("a dump in UTF-8");
        // Every dump has a key of its own against injected commands of psql.
        let lines =
            dump.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// What tells the upgrader where the programs of the shared server's version are, where packages haven't put them.
pub fn where_programs_are() -> Option<(String, String)> {
    let bin = server::shared().expect("a PostgreSQL server").binaries().expect("its programs");
    let by_package = bin.starts_with("/usr/lib/postgresql");
    (!by_package).then(|| ("CHAMELEON_POSTGRES_BIN".to_owned(), bin.display().to_string()))
}

/// What a program has written: standard output, then standard error.
pub fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The configured source that maps the demo's two schemas.
pub fn demo_source() -> ConfiguredSource {
    ConfiguredSource::mysql("replica", &[("my_shop", "shop"), ("my_stock", "stock")])
}

/// Everything in the database is as it was.
pub fn assert_unchanged(before: &Record, after: &Record) {
    assert!(before == after, "the database has changed:\n{}", before.diff(after));
}

/// What `chameleon-harness rehearse` is asked for, without MySQL.
pub fn rehearse(dump: &Path, configuration: &Path, more: &[&str]) -> RehearseArguments {
    #[derive(clap::Parser)]
    struct CommandLine {
        #[command(flatten)]
        arguments: RehearseArguments,
    }
    let (dump, configuration) = (dump.to_str().unwrap(), configuration.to_str().unwrap());
    let words = ["rehearse", "--offline", "--upgrader", PROGRAM, "--dump", dump, "--config", configuration];
    CommandLine::parse_from([&words[..], more].concat()).arguments
}

/// Whoever waits for a lock in the replica's database asks after this time whether the server is still there, as the system has it
/// noted for its end of the connection.
pub fn keepalive_of_who_waits(replica: &Replica) -> std::time::Duration {
    let waits = "SELECT client_port FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let port: i32 = replica.client().query_one(waits, &[]).unwrap().get(0);
    let began = std::time::Instant::now();
    loop {
        let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let columns = connections.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let own = columns.into_iter().find(|it| it[1].ends_with(&format!(":{port:04X}"))).unwrap();
        // 02: the timer of keepalives. Another one runs while something that was sent is not acknowledged.
        if let Some(hundredths) = own[5].strip_prefix("02:") {
            return std::time::Duration::from_millis(u64::from_str_radix(hundredths, 16).unwrap() * 10);
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "no keepalives: {own:?}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
