//! One page for the change ticket: everything that is in a report, in one file, with nothing from elsewhere. It can be read
//! without its script, which only searches the tables; the browser is told to run nothing but that (Content-Security-Policy).

mod daemons;
mod day;
mod faults;
mod findings;
mod markup;
mod packed;
mod positions;
mod sizes;
mod sources;
mod steps;
mod tables;
mod verdict;

use crate::rehearsal::forms::wording;
use crate::rehearsal::report::RehearsalReport;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use markup::{name, section};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
#[must_use]
pub fn html(report: &RehearsalReport) -> String {
    let parts = [
        ("findings", "Findings", findings::findings(report)),
        ("forecast", "Stand-still", day::forecast(report)),
        ("day", "The day", day::commands(report)),
        ("steps", "What was rehearsed", steps::steps(report)),
        ("upgrade", "The upgrade", steps::upgrade(report)),
        ("sources", "Sources", sources::sources(report)),
        ("tables", "Tables", tables::tables(report)),
        ("daemons", "Daemons of pg_chameleon 2", daemons::daemons(report)),
        ("faults", "Faults", faults::faults(report)),
        ("sizes", "Sizes and versions", sizes::sizes(report)),
    ];
    let there = || parts.iter().filter(|(_, _, content)| !content.is_empty());
    let links: String =
        there().map(|(id, title, _)| format!("<li><a href=\"#{id}\">{title}</a></li>")).collect();
    let sections: String = there().map(|(id, title, content)| section(id, title, content)).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}: rehearsal with {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">To the findings</a>\n{}\
         <nav aria-label=\"On this page\"><ul>{links}</ul></nav>\n<main id=\"main\">\n{sections}</main>\n\
         <footer><p>Made by chameleon-harness {} from a report of version {}.</p></footer>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        policy(),
        report.verdict,
        markup::plain(wording::configuration(report)),
        verdict::banner(report),
        name(&report.chameleon_harness),
        report.version
    )
}

/// Nothing is fetched, and only the style and the script that are in the page are obeyed.
fn policy() -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}
