//! The new replica meets no rows of a table that is no longer on MySQL.
//!
//! §window-left. pg_chameleon 2.0.21's read daemon asks MySQL what a table looks like,
//! and ends at every start when it meets rows of one that is gone, whether 1.8.2 has applied them or not. 1.8.2 passes
//! over them.

use super::binlog_contents::read_past;
use super::{Check, Examined, Finding, Severity, counted, mysql_schemas};
use crate::binlog::BinlogCoordinate;
use crate::examination::mysql::{AskedSource, WindowRead};
use crate::facts::mysql::TableName;
use crate::plan::PlannedSource;
use crate::wording::first_of;

/// How many tables are named one by one.
const NAMED: usize = 10;

pub(super) const CHECK: Check = Check {
    id: "window-tables",
    about: "No rows lie ahead of tables that are gone from MySQL",
    rule: "§window-left",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, asked, read) in facts.windows() {
        findings.extend(hidden(&source.name, asked, read));
        let gone = read.gone.iter().filter(|table| !read.hidden.contains(table));
        let mut found = gone.filter_map(|table| finding(source, read, table));
        findings.extend(found.by_ref().take(NAMED));
        let more = found.count() as u64;
        if more > 0 {
            findings.push(CHECK.error(
                format!("Source {}: the same holds of {}.", source.name, counted(more, "more table")),
                "As above.",
            ));
        }
    }
    findings
}

fn finding(source: &PlannedSource, read: &WindowRead, table: &TableName) -> Option<Finding> {
    let last = read.narrowed.ahead.rows.get(table)?;
    let applied = read.narrowed.rows.iter().find(|left| left.table == *table && left.last == *last);
    Some(match applied {
        Some(left) => applied_already(&source.name, table, last, &left.lagging.join(", ")),
        None => yet_to_be_read(source, table, last),
    })
}

/// Tables that the account may not read: whether they are on MySQL can't be told, and the daemon learns what they look
/// like with the same account.
fn hidden(source: &str, asked: &AskedSource, read: &WindowRead) -> Option<Finding> {
    if read.hidden.is_empty() {
        return None;
    }
    let AskedSource { user, place, .. } = asked;
    let names: Vec<_> = read.hidden.iter().take(NAMED).map(ToString::to_string).collect();
    let mut schemas: Vec<_> = read.hidden.iter().map(|table| table.schema.as_str()).collect();
    schemas.dedup();
    let grants = mysql_schemas::grants(user, schemas.into_iter());
    Some(CHECK.error(format!(
            "Source {source}: the account {user} may not read {} on the MySQL server at {place}, of which rows lie ahead. \
             pg_chameleon 2 would stop at them at every start, whether the table is still there or not.",
            first_of(&names, read.hidden.len() as u64)
        ),
        format!("Let the account read the schema, and run again: {grants}"),
    ))
}

fn applied_already(source: &str, table: &TableName, last: &BinlogCoordinate, lagging: &str) -> Finding {
    CHECK.error(format!(
            "Source {source}: the new replica would read rows of {table} up to {last}, because {lagging} lags behind them. \
             {table} is no longer on MySQL: pg_chameleon 2 would stop at them at every start."
        ),
        format!(
            "Let 1.8.2 catch up for {lagging} first: {} Then run the upgrade again.",
            read_past(lagging, &last.to_string())
        ),
    )
}

fn yet_to_be_read(source: &PlannedSource, table: &TableName, last: &BinlogCoordinate) -> Finding {
    let of_schema = source.parts.iter().filter(|part| part.pair.source_schema == table.schema);
    let olds: Vec<_> = of_schema.map(|part| part.name.as_str()).collect();
    let olds = if olds.is_empty() { "the source".to_owned() } else { olds.join(", ") };
    CHECK.error(format!(
            "Source {}: rows of {table} up to {last} are yet to be read, and {table} is no longer on MySQL: pg_chameleon 2 would \
             stop at them at every start.",
            source.name
        ),
        format!(
            "Let 1.8.2 read past them, which passes over them: {} Then run the upgrade again. If {table} was renamed, sync it \
             under its new name.",
            read_past(&olds, &last.to_string())
        ),
    )
}
