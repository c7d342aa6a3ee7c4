//! The statements of an upgrade's transaction as a file, for whoever must approve it: each as it was sent, with comments
//! that name the steps. §statements-file.

use crate::ending::Ending;
use crate::facts::postgres::Server;
use crate::postgres::settings_of_a_session;
use crate::postgres::statements::{Listener, Unwritable};
use crate::report::place::Kind;
use crate::upgrade::step::Step;
use crate::upgrade::transaction::Failure;
use chrono::{SecondsFormat, Utc};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Such a file. Nobody but its owner may read it: it has the names of all that is replicated.
pub const KIND: Kind = Kind { what: "file of statements", beginning: BEGINNING.as_bytes(), mode: 0o600 };

const BEGINNING: &str = "-- chameleon-upgrade: the statements of an upgrade";

/// What whoever reads it must know.
const WHAT_IT_IS_NOT: &str = "\
--
-- Every statement of the transaction stands here as it was sent to the server, in order,
-- with its parameters written in. It is made to be read. What it is not:
-- * It is not the upgrade. Before it come the checks of PostgreSQL and of MySQL's binary
--   log, the lock that keeps a second upgrade away, and the replay of what waits, which
--   commits by itself. What the statements answer, the program looks at: nobody does so
--   when this file is run, nor finds out what became of a commit whose answer was lost.
-- * It is of one moment. Sources, coordinates and ids are those of the catalogue as it was
--   then, and are not compared with what is there when it is run.
-- So upgrade with chameleon-upgrade upgrade. On a copy of the same catalogue this shows what
-- the upgrade does: psql --no-psqlrc --set ON_ERROR_STOP=1 --file THIS_FILE
";

/// What is known when it begins.
pub struct Head<'a> {
    /// The server and the database.
    pub server: &'a Server,
    /// The configuration.
    pub configuration: &'a Path,
    /// How long the session waits for locks.
    pub lock_timeout: Duration,
    /// The events that waited when the checks were made.
    pub waiting: u64,
    /// Whether it is rolled back at the end.
    pub dry_run: bool,
}

/// The file while it comes into being.
#[derive(Clone, Default)]
pub struct Statements(Arc<Mutex<Text>>);

#[derive(Default)]
struct Text {
    sql: String,
    missing: Option<Unwritable>,
}

impl Statements {
    /// The head of the file, and what the session had set before.
    #[must_use]
    pub fn new(head: &Head<'_>) -> Self {
        let Head { server, configuration, lock_timeout, waiting, dry_run } = head;
        let statements = Self::default();
        let began = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let kind = if *dry_run { "a dry run: at its end all is rolled back" } else { "an upgrade" };
        let replay = match (dry_run, waiting) {
            (_, 0) => "nothing waited".to_owned(),
            (true, _) => format!("{waiting} events wait, and were not replayed: it was a dry run"),
            (false, _) => format!("{waiting} events waited, and were replayed before, not by this"),
        };
        let mut text = statements.text();
        _ = writeln!(text.sql, "{BEGINNING}, as they were sent");
        for (what, value) in [
            ("kind", kind.to_owned()),
            ("database", format!("{}, on PostgreSQL {}", server.database, server.version)),
            ("role", server.role.name.clone()),
            ("configuration", configuration.display().to_string()),
            ("time", began),
            ("program", format!("chameleon-upgrade {}", env!("CARGO_PKG_VERSION"))),
            ("replay", replay),
        ] {
            comment(&mut text.sql, &format!("{:<15}{value}", format!("{what}:")));
        }
        text.sql += WHAT_IT_IS_NOT;
        text.sql += "\n-- What the session had set, so that the statements mean the same everywhere\n";
        text.sql += &settings_of_a_session(*lock_timeout);
        text.sql += "\n-- The transaction begins\n";
        drop(text);
        statements
    }

    /// Whoever is to be told of what is sent.
    #[must_use]
    pub fn listener(&self) -> Box<dyn Listener> {
        Box::new(self.clone())
    }

    /// A step begins.
    pub fn step(&self, step: Step) {
        let name = step.savepoint();
        self.heading(&format!("Step {name}: {step}"));
    }

    /// A step has failed; what follows undoes it.
    pub fn failed(&self, failure: &Failure) {
        self.heading(&format!("Step {} failed: {}", failure.step.savepoint(), failure.cause));
    }

    /// All is undone on purpose.
    pub fn undone(&self, why: &str) {
        self.heading(why);
    }

    /// The whole file, once it is known how it ended.
    #[must_use]
    pub fn ended(&self, ending: &Ending) -> Vec<u8> {
        self.heading(&format!("How it ended, with exit code {}:", ending.code()));
        let mut text = self.text();
        comment(&mut text.sql, ending.message());
        if let Some(missing) = text.missing.clone() {
            comment(&mut text.sql, &format!("This file is not complete: {missing}."));
        }
        text.sql.clone().into_bytes()
    }

    fn heading(&self, words: &str) {
        let mut text = self.text();
        text.sql.push('\n');
        comment(&mut text.sql, words);
    }

    fn text(&self) -> MutexGuard<'_, Text> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whatever is in the text, it stays a comment.
fn comment(sql: &mut String, text: &str) {
    for line in text.split(['\n', '\r']) {
        _ = writeln!(sql, "-- {line}");
    }
}

impl Listener for Statements {
    fn sent(&mut self, statement: Result<String, Unwritable>) {
        let mut text = self.text();
        match statement {
            Ok(statement) => {
                text.sql += &statement;
                text.sql.push('\n');
            }
            Err(error) => {
                comment(&mut text.sql, &format!("A statement is missing here: {error}."));
                text.missing.get_or_insert(error);
            }
        }
    }
}
