//! The new replica meets no statement that pg_chameleon 2.0.21 can't parse, on its way to where the binary log ends now.
//!
//! Its read daemon ends at one, at every start, whatever the statement is about (docs/ddl.md). 1.8.2 passes over them.

use super::binlog_contents::{read_past, read_past_synced};
use super::{Facts, Finding, counted};
use crate::window::Statements;

const CHECK: &str = "window-statements";

/// How many tables are named one by one.
const NAMED: usize = 10;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
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
    Some(Finding::error(
        CHECK,
        format!(
            "Source {source}: pg_chameleon 2 would stop, at every start, at {} that it can't parse: {}.",
            count(statements),
            listed(statements)
        ),
        format!(
            "Let 1.8.2 read past them, which passes over them: {} Run the upgrade again before such a statement is issued \
             anew: one that comes later stops pg_chameleon 2.0.21 too. Issue those that change no table with another default \
             database, or with sql_log_bin off.",
            past(olds, &last.to_string(), statements)
        ),
    ))
}

fn may_fail(source: &str, olds: &str, statements: &Statements) -> Option<Finding> {
    let last = statements.last.as_ref()?;
    Some(Finding::warning(
        CHECK,
        format!(
            "Source {source}: the new replica meets {} of which pg_chameleon 2.0.21 can't parse every form: {}.",
            count(statements),
            listed(statements)
        ),
        format!(
            "When it can't, it stops there at every start. To be on the safe side, let 1.8.2 read past them: {} Then run the \
             upgrade again.",
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
    let one = |it: &crate::window::Unparsed| format!("{} in {} at {}", it.text, it.default_schema, it.end);
    let mut all: Vec<_> = statements.named.iter().map(one).collect();
    if statements.more > 0 {
        all.push(format!("{} more", statements.more));
    }
    all.join("; ")
}
