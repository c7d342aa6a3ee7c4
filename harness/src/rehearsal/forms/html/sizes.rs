//! What was rehearsed with, so that the ticket says how far the rehearsal and the day are alike.

use super::markup::{code, first, name, text};
use crate::rehearsal::forms::wording::size;
use crate::rehearsal::report::{RehearsalReport, RowsTaken};

/// How many MySQL servers are named.
const SERVERS: usize = 50;
/// How many lines say what was left out.
const LEFT_OUT: usize = 200;

/// The part of the page.
pub(super) fn sizes(report: &RehearsalReport) -> String {
    let (production, throwaway) = (&report.production, &report.throwaway);
    let unknown = || "not known".to_owned();
    let rows = match production.rows {
        RowsTaken::AsGiven => "as the dump has them",
        RowsTaken::All => "of all tables",
        RowsTaken::Waiting => "of the tables for which events wait",
        RowsTaken::None => "of no table",
    };
    let dump =
        production.given_dump.as_ref().map_or_else(|| "taken from production".to_owned(), |dump| name(dump));
    let mut facts = vec![
        (
            "PostgreSQL of production".to_owned(),
            production.postgresql.as_ref().map_or_else(unknown, |it| name(it)),
        ),
        (
            "PostgreSQL of the rehearsal".to_owned(),
            format!("{} ({})", name(&throwaway.postgresql), text(&throwaway.server)),
        ),
    ];
    let servers: Vec<_> = production.mysql.iter().collect();
    let (servers, more) = first(&servers, SERVERS);
    facts.extend(
        servers.iter().map(|(source, version)| (format!("MySQL of {}", name(source)), name(version))),
    );
    facts.extend([
        ("Database".to_owned(), production.database_bytes.map_or_else(unknown, size)),
        ("Dump".to_owned(), format!("{}, {dump}", size(production.dump_bytes))),
        ("Rows of destination tables".to_owned(), rows.to_owned()),
        ("chameleon-harness".to_owned(), name(&report.chameleon_harness)),
    ]);
    let facts: String =
        facts.iter().map(|(what, fact)| format!("<div><dt>{what}</dt><dd>{fact}</dd></div>")).collect();
    let (shown, more_left_out) = first(&throwaway.left_out, LEFT_OUT);
    let left_out: String = shown.iter().map(|what| format!("<li>{}</li>", text(what))).collect();
    let left_out = if left_out.is_empty() {
        left_out
    } else {
        format!(
            "<h3>Not rehearsed, because this is another server than production’s</h3>\n<ul>{left_out}</ul>\n{more_left_out}"
        )
    };
    format!(
        "<dl class=\"facts\">{facts}</dl>\n{more}{left_out}<p>The same again:</p>\n<pre>{}</pre>\n",
        code(&report.repeat)
    )
}
