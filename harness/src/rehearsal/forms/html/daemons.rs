//! The daemons of pg_chameleon 2 on the copy: whether they live, and how far they came.

use super::markup::{badge, coordinate, first, name, output, table};
use crate::rehearsal::forms::wording::duration;
use crate::rehearsal::report::{DaemonRun, RehearsalReport};

/// How many of them are shown with their logs.
const SHOWN: usize = 50;
/// How many tables that one has disabled are named.
const DISABLED_NAMED: usize = 50;

/// The part of the page.
pub(super) fn daemons(report: &RehearsalReport) -> String {
    if report.daemons.is_empty() {
        return String::new();
    }
    let columns = [
        ("Source", ""),
        ("At the end", ""),
        ("Caught up", "n"),
        ("Ran", "n"),
        ("Had come to", ""),
        ("Behind MySQL", "n"),
        ("Version", ""),
        ("Server id", "n"),
    ];
    let (shown, more) = first(&report.daemons, SHOWN);
    let rows: Vec<_> = shown.iter().map(row).collect();
    let details: String = shown.iter().map(details).collect();
    format!("{}{more}{details}", table("The daemons", &columns, &rows))
}

fn row(daemon: &DaemonRun) -> Vec<String> {
    let unknown = || "<span class=\"none\">not known</span>".to_owned();
    let caught_up = match (daemon.caught_up, daemon.caught_up_after) {
        (true, Some(seconds)) => format!("after {}", duration(seconds)),
        (true, None) => "yes".to_owned(),
        (false, _) => badge("no", "no"),
    };
    vec![
        name(&daemon.source),
        if daemon.alive { badge("go", "alive") } else { badge("no", "ended") },
        caught_up,
        duration(daemon.seconds),
        coordinate(daemon.position.as_ref()),
        daemon.lag_seconds.map_or_else(unknown, duration),
        name(&daemon.version),
        daemon.server_id.to_string(),
    ]
}

/// The tables that it has disabled, and its log.
fn details(daemon: &DaemonRun) -> String {
    let disabled = if daemon.disabled.is_empty() {
        String::new()
    } else {
        let (shown, more) = first(&daemon.disabled, DISABLED_NAMED);
        let names: String = shown.iter().map(|table| format!("<li>{}</li>", name(table))).collect();
        format!(
            "<h3>Disabled by the daemon of {}</h3>\n<ul class=\"names\">{names}</ul>\n{more}",
            name(&daemon.source)
        )
    };
    format!("{disabled}{}", output(&format!("The end of the log of {}", daemon.source), &daemon.log))
}
