//! Compares the replicated tables with those on MySQL, some at a time: what is held does not grow with their number.

use crate::catalogue::v1::read;
use crate::config::{MysqlConnection, TableLists};
use crate::examination::mysql::{Compared, Differing};
use crate::facts::mysql::Question;
use crate::facts::mysql::TableName;
use crate::plan::{Part, PlannedSource};
use crate::source::{self, ConnectError, Observer, Session};
use crate::structure::{self, Difference, OnMysql};
use std::collections::BTreeSet;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

/// From how many tables on it is told how far the comparison has come: fewer are done in a moment.
const TOLD: u64 = 5000;

/// How many tables that differ are kept by name.
const KEPT: usize = 1000;

/// What the configuration says of tables.
pub(super) struct Rules<'a> {
    /// Those that are read.
    pub(super) lists: &'a TableLists,
    /// MySQL's types that are made to others.
    pub(super) overridden: &'a BTreeSet<String>,
}

impl Rules<'_> {
    /// Whether the configuration makes the type what it is.
    fn wants(&self, difference: &Difference) -> bool {
        matches!(difference, Difference::Type { mysql, .. } if self.overridden.contains(&mysql.to_lowercase()))
    }
}

/// Compares the tables of a source that the daemon will read, and gives the session back.
pub(super) async fn compare(
    client: &Client,
    mut session: Session,
    connection: &MysqlConnection,
    planned: &PlannedSource,
    rules: &Rules<'_>,
    observer: &dyn Observer,
) -> (Result<Session, ConnectError>, Compared) {
    let mut compared = Compared::default();
    for part in planned.parts.iter().filter(|part| part.start.is_some()) {
        let mut tables = source::tables(part.pair.source_schema.clone(), session);
        while let Some(received) = tables.received.recv().await {
            let outcome = match received {
                Ok(some) => {
                    compare_some(client, part, &some, rules, &mut compared).await.map_err(|e| unanswered(&e))
                }
                Err(question) => Err(question),
            };
            if let Err(question) = outcome {
                compared.unanswered = Some(question);
                break;
            }
            if planned.tables() >= TOLD {
                observer.tables_comparing(&planned.name, compared.tables, planned.tables());
            }
        }
        session = match tables.session().await {
            Some(session) => session,
            None => match source::connected(connection).await {
                Ok(session) => session,
                Err(error) => return (Err(error), compared),
            },
        };
        if compared.unanswered.is_some() {
            break;
        }
    }
    observer.tables_compared(&planned.name);
    if let Err(error) = leave_out_redefined(client, &mut compared).await {
        compared.unanswered = Some(unanswered(&error));
    }
    (Ok(session), compared)
}

async fn compare_some(
    client: &Client,
    part: &Part,
    tables: &[OnMysql],
    rules: &Rules<'_>,
    compared: &mut Compared,
) -> Result<(), Error> {
    let schema = &part.pair.source_schema;
    let read: Vec<_> = tables.iter().filter(|table| rules.lists.are_read(schema, &table.name)).collect();
    let names: Vec<_> = read.iter().map(|table| table.name.as_str()).collect();
    let schema_there = &part.pair.dest_schema;
    let there = match read::destinations(client, part.id, schema_there, &names).await {
        // A table whose name the database can't store is not replicated; the others are compared.
        Err(error) if error.code() == Some(&SqlState::UNTRANSLATABLE_CHARACTER) => {
            let mut storable = Vec::new();
            for name in names {
                if super::encoding_without(client, name).await?.is_none() {
                    storable.push(name);
                }
            }
            read::destinations(client, part.id, schema_there, &storable).await?
        }
        there => there?,
    };
    for table in read {
        let Some(in_postgres) = there.get(&table.name) else { continue };
        compared.tables += 1;
        let mut differences = structure::differences(table, in_postgres);
        differences.retain(|difference| !rules.wants(difference));
        if differences.is_empty() {
            continue;
        }
        if compared.differing.len() == KEPT {
            compared.more += 1;
            continue;
        }
        compared.differing.push(Differing {
            table: TableName { schema: schema.clone(), table: table.name.clone() },
            source: part.name.clone(),
            differences,
        });
    }
    Ok(())
}

/// Where a definition waits, PostgreSQL's table is yet to become what MySQL's is.
async fn leave_out_redefined(client: &Client, compared: &mut Compared) -> Result<(), Error> {
    if compared.differing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = compared.differing.iter().map(|it| it.table.table.as_str()).collect();
    let redefined = read::redefined(client, &names).await?;
    compared.differing.retain(|it| !redefined.contains(&it.table.table));
    Ok(())
}

fn unanswered(error: &Error) -> Question {
    Question {
        doing: "comparing the tables with those on MySQL",
        cause: crate::postgres::describe(error),
        denied: false,
    }
}
