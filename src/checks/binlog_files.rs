//! Every binary log file from the start of a new source on is still on its MySQL server, and its coordinates lie in
//! them: nothing else tells the new replica what happened since.

use super::{Check, Examined, Finding, Severity};
use crate::binlog::BinlogCoordinate;
use crate::binlog::{BinaryLogs, Unavailable};
use crate::examination::mysql::AskedSource;
use crate::plan::PlannedSource;

pub(super) const CHECK: Check = Check {
    id: "binlog-files",
    about: "Every binary log file from the start of a new source on is still there",
    rule: "§checks",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in facts.starting() {
        let answer = facts.answers().find(|(asked, _)| asked.name == source.name);
        let Some((asked, Some(Ok(logs)))) = answer.map(|(asked, answer)| (asked, answer.logs.as_ref()))
        else {
            continue;
        };
        let coordinates = missing(source, logs);
        if coordinates.is_empty() {
            findings.extend(holes(source, asked, logs));
        }
        findings.extend(coordinates.into_iter().map(|missing| finding(source, asked, &missing)));
    }
    findings
}

/// The same when the checks were some time ago: whether the server still has what the new replica starts from.
#[must_use]
pub fn again(source: &PlannedSource, place: &str, logs: &BinaryLogs) -> Option<Finding> {
    let start = source.batch_start.as_ref()?;
    let Some(Unavailable::Purged(first)) = logs.unavailable(start) else { return None };
    Some(CHECK.error(format!(
            "Source {}: it would start at {start}, and the MySQL server at {place} has purged that file since the checks (its \
             first is {first} now).",
            source.name
        ),
        "Have the server keep its binary logs for longer (binlog_expire_logs_seconds; on RDS: CALL \
         mysql.rds_set_configuration('binlog retention hours', 48);). If 1.8.2's open batch is still there to be read on from, \
         start its replica, let it catch up and stop it; else initialise the source again with its init_replica. Then run this \
         again.",
    ))
}

/// A coordinate that the replica needs and the server has not.
struct Missing<'a> {
    what: String,
    old_source: &'a str,
    coordinate: &'a BinlogCoordinate,
    why: Unavailable,
}

fn missing<'a>(source: &'a PlannedSource, logs: &BinaryLogs) -> Vec<Missing<'a>> {
    let mut all = Vec::new();
    for part in &source.parts {
        let tables = part.furthest_own.as_ref().map(|own| (format!("a table of {}", part.name), own));
        let start = part.start.as_ref().map(|start| (part.name.clone(), start));
        for (what, coordinate) in start.into_iter().chain(tables) {
            if let Some(why) = logs.unavailable(coordinate) {
                all.push(Missing { what, old_source: &part.name, coordinate, why });
            }
        }
    }
    // The new replica begins at none of the tables' own coordinates: a file that is gone before them does no harm.
    all.retain(|it| {
        !matches!(it.why, Unavailable::Purged(_))
            || source.parts.iter().any(|part| part.start.as_ref() == Some(it.coordinate))
    });
    all
}

fn finding(source: &PlannedSource, asked: &AskedSource, missing: &Missing<'_>) -> Finding {
    let Missing { what, old_source, coordinate, why } = missing;
    let (name, place) = (&source.name, &asked.place);
    let begins = format!("Source {name}: {what} stands at {coordinate}, and the MySQL server at {place}");
    let initialise = format!(
        "1.8.2 can't read on from there either. Initialise {old_source} again with 1.8.2's init_replica, start and stop its \
         replica, and run the upgrade again."
    );
    let other_server = "Correct db_conn.host and db_conn.port of the source: they must lead to the server that 1.8.2 reads \
                        from. If it is that server, its binary logs were reset: initialise the source again with 1.8.2's \
                        init_replica.";
    match why {
        Unavailable::Purged(first) => CHECK.error(format!(
                "{begins} no longer has that file (its first is {first}): what happened since then can't be read."
            ),
            initialise,
        ),
        Unavailable::PastTheEnd(size) => CHECK.error(format!("{begins} has only {size} bytes in that file: it is another file of the same name."),
            other_server,
        ),
        Unavailable::NoneListed => CHECK.error(format!("{begins} lists no binary log: nothing tells that what happened since then can be read."),
            "Have it keep its binary logs (on RDS: a backup retention, and CALL mysql.rds_set_configuration('binlog retention \
             hours', 48);), and run this again. If the file is gone, initialise the source again with 1.8.2's init_replica.",
        ),
        Unavailable::Ahead(last) => CHECK.error(format!("{begins} has not written that file yet (its last is {last})."),
            other_server,
        ),
        Unavailable::OtherServer { has } => CHECK.error(format!("{begins} names its files otherwise (it writes {has}): it is another server."),
            other_server,
        ),
    }
}

/// Files that are missing between others.
fn holes(source: &PlannedSource, asked: &AskedSource, logs: &BinaryLogs) -> Option<Finding> {
    let start = source.start_of_catalogue()?;
    let holes = logs.holes(start);
    let numbers: Vec<_> = holes.iter().map(u64::to_string).collect();
    (!holes.is_empty()).then(|| {
        CHECK.error(format!(
                "Source {}: the MySQL server at {} lacks binary log files between {start} and the current one (number {}).",
                source.name,
                asked.place,
                numbers.join(", ")
            ),
            "Put the files and their lines in the index file back, or initialise the old sources again with 1.8.2's \
             init_replica.",
        )
    })
}
