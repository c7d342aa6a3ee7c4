//! The new replica meets no rows that have been applied of a table that is no longer on MySQL.
//!
//! SPEC.md, "The window, and how to close it". pg_chameleon 2.0.21's read daemon asks MySQL what a table looks like,
//! and ends at every start when it meets rows of one that is gone.

use super::{Facts, Finding};
use crate::window::RowsLeft;

/// How many tables are named one by one.
const NAMED: usize = 10;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, _, read) in facts.windows() {
        let gone: Vec<_> = read.narrowed.rows.iter().filter(|left| read.gone.contains(&left.table)).collect();
        findings.extend(gone.iter().take(NAMED).map(|left| finding(&source.name, left)));
        if gone.len() > NAMED {
            findings.push(Finding::error(
                "window-tables",
                format!("Source {}: the same holds of {} more tables.", source.name, gone.len() - NAMED),
                "As above.",
            ));
        }
    }
    findings
}

fn finding(source: &str, RowsLeft { table, last, lagging }: &RowsLeft) -> Finding {
    let lagging = lagging.join(", ");
    Finding::error(
        "window-tables",
        format!(
            "Source {source}: the new replica would read rows of {table} up to {last}, because {lagging} lags behind them. \
             {table} is no longer on MySQL: pg_chameleon 2 would stop at them at every start."
        ),
        format!(
            "Let 1.8.2 catch up for {lagging} first: start its replica until it has passed {last}, stop it, and run the \
             upgrade again."
        ),
    )
}
