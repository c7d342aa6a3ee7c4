//! Definitions of tables that change between the batch start and the consistent point: the new replica meets them
//! together with rows from before and after the change.

use super::{Check, Examined, Finding, Severity, counted};
use crate::window::{DdlLeft, Narrowed};

pub(super) const CHECK: Check = Check {
    id: "window-ddl",
    about: "No other definition lies in what is read again",
    rule: "§window-left",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: true,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    let windows = facts.windows().filter(|(_, _, read)| !read.narrowed.ddl.is_empty());
    windows.map(|(source, _, read)| finding(&source.name, &read.narrowed)).collect()
}

fn finding(source: &str, narrowed: &Narrowed) -> Finding {
    let mut all: Vec<_> = narrowed.ddl.iter().map(one).collect();
    if narrowed.more_ddl > 0 {
        all.push(format!("{} more", narrowed.more_ddl));
    }
    let count = counted(narrowed.ddl.len() as u64 + narrowed.more_ddl, "statement");
    CHECK.warning(format!(
            "Source {source}: between its batch start and its consistent point the new replica meets {count} that change \
             tables: {}.",
            all.join("; ")
        ),
        "Nothing need be done when the replica gets past them. To be on the safe side, let 1.8.2 catch up for every source \
         first: then nothing is between the two.",
    )
}

fn one(DdlLeft { ddl, applied }: &DdlLeft) -> String {
    let state = if *applied { "applied already" } else { "yet to be applied" };
    format!("{} in {} at {} ({state}: {})", ddl.kind, ddl.default_schema, ddl.end, ddl.text)
}
