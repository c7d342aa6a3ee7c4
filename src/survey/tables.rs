//! Compares the replicated tables with those on MySQL, some at a time: what is held does not grow with their number.

use crate::catalogue::v1::read;
use crate::config::{MysqlConnection, TableLists};
use crate::plan::{Part, PlannedSource};
use crate::source::facts::{Compared, Differing, Question};
use crate::source::{self, Observer};
use crate::structure::{self, OnMysql};
use crate::window::TableName;
use tokio_postgres::{Client, Error};

/// How many tables that differ are kept by name.
const KEPT: usize = 1000;

/// Compares the tables of a source that the daemon will read.
pub(super) async fn compare(
    client: &Client,
    connection: &MysqlConnection,
    planned: &PlannedSource,
    lists: &TableLists,
    observer: &dyn Observer,
) -> Compared {
    let compared = compare_parts(client, connection, planned, lists, observer).await;
    observer.tables_compared(&planned.name);
    compared
}

async fn compare_parts(
    client: &Client,
    connection: &MysqlConnection,
    planned: &PlannedSource,
    lists: &TableLists,
    observer: &dyn Observer,
) -> Compared {
    let mut compared = Compared::default();
    for part in planned.parts.iter().filter(|part| part.start.is_some()) {
        let mut received = source::tables(connection.clone(), part.pair.source_schema.clone());
        while let Some(tables) = received.recv().await {
            let tables = match tables {
                Ok(tables) => tables,
                Err(question) => {
                    compared.unanswered = Some(question);
                    return compared;
                }
            };
            if let Err(error) = compare_some(client, part, &tables, lists, &mut compared).await {
                compared.unanswered = Some(unanswered(&error));
                return compared;
            }
            observer.tables_comparing(&planned.name, compared.tables, planned.tables());
        }
    }
    if let Err(error) = leave_out_redefined(client, &mut compared).await {
        compared.unanswered = Some(unanswered(&error));
    }
    compared
}

async fn compare_some(
    client: &Client,
    part: &Part,
    tables: &[OnMysql],
    lists: &TableLists,
    compared: &mut Compared,
) -> Result<(), Error> {
    let schema = &part.pair.source_schema;
    let read: Vec<_> = tables.iter().filter(|table| lists.are_read(schema, &table.name)).collect();
    let names: Vec<_> = read.iter().map(|table| table.name.as_str()).collect();
    let there = read::destinations(client, part.id, &part.pair.dest_schema, &names).await?;
    for table in read {
        let Some(in_postgres) = there.get(&table.name) else { continue };
        compared.tables += 1;
        let differences = structure::differences(table, in_postgres);
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
