//! The day itself: how long the replica will stand still, and what is to be typed.

use super::markup::{code, first, percent, table, text};
use crate::rehearsal::forms::wording::{duration, range};
use crate::rehearsal::report::{Range, RehearsalReport};
use chameleon_upgrade::wording::sentence;

/// How many commands are shown.
const SHOWN: usize = 200;

/// The forecast, part by part.
pub(super) fn forecast(report: &RehearsalReport) -> String {
    let Some(forecast) = &report.forecast else { return String::new() };
    let whole = forecast.parts.iter().map(|part| part.seconds.high).fold(forecast.total.high, f64::max);
    let columns = [
        ("Part", ""),
        ("Likely", "n"),
        ("Range", "n"),
        ("In proportion", "picture"),
        ("What the figures come from", "wide"),
    ];
    let figures = |range_of: &Range| [duration(range_of.likely), range(range_of), bar(range_of, whole)];
    let mut rows: Vec<Vec<_>> = Vec::new();
    for part in &forecast.parts {
        let figures = figures(&part.seconds);
        rows.push(
            [text(&sentence(&part.part))].into_iter().chain(figures).chain([text(&part.basis)]).collect(),
        );
    }
    let total = figures(&forecast.total);
    rows.push(["<b>All of it</b>".to_owned()].into_iter().chain(total).chain([String::new()]).collect());
    format!(
        "<p>From the end of pg_chameleon 1.8.2 to the beginning of 2.0 the replica stands still for <b>{}</b> most likely; {}.</p>\n{}",
        duration(forecast.total.likely),
        range(&forecast.total),
        table("How long the replica stands still", &columns, &rows)
    )
}

/// A range as a line, with the likely time as a point.
fn bar(range: &Range, whole: f64) -> String {
    let [low, likely, high] =
        [range.low, range.likely, range.high].map(|seconds| percent(seconds, whole * 1.04));
    format!(
        "<svg class=\"bar\" width=\"100%\" height=\"16\" aria-hidden=\"true\"><rect class=\"track\" y=\"4\" width=\"100%\" height=\"8\" rx=\"2\"/>\
         <line class=\"range\" x1=\"{low}\" x2=\"{high}\" y1=\"8\" y2=\"8\"/><circle class=\"likely\" cx=\"{likely}\" cy=\"8\" r=\"5\"/></svg>"
    )
}

/// The commands in their order.
pub(super) fn commands(report: &RehearsalReport) -> String {
    if report.day.is_empty() {
        return String::new();
    }
    let (shown, more) = first(&report.day, SHOWN);
    let item = |command: &crate::rehearsal::report::DayCommand| {
        format!("<li><p>{}</p><pre>{}</pre></li>\n", text(&sentence(&command.about)), code(&command.command))
    };
    format!("<ol class=\"day\">{}</ol>\n{more}", shown.iter().map(item).collect::<String>())
}
