//! Verdicts as a JUnit file, for those who collect such.

use super::run::{Verdict, VerdictKind};
use std::fmt::Write as _;
use std::time::Duration;

/// The file's text.
#[must_use]
pub fn junit(verdicts: &[Verdict]) -> String {
    let count = |wanted: fn(&VerdictKind) -> bool| verdicts.iter().filter(|it| wanted(&it.kind)).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"scenarios\" tests=\"{}\" failures=\"{}\" \
         errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">\n",
        verdicts.len(),
        count(|kind| matches!(kind, VerdictKind::Failed(_))),
        count(|kind| matches!(kind, VerdictKind::Wrong(_) | VerdictKind::Blind(_))),
        count(|kind| matches!(kind, VerdictKind::Skipped(_))),
        verdicts.iter().map(|it| it.took).sum::<Duration>().as_secs_f64(),
    );
    for verdict in verdicts {
        let (name, time) = (escaped(&verdict.name), verdict.took.as_secs_f64());
        let inner = match &verdict.kind {
            VerdictKind::Passed => String::new(),
            VerdictKind::Failed(what) => format!("<failure>{}</failure>", escaped(what)),
            VerdictKind::Wrong(what) | VerdictKind::Blind(what) => {
                format!("<error>{}</error>", escaped(what))
            }
            VerdictKind::Skipped(why) => format!("<skipped message=\"{}\"/>", escaped(why)),
        };
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "  <testcase classname=\"scenarios\" name=\"{name}\" time=\"{time:.3}\">{inner}</testcase>"
        );
    }
    text.push_str("</testsuite>\n");
    text
}

/// XML 1.0 has no place for most control characters.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_verdict_has_its_place() {
        let verdict = |name: &str, kind| Verdict {
            name: name.to_owned(),
            kind,
            failures: vec![],
            runs: 1,
            faults: 0,
            took: Duration::from_millis(1500),
            kept: None,
        };
        let text = junit(&[
            verdict("a", VerdictKind::Passed),
            verdict("b", VerdictKind::Failed("1 < 2 & \"x\" \u{1b}[0m".to_owned())),
            verdict("c", VerdictKind::Wrong("no".to_owned())),
            verdict("d", VerdictKind::Skipped("why".to_owned())),
        ]);
        assert!(text.contains(r#"tests="4" failures="1" errors="1" skipped="1" time="6.000""#), "{text}");
        assert!(text.contains("<failure>1 &lt; 2 &amp; &quot;x&quot; \u{fffd}[0m</failure>"), "{text}");
        assert!(text.contains(r#"name="a" time="1.500"></testcase>"#), "{text}");
        assert!(text.contains(r#"<skipped message="why"/>"#), "{text}");
    }
}
