//! Every replicated table is in PostgreSQL what it is on MySQL, where no definition of it lies ahead.
//!
//! §table-structure; §hunt-2e and §hunt-5 (both seen on the real software).

use super::{Check, Examined, Finding, Severity, counted};
use crate::examination::mysql::{AskedSource, Differing};
use std::collections::BTreeMap;

/// How many tables are told one by one.
const NAMED: usize = 10;

pub(super) const CHECK: Check = Check {
    id: "table-structure",
    about: "The replicated tables have MySQL's columns, types and keys",
    rule: "§table-structure",
    worst: Severity::Error,
    acceptable: true,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    facts.windows().flat_map(|(_, asked, _)| findings(asked)).collect()
}

fn findings(asked: &AskedSource) -> Vec<Finding> {
    let compared = &asked.compared;
    let mut findings: Vec<_> =
        compared.differing.iter().take(NAMED).map(|differing| finding(&asked.name, differing)).collect();
    let more = compared.more + compared.differing.len().saturating_sub(NAMED) as u64;
    if more > 0 {
        findings.push(CHECK.error(
            format!("Source {}: the same holds of {}.", asked.name, counted(more, "more table")),
            format!("As above. {}", sync(&compared.differing[NAMED.min(compared.differing.len())..])),
        ));
    }
    if let Some(question) = &compared.unanswered {
        findings.push(CHECK.warning(format!("Source {}: not all tables could be compared with those on MySQL: {question}.", asked.name),
            "Let it answer, and run this again: a table that is another on MySQL is disabled at its first row.",
        ));
    }
    findings
}

fn finding(source: &str, differing: &Differing) -> Finding {
    let differences: Vec<_> = differing.differences.iter().map(ToString::to_string).collect();
    CHECK.error(format!(
            "Source {source}: {} is not in PostgreSQL what it is on MySQL: {}. pg_chameleon 2 would disable it at the first \
             row that does not fit.",
            differing.table,
            differences.join("; ")
        ),
        sync(std::slice::from_ref(differing)),
    )
}

fn sync(differing: &[Differing]) -> String {
    let mut by_source: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for it in differing {
        by_source.entry(it.source.as_str()).or_default().push(it.table.table.as_str());
    }
    let sources: Vec<_> =
        by_source.iter().map(|(source, tables)| format!("for {source}: {}", tables.join(","))).collect();
    format!(
        "Sync it with 1.8.2's sync_tables, which makes it anew ({}); then start its replica and stop it, and run this \
         again.",
        sources.join("; ")
    )
}
