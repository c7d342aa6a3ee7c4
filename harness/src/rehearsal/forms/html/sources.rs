//! The new sources: what each is made of, and where it stands in the binary log.

use super::markup::{coordinate, first, name, table};
use super::positions;
use crate::rehearsal::forms::wording::grouped;
use crate::rehearsal::report::{PlannedPart, PlannedSource, RehearsalReport};

/// How many sources are shown, and how many of them at once.
const SHOWN: usize = 200;
const OPEN: usize = 5;
/// How many mappings and old sources of each.
const ROWS: usize = 200;

/// The part of the page.
pub(super) fn sources(report: &RehearsalReport) -> String {
    let Some(plan) = &report.plan else { return String::new() };
    let (shown, more) = first(&plan.sources, SHOWN);
    let source = |(number, source): (usize, &PlannedSource)| {
        let content = of_source(report, source);
        if number < OPEN {
            return format!("<article>\n<h3>{}</h3>\n{content}</article>\n", name(&source.name));
        }
        format!("<details><summary>{}</summary>\n{content}</details>\n", name(&source.name))
    };
    format!("{}{more}", shown.iter().enumerate().map(source).collect::<String>())
}

fn of_source(report: &RehearsalReport, source: &PlannedSource) -> String {
    let own = report.tables.iter().filter(|alike| alike.source == source.name);
    let label = |what: &str| format!("{what} of {}", source.name);
    format!(
        "{}<div class=\"below\">{}{}</div>\n",
        positions::picture(source, own),
        mappings(&label("Mappings"), source),
        parts(&label("Old sources"), &source.parts)
    )
}

fn mappings(label: &str, source: &PlannedSource) -> String {
    let all: Vec<_> = source.mappings.iter().collect();
    let (shown, more) = first(&all, ROWS);
    let rows: Vec<_> = shown.iter().map(|(from, to)| vec![name(from), name(to)]).collect();
    let table = table(label, &[("Schema in MySQL", ""), ("Schema in PostgreSQL", "")], &rows);
    format!("<div>{table}{more}</div>")
}

fn parts(label: &str, parts: &[PlannedPart]) -> String {
    let columns = [
        ("Old source", ""),
        ("Tables", "n"),
        ("Would read on from", ""),
        ("First transaction", ""),
        ("Furthest table", ""),
    ];
    let (shown, more) = first(parts, ROWS);
    let row = |part: &PlannedPart| {
        let points =
            [&part.start, &part.advanced, &part.furthest_own].map(|point| coordinate(point.as_ref()));
        [name(&part.name), grouped(part.tables)].into_iter().chain(points).collect()
    };
    let rows: Vec<Vec<_>> = shown.iter().map(row).collect();
    format!("<div>{}{more}</div>", table(label, &columns, &rows))
}
