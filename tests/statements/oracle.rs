//! What really becomes of a statement: the real parser and translation of pg_chameleon 2.0.21, and a real PostgreSQL with the
//! table that it is about.

use std::collections::BTreeSet;

use chameleon_harness::process::tools;
use chameleon_harness::server::{self, Database, Server};
use chameleon_upgrade::daemon::asked::{self, Answer, Answers};
use chameleon_upgrade::daemon::installed::Program;
use chameleon_upgrade::window::Consequence;
use postgres::{Client, SimpleQueryMessage};

use crate::generator::{COLUMNS, Effect, Generated, TABLES};

/// The name that PostgreSQL gives an object whose name is too long.
fn cut(name: &str) -> String {
    let mut end = name.len().min(63);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The real pg_chameleon 2.0.21; none where it is missing.
pub fn daemon(test: &str) -> Option<Program> {
    let environment = tools::or_skip(test, tools::chameleon2())?;
    Program::find(Some(&environment.join("bin/chameleon"))).expect("the program of pg_chameleon 2.0.21")
}

/// What it makes of statements.
pub fn ask(program: &Program, texts: &[&str]) -> Answers {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(asked::ask(program, None, texts, asked::PATIENCE)).expect("answers")
}

/// A replica's schema on a real PostgreSQL.
pub struct Replica {
    client: Client,
    _database: Database,
}

impl Replica {
    /// With every table of the fixture, and a row in each.
    pub fn new() -> Self {
        let database = server::shared().expect("PostgreSQL").create_database().expect("a database");
        let mut client = database.connect().expect("a session");
        let mut make = "CREATE SCHEMA d;".to_owned();
        for table in TABLES {
            let column = |name: &str| {
                format!("{} {}", quoted(name), if name == "id" { "integer PRIMARY KEY" } else { "text" })
            };
            let columns = COLUMNS.map(column).join(", ");
            let table = quoted(table);
            make.push_str(&format!(
                "CREATE TABLE d.{table} ({columns}); INSERT INTO d.{table} (id) VALUES (1);"
            ));
        }
        client.batch_execute(&make).expect("the fixture");
        Self { client, _database: database }
    }

    /// Runs statements and a query, undoes everything, and returns the first column of the query's rows.
    pub fn run(&mut self, statements: &str, query: &str) -> Result<Vec<String>, String> {
        let all = format!("BEGIN; {statements}; {query}");
        let messages = self.client.simple_query(&all);
        self.client.batch_execute("ROLLBACK").expect("the end of a transaction");
        let messages = messages.map_err(|error| {
            error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
        })?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// What becomes of a statement, and why; no consequence when all is well.
    pub fn consequence(&mut self, statement: &Generated, answers: &Answers) -> (Option<Consequence>, String) {
        let (ddl, key, left) = match answers.of(&statement.text) {
            // BEGIN and COMMIT are not given to its parser.
            None => return (None, "passed over".to_owned()),
            Some(Answer::Unparsable(error)) => return (Some(Consequence::Unparsable), error.clone()),
            // It translates nothing for a table that is not in the session's schema, and here it is.
            Some(_) if statement.effect == Effect::Elsewhere && !is_empty(answers, statement) => {
                return (Some(Consequence::Open), "of another schema".to_owned());
            }
            Some(Answer::Untranslatable(error)) => return (Some(Consequence::Untranslatable), error.clone()),
            Some(Answer::Taken { ddl, key, left }) => (ddl.join(";"), key, *left),
        };
        match &statement.effect {
            Effect::Keyless { .. } if left => {
                (Some(Consequence::Disables), "taken out of the replica".to_owned())
            }
            Effect::Created { has_key, .. } if key.as_ref().is_some_and(Vec::is_empty) || left => {
                // A table without a key is none of the replica.
                if *has_key {
                    (Some(Consequence::Disables), "no key".to_owned())
                } else {
                    (None, String::new())
                }
            }
            Effect::Created { table, columns, .. } | Effect::Columns { table, columns } => {
                self.columns(&ddl, table, columns, None)
            }
            Effect::Keyless { table, columns } => self.columns(&ddl, table, columns, Some(Consequence::Open)),
            Effect::Emptied(table) => {
                let rows = format!("SELECT count(*)::text FROM d.{}", quoted(table));
                match self.run(&ddl, &rows) {
                    Ok(rows) if rows == ["0"] => (None, String::new()),
                    Ok(_) => (Some(Consequence::Disables), "not emptied".to_owned()),
                    Err(error) => (Some(Consequence::Disables), error),
                }
            }
            Effect::Dropped(_) | Effect::Elsewhere | Effect::Nothing => match self.run(&ddl, "SELECT 1") {
                Ok(_) => (None, String::new()),
                Err(error) => (Some(Consequence::Disables), error),
            },
        }
    }

    /// What becomes of a statement after which MySQL has these columns.
    fn columns(
        &mut self,
        ddl: &str,
        table: &str,
        columns: &[String],
        at_best: Option<Consequence>,
    ) -> (Option<Consequence>, String) {
        let query = format!(
            "SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'd' AND c.relname = '{}' AND a.attnum > 0 AND NOT a.attisdropped",
            cut(table).replace('\'', "''")
        );
        let there = match self.run(ddl, &query) {
            Ok(there) => there.into_iter().collect::<BTreeSet<_>>(),
            Err(error) => return (Some(Consequence::Disables), error),
        };
        let wanted: BTreeSet<_> = columns.iter().map(|name| cut(name)).collect();
        if let Some(missing) = wanted.difference(&there).next() {
            return (Some(Consequence::Disables), format!("{missing} is missing"));
        }
        match there.difference(&wanted).next() {
            Some(more) => (Some(Consequence::Open), format!("{more} is left")),
            None => (at_best, String::new()),
        }
    }
}

/// Whether the daemon has found nothing in a statement.
fn is_empty(answers: &Answers, statement: &Generated) -> bool {
    matches!(answers.of(&statement.text), Some(Answer::Taken { ddl, .. }) if ddl.is_empty())
}
