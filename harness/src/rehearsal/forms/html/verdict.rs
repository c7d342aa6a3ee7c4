//! What is seen first: the verdict, why it is so, and the figures that a change is decided by.

use super::markup::{name, text};
use crate::rehearsal::forms::wording::{self, counted, duration, grouped, moment, range, size};
use crate::rehearsal::report::{RehearsalReport, Verdict};
use crate::replica::report::Severity;

/// The head of the page.
pub(super) fn banner(report: &RehearsalReport) -> String {
    let (class, sign) = match report.verdict {
        Verdict::Go => ("go", "<path d=\"M10 17.5l4.5 4.5L23 12\"/>"),
        Verdict::GoWithWarnings => ("warn", "<path d=\"M16 9v9\"/><path d=\"M16 22.6v.4\"/>"),
        Verdict::NoGo => ("no", "<path d=\"M11 11l10 10M21 11L11 21\"/>"),
    };
    let why: String = report.because.iter().map(|why| format!("<li>{}</li>", text(why))).collect();
    let why = if why.is_empty() { why } else { format!("<ul>{why}</ul>") };
    format!(
        "<header>\n<p class=\"eyebrow\">Rehearsal of the upgrade to pg_chameleon 2.0</p>\n<h1>{}</h1>\n\
         <p class=\"note\">Begun {}, took {}</p>\n\
         <div class=\"verdict {class}\" id=\"verdict\"><svg width=\"48\" height=\"48\" viewBox=\"0 0 32 32\" aria-hidden=\"true\">\
         <circle cx=\"16\" cy=\"16\" r=\"15\"/>{sign}</svg><div><p class=\"word\">{}</p><p>{}</p>{why}</div></div>\n{}</header>\n",
        name(wording::configuration(report)),
        name(&moment(&report.began)),
        duration(report.seconds),
        report.verdict,
        wording::verdict(report.verdict),
        figures(report)
    )
}

fn figures(report: &RehearsalReport) -> String {
    let mut figures = Vec::new();
    if let Some(forecast) = &report.forecast {
        let likely = duration(forecast.total.likely);
        figures.push(("Replica stands still", likely, range(&forecast.total)));
    }
    let [errors, warnings] =
        [Severity::Error, Severity::Warning].map(|severity| wording::findings(report, severity));
    figures.push(("Findings", counted(errors, "error"), counted(warnings, "warning")));
    let sources = report.plan.as_ref().map(|plan| {
        let old: usize = plan.sources.iter().map(|source| source.parts.len()).sum();
        format!("{} into {} new", counted(old as u64, "old source"), grouped(plan.sources.len() as u64))
    });
    figures.push(("Tables", grouped(wording::tables(report)), sources.unwrap_or_default()));
    let dump = format!("dump of {}", size(report.production.dump_bytes));
    let database = report.production.database_bytes.map_or_else(|| "not known".to_owned(), size);
    figures.push(("Database", database, dump));
    if let Some(sweep) = &report.sweep {
        let violations = sweep.violations().count() as u64;
        figures.push((
            "Runs with faults",
            grouped(sweep.runs.len() as u64),
            counted(violations, "violation"),
        ));
    }
    let figure = |(what, figure, more): (&str, String, String)| {
        let more = if more.is_empty() { more } else { format!("<dd class=\"note\">{more}</dd>") };
        format!("<div><dt>{what}</dt><dd class=\"figure\">{figure}</dd>{more}</div>")
    };
    format!("<dl class=\"figures\">{}</dl>\n", figures.into_iter().map(figure).collect::<String>())
}
