//! The list as a document, docs/log.md. Nothing is in it that would be different the next time.

use super::{Daemon, Shown};

const TEXT: &str = include_str!("document.md");

/// The document of all cases: each in words, with the server's name and what it has shown there.
#[must_use]
pub fn document(all: &[(String, String, Shown)]) -> String {
    let rows: Vec<_> = all.iter().map(|(case, server, shown)| row(case, server, shown)).collect();
    let table = format!(
        "| case | server | events | pg_chameleon 2.0.21 | `check` |\n|---|---|---|---|---|\n{}",
        rows.join("\n")
    );
    TEXT.replace("{table}", &table).replace("{summary}", &summary(all))
}

fn summary(all: &[(String, String, Shown)]) -> String {
    let harmed = all.iter().filter(|(_, _, shown)| shown.daemon != Daemon::Equal).count();
    let unsaid = all.iter().filter(|(_, _, shown)| shown.is_unsaid()).count();
    format!("Of {} cases, {harmed} harm the replica; of {unsaid} of these `check` says nothing.", all.len())
}

fn row(case: &str, server: &str, shown: &Shown) -> String {
    let daemon = match &shown.daemon {
        Daemon::Equal => "equal".to_owned(),
        Daemon::Ends(error) => format!("ends at every start: `{}`", cell(error)),
        Daemon::Disables(why) => format!("disables the table ({})", cell(why)),
        Daemon::Differs(what) => what.iter().copied().collect::<Vec<_>>().join(", "),
    };
    let found: Vec<_> = shown.found.iter().map(|(id, severity)| format!("{severity} `{id}`")).collect();
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    let events = if shown.events.is_empty() { "none".to_owned() } else { shown.events.join(", ") };
    format!("| {case} | {server} | {events} | {daemon} | {found} |")
}

/// As it can stand in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '`'], " ")
}
