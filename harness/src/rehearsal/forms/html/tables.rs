//! The replicated tables. The first of them are rows of the page; all of them are packed behind it, for the search.

use super::markup::{badge, coordinate, first, head, name, row, table};
use super::packed;
use crate::rehearsal::forms::wording::{self, counted, grouped};
use crate::rehearsal::report::{RehearsalReport, TablesAlike};

/// How many rows the page has.
const ROWS: usize = 200;
/// How many groups of tables that are alike.
const GROUPS: usize = 100;

const COLUMNS: [(&str, &str); 5] =
    [("Table", ""), ("Schema", ""), ("Source", ""), ("From", ""), ("Replication", "")];

/// The part of the page.
pub(super) fn tables(report: &RehearsalReport) -> String {
    let total = wording::tables(report);
    if total == 0 {
        return String::new();
    }
    let groups = packed::ordered(&report.tables);
    let rows = groups.iter().flat_map(|(alike, names)| names.iter().map(move |table| (*alike, table)));
    let rows: String = rows.take(ROWS).map(|(alike, table)| of_table(alike, table)).collect();
    let shown = if total > ROWS as u64 {
        format!("The first {ROWS} of {}", counted(total, "table"))
    } else {
        counted(total, "table")
    };
    format!(
        "{}<form id=\"search\" role=\"search\" hidden><label for=\"query\">Search the tables</label>\
         <input id=\"query\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" placeholder=\"schema.table\"></form>\n\
         <noscript><p class=\"note\">The search needs JavaScript. The report has all tables.</p></noscript>\n\
         <p class=\"note\" id=\"search-status\" role=\"status\">{shown}</p>\n\
         <div class=\"scroll list\" role=\"region\" aria-label=\"List of tables\" tabindex=\"0\"><table id=\"table-list\">{}<tbody>{rows}</tbody></table></div>\n\
         <script type=\"application/octet-stream\" id=\"table-data\">{}</script>\n",
        alike(&report.tables),
        head(&COLUMNS),
        packed::packed(&groups)
    )
}

/// How many tables of a schema start where.
fn alike(tables: &[TablesAlike]) -> String {
    let columns =
        [("Schema", ""), ("Source", ""), ("Tables", "n"), ("Replicated from", ""), ("Replication", "")];
    let (shown, more) = first(tables, GROUPS);
    let row = |alike: &TablesAlike| {
        vec![
            name(&alike.schema),
            name(&alike.source),
            grouped(alike.names.len() as u64),
            from(alike),
            enabled(alike.enabled),
        ]
    };
    let rows: Vec<_> = shown.iter().map(row).collect();
    format!("{}{more}", table("Tables that are alike", &columns, &rows))
}

fn of_table(alike: &TablesAlike, table: &str) -> String {
    let cells = [name(table), name(&alike.schema), name(&alike.source), from(alike), enabled(alike.enabled)];
    row(&COLUMNS, &cells)
}

fn from(alike: &TablesAlike) -> String {
    match &alike.coordinate {
        Some(_) => coordinate(alike.coordinate.as_ref()),
        None => "where its source is read".to_owned(),
    }
}

fn enabled(enabled: bool) -> String {
    if enabled { "enabled".to_owned() } else { badge("warn", "disabled") }
}
