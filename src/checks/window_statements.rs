//! The new replica meets no statement, on its way to where the binary log ends now, that ends the read daemon of
//! pg_chameleon 2.0.21 at every start, or whose translation disables a table (docs/ddl.md). The daemon judges them itself
//! where it is at hand; else we do.

use super::binlog_contents::{read_past, read_past_synced};
use super::{Check, Examined, Finding, Severity, counted};
use crate::window::{Consequence, Met, Statements};

/// How many tables are named one by one.
const NAMED: usize = 10;

pub(super) const CHECK: Check = Check {
    id: "window-statements",
    about: "No statement lies ahead that ends the daemon or disables a table",
    rule: "§log-contents",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, _, read) in facts.windows() {
        let ahead = &read.narrowed.ahead;
        let lags: Vec<_> =
            source.parts.iter().filter(|part| part.start.is_some()).map(|part| part.name.as_str()).collect();
        findings.extend(fails(&source.name, &lags.join(", "), &ahead.fails));
        findings.extend(may_fail(&source.name, &lags.join(", "), &ahead.may_fail));
    }
    findings
}

fn fails(source: &str, olds: &str, statements: &Statements) -> Option<Finding> {
    let last = statements.last.as_ref()?;
    let past = past(olds, &last.to_string(), statements);
    let again: Vec<_> = statements.again().map(|(what, times)| format!("{what} {times} times")).collect();
    let remedy = if again.is_empty() {
        format!(
            "Let 1.8.2 read past them, which passes over them: {past} Run the upgrade again before such a statement is issued \
             anew: one that comes later stops pg_chameleon 2.0.21 too. Issue those that change no table with another default \
             database, or with sql_log_bin off."
        )
    } else {
        keeps_coming(&again, &past)
    };
    Some(CHECK.error(
        format!(
            "Source {source}: pg_chameleon 2 would stop at every start, or disable a table, at {}: {}.",
            count(statements),
            listed(statements)
        ),
        remedy,
    ))
}

/// To read past such statements is of no use by itself: the next is there before the upgrade is, and the daemon ends at
/// each that comes after it, on any day.
fn keeps_coming(again: &[String], past: &str) -> String {
    let more = if again.len() > NAMED { " and others" } else { "" };
    format!(
        "They keep coming ({}{more}), and pg_chameleon 2.0.21 stops at the next one on any day: first change the application \
         that issues them. Have its sessions connect with a default database that is not replicated, and name tables as \
         schema.table; or have it issue none (savepoints switched off). Have it connect again. If that can't be before the \
         upgrade, stop it now (or SET GLOBAL read_only = ON; on MySQL), and start it changed when the upgrade is done. Then \
         let 1.8.2 read past them, which passes over them: {past} Run the upgrade again.",
        again.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ")
    )
}

fn may_fail(source: &str, olds: &str, statements: &Statements) -> Option<Finding> {
    let last = statements.last.as_ref()?;
    Some(CHECK.warning(format!(
            "Source {source}: what is in the tables decides how pg_chameleon 2 fares at {}: {}.",
            count(statements),
            listed(statements)
        ),
        format!(
            "Where it goes wrong it disables the table, which is then to be synced with its sync_tables. To be on the safe side, \
             let 1.8.2 read past them: {} Then run the upgrade again.",
            read_past(olds, &last.to_string())
        ),
    ))
}

/// 1.8.2 does not apply what it passes over: the rows that come after a changed definition fit no longer.
fn past(olds: &str, last: &str, statements: &Statements) -> String {
    if statements.redefined.is_empty() {
        return read_past(olds, last);
    }
    let names: Vec<_> = statements.redefined.iter().take(NAMED).map(|it| it.table.as_str()).collect();
    let more = if statements.redefined.len() > NAMED { " and the others" } else { "" };
    read_past_synced(olds, last, &format!("{}{more}", names.join(", ")))
}

fn count(statements: &Statements) -> String {
    counted(statements.named.len() as u64 + statements.more, "statement")
}

fn listed(statements: &Statements) -> String {
    let mut all: Vec<_> = statements.named.iter().map(one).collect();
    if statements.more > 0 {
        all.push(format!("{} more", statements.more));
    }
    all.join("; ")
}

/// The statement, where it is, and what becomes of it.
fn one(met: &Met) -> String {
    let what = met.judged.as_ref().map(|it| match it.consequence {
        Consequence::Unparsable => " (it can't be parsed)".to_owned(),
        Consequence::Untranslatable => format!(" (it stops: {})", it.why),
        Consequence::Disables => format!(" (it disables the table: {})", it.why),
        Consequence::Open => format!(" ({})", it.why),
    });
    format!("{} in {} at {}{}", met.shown, met.default_schema, met.end, what.unwrap_or_default())
}
