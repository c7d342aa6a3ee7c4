//! What `watch` shows of a look: to people on a screen that is drawn anew, or in lines; as JSON; to Prometheus. §after-watch

use super::console::Console;
use super::documents::VERSION;
use super::output;
use super::place::Kind;
use crate::finding::{Finding, Severity, has_errors};
use crate::watch::{Health, SourceSeen};
use crate::window::Bytes;
use chrono::{DateTime, Local, SecondsFormat, Utc};
use serde::Serialize;
use std::fmt::Write as _;

/// The file with the last look, as JSON.
pub const JSON_FILE: Kind = Kind { what: "look as JSON", beginning: b"{\"version\":1,\"at\":", mode: 0o644 };
/// The file with the last look, for Prometheus.
pub const PROMETHEUS_FILE: Kind = Kind { what: "metrics", beginning: b"# HELP chameleon_", mode: 0o644 };

/// Clears the terminal, and begins at its top.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// One look at the replica.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "What watch --format json writes at each look, in a line"))]
pub struct Look<'a> {
    /// The version of the form.
    pub version: u32,
    /// When.
    pub at: String,
    /// Whether nothing is wrong.
    pub well: bool,
    /// The sources; none when PostgreSQL could not be asked.
    pub sources: &'a [SourceSeen],
    /// What was found.
    pub findings: &'a [Finding],
}

impl<'a> Look<'a> {
    /// What was seen at that time.
    #[must_use]
    pub fn new(at: DateTime<Utc>, sources: &'a [SourceSeen], findings: &'a [Finding]) -> Self {
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        Self { version: VERSION, at, well: !has_errors(findings), sources, findings }
    }

    /// As JSON, in one line.
    #[must_use]
    pub fn json(&self) -> String {
        // Nothing in it can fail: no map has other keys than texts.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As a text file for Prometheus.
    #[must_use]
    pub fn prometheus(&self, at: DateTime<Utc>) -> String {
        let mut text = String::new();
        type Of = fn(&SourceSeen) -> Option<u64>;
        let up: Of = |source| Some(u64::from(source.health != Health::Down));
        let well: Of = |source| Some(u64::from(matches!(source.health, Health::CaughtUp | Health::Behind)));
        let of_sources: [(&str, &str, Of); 9] = [
            ("up", "Whether the daemon of the source runs.", up),
            ("source_well", "Whether nothing is wrong with the source.", well),
            ("consistent", "Whether all tables of the source stand at one point.", |it| {
                Some(it.consistent.into())
            }),
            ("behind_bytes", "Bytes of MySQL's binary log that are yet to be read.", |it| it.bytes_behind),
            ("behind_seconds", "Seconds without progress, with something ahead.", |it| {
                it.seconds_behind.or(it.bytes_behind.map(|_| 0))
            }),
            ("waiting_batches", "Batches that wait to be applied.", |it| Some(it.waiting_batches)),
            ("tables", "Tables that are replicated.", |it| Some(it.tables)),
            ("disabled_tables", "Tables that are no longer replicated.", |it| Some(it.disabled)),
            ("sessions", "Sessions of the daemon on PostgreSQL.", |it| Some(it.sessions)),
        ];
        let head = |text: &mut String, name: &str, help: &str| {
            _ = writeln!(
                text,
                "# HELP chameleon_replica_{name} {help}\n# TYPE chameleon_replica_{name} gauge"
            );
        };
        head(&mut text, "well", "Whether nothing is wrong with the replica.");
        _ = writeln!(text, "chameleon_replica_well {}", u64::from(self.well));
        for (name, help, of) in of_sources {
            head(&mut text, name, help);
            for (source, value) in self.sources.iter().filter_map(|source| Some((source, of(source)?))) {
                _ = writeln!(
                    text,
                    "chameleon_replica_{name}{{source=\"{}\"}} {value}",
                    escaped(&source.source)
                );
            }
        }
        head(&mut text, "errors", "What is wrong, by the id of the finding.");
        let mut ids: Vec<_> =
            self.findings.iter().filter(|it| it.severity == Severity::Error).map(|it| it.check).collect();
        ids.sort_unstable();
        for group in ids.chunk_by(|one, other| one == other) {
            _ = writeln!(
                text,
                "chameleon_replica_errors{{finding=\"{}\"}} {}",
                escaped(group[0]),
                group.len()
            );
        }
        head(&mut text, "looked_timestamp_seconds", "When this was seen.");
        _ = writeln!(text, "chameleon_replica_looked_timestamp_seconds {}", at.timestamp());
        text
    }
}

/// The value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// What was shown to people last.
#[derive(Debug, Default)]
pub struct Shown {
    lines: Vec<String>,
    findings: Vec<(&'static str, String)>,
    looks: u64,
}

/// How many looks may pass without a line, when nothing changes.
const SILENT_LOOKS: u64 = 12;

impl Console {
    /// One look. `goes_on`: it is one of several.
    pub fn watched(&self, look: &Look<'_>, at: DateTime<Local>, goes_on: bool, shown: &mut Shown) {
        match self.is_on_a_terminal() && !self.quiet {
            true => self.drawn(look, goes_on.then_some(at)),
            false => self.in_lines(look, at, shown),
        }
        shown.looks += 1;
    }

    /// A table. `at`: on a screen that takes the place of the one before.
    fn drawn(&self, look: &Look<'_>, at: Option<DateTime<Local>>) {
        if let Some(at) = at {
            output::prompt(CLEAR);
            self.heading(&format!("Replica at {}; ctrl-C ends", at.format("%H:%M:%S")));
        }
        self.table_of(look.sources);
        self.findings(look.findings);
    }

    fn table_of(&self, sources: &[SourceSeen]) {
        let row = |source: &SourceSeen| {
            vec![
                source.source.clone(),
                health(source.health).to_owned(),
                source.reads_on.as_ref().map_or_else(|| "—".to_owned(), ToString::to_string),
                behind(source),
                source.waiting_batches.to_string(),
                if source.consistent { "Yes" } else { "No" }.to_owned(),
                source.tables.to_string(),
                source.disabled.to_string(),
            ]
        };
        let header =
            ["source", "replica", "reads on at", "behind", "waiting", "consistent", "tables", "disabled"];
        self.table(&header, &sources.iter().map(row).collect::<Vec<_>>());
    }

    /// Lines for what has changed, and now and then for what has not.
    fn in_lines(&self, look: &Look<'_>, at: DateTime<Local>, shown: &mut Shown) {
        let lines: Vec<_> = look.sources.iter().map(line).collect();
        if lines != shown.lines || shown.looks.is_multiple_of(SILENT_LOOKS) {
            lines.iter().for_each(|text| self.hanging_line(&at.format("%H:%M:%S").to_string(), text));
            shown.lines = lines;
        }
        // The same finding with other numbers is not told again.
        let key = |finding: &Finding| {
            let text: String = finding.found.chars().filter(|letter| !letter.is_ascii_digit()).collect();
            (finding.check, text)
        };
        let new: Vec<_> =
            look.findings.iter().filter(|it| !shown.findings.contains(&key(it))).cloned().collect();
        self.findings(&new);
        let keys: Vec<_> = look.findings.iter().map(key).collect();
        for (id, _) in shown.findings.iter().filter(|(id, _)| !keys.iter().any(|(other, _)| other == id)) {
            self.line(&format!("  ✓ {id}: over"));
        }
        shown.findings = keys;
    }
}

fn health(health: Health) -> &'static str {
    match health {
        Health::CaughtUp => "caught up",
        Health::Behind => "runs",
        Health::Ailing => "not well",
        Health::Down => "down",
    }
}

fn behind(source: &SourceSeen) -> String {
    match (source.bytes_behind, source.seconds_behind) {
        (None, _) => "not known".to_owned(),
        (Some(bytes), Some(seconds)) if seconds > 0 => format!("{}, {seconds} s", Bytes(bytes)),
        (Some(bytes), _) => Bytes(bytes).to_string(),
    }
}

fn line(source: &SourceSeen) -> String {
    let mut parts = vec![format!("{}: {}", source.source, health(source.health))];
    if let Some(at) = &source.reads_on {
        parts.push(format!("reads on at {at}"));
    }
    if source.bytes_behind != Some(0) {
        parts.push(format!(
            "{} behind",
            source.bytes_behind.map_or("not known how far".to_owned(), |it| Bytes(it).to_string())
        ));
    }
    match source.waiting_batches {
        0 => {}
        1 => parts.push("1 batch waits".to_owned()),
        number => parts.push(format!("{number} batches wait")),
    }
    parts.push(if source.consistent { "consistent" } else { "not consistent" }.to_owned());
    if source.disabled > 0 {
        parts.push(format!("{} disabled", crate::wording::counted(source.disabled, "table")));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str) -> SourceSeen {
        SourceSeen {
            source: name.to_owned(),
            health: Health::Behind,
            status: "running".to_owned(),
            sessions: 2,
            consistent: false,
            consistent_point: None,
            reads_on: None,
            log_end: None,
            bytes_behind: Some(2048),
            seconds_behind: Some(3),
            waiting_batches: 1,
            tables: 4,
            disabled: 1,
        }
    }

    #[test]
    fn prometheus_gets_what_it_can_read() {
        let findings =
            [Finding::error("daemon", "a", "b"), Finding::info("x", "y"), Finding::error("daemon", "c", "d")];
        let sources = [source("a \"b\" \\ c\nd")];
        let at = DateTime::from_timestamp(1_000, 0).unwrap();
        let text = Look::new(at, &sources, &findings).prometheus(at);
        assert!(text.starts_with("# HELP chameleon_replica_well "), "{text}");
        for line in [
            "chameleon_replica_well 0",
            r#"chameleon_replica_up{source="a \"b\" \\ c\nd"} 1"#,
            r#"chameleon_replica_behind_bytes{source="a \"b\" \\ c\nd"} 2048"#,
            r#"chameleon_replica_errors{finding="daemon"} 2"#,
            "chameleon_replica_looked_timestamp_seconds 1000",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn a_line_says_what_is_of_interest() {
        assert_eq!(
            line(&source("shop")),
            "shop: runs, 2.0 KiB behind, 1 batch waits, not consistent, 1 table disabled"
        );
        let well = SourceSeen {
            health: Health::CaughtUp,
            consistent: true,
            bytes_behind: Some(0),
            waiting_batches: 0,
            disabled: 0,
            ..source("shop")
        };
        assert_eq!(line(&well), "shop: caught up, consistent");
    }
}
