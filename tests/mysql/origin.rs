//! A real MariaDB or MySQL, and 1.7 replicas of it whose coordinates are what a test says.

use super::SERVER;
use crate::replica::Replica;
use chameleon_harness::chameleon::home::ConfiguredSource;
use chameleon_harness::process::tools;
use chameleon_harness::seed::{Batch, Seed, Source, Table};
use chameleon_harness::server::mysql::{MySqlKind, MySqlServer, MySqlSoftware};
use mysql::Row;
use mysql::prelude::Queryable;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// The name of the new source.
pub const NEW: &str = "new";

/// A MySQL server with two schemas, `my_one` and `my_two`, each with a table `t`.
pub struct Origin {
    pub mysql: MySqlServer,
}

/// What `check --format json` said.
#[derive(Debug)]
pub struct Checked {
    pub code: i32,
    pub said: Value,
    pub everything: String,
}

impl Origin {
    /// None when there is no such server on this machine: the test is skipped.
    pub fn start(test: &str) -> Option<Self> {
        Self::start_with(test, &[])
    }

    pub fn start_with(test: &str, options: &[String]) -> Option<Self> {
        Self::start_with_files(test, options, &[])
    }

    /// With these files in its data folder.
    pub fn start_with_files(test: &str, options: &[String], files: &[(&str, &str)]) -> Option<Self> {
        let software = tools::or_skip(test, MySqlSoftware::find(SERVER))?;
        let mysql = MySqlServer::start_with_files(&software, options, files).expect("a server");
        let origin = Self { mysql };
        origin.create("my_one");
        origin.create("my_two");
        Some(origin)
    }

    pub fn create(&self, schema: &str) {
        let quoted = quoted(schema);
        self.run(&format!(
            "CREATE DATABASE {quoted} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
             CREATE TABLE {quoted}.t (id INT PRIMARY KEY, data TEXT);"
        ));
    }

    /// Runs statements without a default database.
    pub fn run(&self, statements: &str) {
        self.mysql.run(None, statements).expect("the statements");
    }

    /// Runs statements with `schema` as the default database.
    pub fn run_in(&self, schema: &str, statements: &str) {
        self.mysql.run(Some(schema), statements).expect("the statements");
    }

    /// One row into `schema.t`.
    pub fn write(&self, schema: &str, id: u32) {
        self.run(&format!("INSERT INTO {}.t VALUES ({id}, 'row')", quoted(schema)));
    }

    /// Where the server writes next.
    pub fn here(&self) -> String {
        let (file, position) = self.mysql.place().expect("a place");
        format!("{file}:{position}")
    }

    /// (begin, end, type, info) of the events of a file, as the server itself lists them.
    pub fn events(&self, file: &str) -> Vec<(u64, u64, String, String)> {
        let mut session = self.mysql.connect(None).expect("a session");
        let rows: Vec<Row> = session.query(format!("SHOW BINLOG EVENTS IN '{file}'")).expect("the events");
        let event = |row: &Row| {
            (row.get(1).unwrap(), row.get(4).unwrap(), row.get(2).unwrap(), row.get(5).unwrap_or_default())
        };
        rows.iter().map(event).collect()
    }

    /// `db_conn` of the account that may do everything.
    pub fn db_conn(&self) -> Value {
        json!({
            "host": self.mysql.host().to_string(), "port": "3306", "user": "usr_replica",
            "password": self.mysql.password().expose_secret(), "charset": "utf8", "connect_timeout": 10,
        })
    }

    /// A replica of `my_one` and `my_two` whose open batches stand at these coordinates.
    pub fn replica(&self, one: &str, two: &str) -> Replica {
        self.replica_of(&[("my_one", one), ("my_two", two)], self.db_conn())
    }

    /// A replica of these schemas, each with a table `t`, and its configuration.
    pub fn replica_of(&self, sources: &[(&str, &str)], db_conn: Value) -> Replica {
        let destination = |number: usize| format!("db_{number}");
        let source = |(number, (schema, start)): (usize, &(&str, &str))| {
            Source::new(&format!("old_{}", schema.trim_start_matches("my_")))
                .source_schema(Some(schema))
                .dest_schema(&destination(number))
                .table(Table::new("t"))
                .batch(Batch::open(start))
        };
        let seed = Seed::of(sources.iter().enumerate().map(source));
        let names: Vec<_> = (0..sources.len()).map(destination).collect();
        let pairs: Vec<_> =
            sources.iter().zip(&names).map(|((schema, _), name)| (*schema, name.as_str())).collect();
        Replica::of(&seed, &[ConfiguredSource::mysql(NEW, &pairs).with("db_conn", db_conn)])
    }
}

pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The arguments of a command that is told that the daemon's questions are answered on MySQL 8.4 and later.
pub fn accepting<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let more: &[&str] = match SERVER {
        MySqlKind::MariaDb => &[],
        MySqlKind::MySql => &["--accept", "mysql-version=it is answered"],
    };
    [arguments, more].concat()
}

/// Runs `check`, which must leave no password behind.
pub fn check(replica: &Replica) -> Checked {
    check_with(replica, &accepting(&["check", "--format", "json"]))
}

/// The same where the tables on MySQL were changed behind the replica's back, which is another check's business.
pub fn check_changed(replica: &Replica) -> Checked {
    let accepted = ["--accept", "table-structure=changed by the test"];
    check_with(replica, &[&accepting(&["check", "--format", "json"])[..], &accepted].concat())
}

pub fn check_with(replica: &Replica, arguments: &[&str]) -> Checked {
    let output = replica.command_with_mysql(arguments).output().expect("the upgrader runs");
    let everything = crate::replica::shown(&output);
    let said = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {everything}"));
    Checked { code: output.status.code().unwrap_or_default(), said, everything }
}

impl Checked {
    /// The findings of a check.
    pub fn of(&self, check: &str) -> Vec<&Value> {
        let findings = self.said["findings"].as_array().expect("findings");
        findings.iter().filter(|finding| finding["check"] == check).collect()
    }

    /// The one finding of a check, in one text: severity, what was found, what to do.
    pub fn text(&self, check: &str) -> String {
        let [finding] = self.of(check)[..] else { panic!("not one finding of {check}: {:#}", self.said) };
        let part = |name: &str| finding[name].as_str().unwrap_or_default();
        format!("{} {} {}", part("severity"), part("found"), part("remedy"))
    }

    /// Asserts that the one finding of a check says all these texts.
    pub fn says(&self, check: &str, texts: &[&str]) -> &Self {
        let text = self.text(check);
        for wanted in texts {
            assert!(text.contains(wanted), "{wanted:?} is not in: {text}");
        }
        self
    }

    /// Asserts the exit code.
    pub fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{:#}", self.said);
        self
    }

    /// Asserts that these checks found nothing.
    pub fn silent(&self, checks: &[&str]) -> &Self {
        for check in checks {
            assert!(self.of(check).is_empty(), "{:#}", self.said);
        }
        self
    }

    pub fn batch_start(&self) -> &str {
        self.said["plan"]["sources"][0]["batch_start"].as_str().expect("a batch start")
    }

    pub fn consistent_point(&self) -> &str {
        self.said["plan"]["sources"][0]["consistent_point"].as_str().expect("a consistent point")
    }

    /// Where the old source's next transaction begins.
    pub fn advanced(&self, number: usize) -> &str {
        self.said["plan"]["sources"][0]["parts"][number]["advanced"].as_str().expect("an advanced start")
    }
}
