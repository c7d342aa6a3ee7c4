//! Times, sizes and counts as people read them, alike in every form.

use crate::rehearsal::report::{Range, RehearsalReport, StepOutcome, Verdict};
use crate::replica::report::Severity;

/// A time, in no more figures than it is worth.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    let whole = seconds.round() as u64;
    match seconds {
        none if none < 0.0005 => "0 s".to_owned(),
        short if short < 0.0995 => format!("{short:.3} s"),
        short if short < 0.995 => format!("{short:.2} s"),
        short if short < 9.95 => format!("{short:.1} s"),
        _ if whole < 60 => format!("{whole} s"),
        _ if whole < 3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A time that is not known exactly.
#[must_use]
pub fn range(range: &Range) -> String {
    format!("{} to {}", duration(range.low), duration(range.high))
}

/// A size.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{} bytes", grouped(bytes)) } else { format!("{size:.1} {}", UNITS[unit]) }
}

/// With a comma between thousands.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let parts: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    parts.join(",")
}

/// `1 error`, `1,200 errors`.
#[must_use]
pub fn counted(count: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A moment as people write it: `2026-11-27 09:39 UTC`. What is no RFC 3339 stays.
#[must_use]
pub fn moment(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_utc = text.ends_with('Z') || text.ends_with("+00:00");
    if is_utc && text.is_ascii() && bytes.len() >= 20 && bytes[10] == b'T' {
        return format!("{} {} UTC", &text[..10], &text[11..16]);
    }
    text.to_owned()
}

/// The word for how a part ended.
#[must_use]
pub fn outcome(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Passed => "passed",
        StepOutcome::Warned => "warned",
        StepOutcome::Failed => "failed",
        StepOutcome::LeftOut => "left out",
    }
}

/// A verdict in a sentence.
#[must_use]
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Go => "The day will go well.",
        Verdict::GoWithWarnings => {
            "The day will go well. Something is to be known, or done, before it or after it."
        }
        Verdict::NoGo => "The day will not go well, as things are.",
    }
}

/// How many findings weigh so much.
#[must_use]
pub fn findings(report: &RehearsalReport, severity: Severity) -> u64 {
    report.findings.iter().filter(|finding| finding.severity == severity).count() as u64
}

/// How many tables are replicated.
#[must_use]
pub fn tables(report: &RehearsalReport) -> u64 {
    report.tables.iter().map(|alike| alike.names.len() as u64).sum()
}

/// The configuration's name, without the folders of one that was named by its path.
#[must_use]
pub fn configuration(report: &RehearsalReport) -> &str {
    let named = report.configuration.as_str();
    let file = named.rsplit('/').next().unwrap_or(named);
    file.strip_suffix(".yml").or_else(|| file.strip_suffix(".yaml")).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_short() {
        let shown = [0.004, 0.999, 4.25, 59.6, 61.0, 3599.7, 7260.0, f64::NAN].map(duration);
        assert_eq!(
            shown,
            ["0.004 s", "1.0 s", "4.2 s", "1 min 00 s", "1 min 01 s", "1 h 00 min", "2 h 01 min", "0 s"]
        );
        assert_eq!([0, 1023, 1536, 5 << 30].map(size), ["0 bytes", "1,023 bytes", "1.5 KiB", "5.0 GiB"]);
        assert_eq!(counted(1, "table"), "1 table");
        assert_eq!(counted(1_234_567, "table"), "1,234,567 tables");
    }

    #[test]
    fn a_moment_is_short() {
        assert_eq!(moment("2026-11-27T09:39:40.123Z"), "2026-11-27 09:39 UTC");
        assert_eq!(moment("yesterday"), "yesterday");
        assert_eq!(moment("2026-11-27T09:39:40+02:00"), "2026-11-27T09:39:40+02:00");
    }
}
