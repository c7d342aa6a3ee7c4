//! Where in a text something stands, for whoever replaces it and leaves all else as it is.

use saphyr_parser::{Event, Parser};
use std::ops::Range;

use super::characters::{self, ScalarSpan};

/// The bytes of `text` that are the value of `key` of the root mapping, in whatever style it is written. None where there is no
/// such key, or the text is no YAML.
#[must_use]
pub fn value_of(text: &str, key: &str) -> Option<Range<usize>> {
    let prepared = characters::prepare(text).ok()?;
    let source: Vec<char> = prepared.chars().collect();
    // A mark at its beginning is a character of the text, and none of what was prepared.
    let skipped = text.chars().count() - source.len();
    let (mut depth, mut is_key, mut is_wanted) = (0_usize, true, false);
    let mut extent: Option<Range<usize>> = None;
    for event in Parser::new_from_str(&prepared) {
        let (event, span) = event.ok()?;
        let is_end = matches!(event, Event::MappingEnd | Event::SequenceEnd);
        let (start, end) = match &event {
            Event::Scalar(_, style, ..) => {
                let written = ScalarSpan::new(&source, span, *style);
                (written.start, written.end)
            }
            // What has no bracket ends with what is in it.
            _ if is_end => match source.get(span.start.index()) {
                Some('}' | ']') => (0, span.start.index() + 1),
                _ => (0, 0),
            },
            Event::MappingStart(..) | Event::SequenceStart(..) | Event::Alias(_) => {
                (span.start.index(), span.end.index())
            }
            _ => continue,
        };
        depth -= usize::from(is_end);
        if depth == 1 && !is_end {
            if is_key {
                is_wanted = matches!(&event, Event::Scalar(name, ..) if *name == key);
            } else if is_wanted {
                extent = Some(start..end);
            }
        }
        if let Some(extent) = &mut extent {
            extent.end = extent.end.max(end.min(source.len()));
        }
        depth += usize::from(matches!(event, Event::MappingStart(..) | Event::SequenceStart(..)));
        // Its own beginning is no part of the root.
        let is_root = depth == 1 && matches!(event, Event::MappingStart(..));
        if depth == 1 && !is_root {
            if let Some(extent) = extent {
                let byte = |character: usize| {
                    let at = text.char_indices().nth(character + skipped);
                    at.map_or(text.len(), |(byte, _)| byte)
                };
                return Some(byte(extent.start)..byte(extent.end));
            }
            is_key = !is_key;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_every_style() {
        for (text, value) in [
            ("a: 1\nk:\n  b: 2\n\n  c: [3]\n# end\nd: 4\n", "b: 2\n\n  c: [3]"),
            ("k: {b: 2,\n c: 3} # end\nd: 4\n", "{b: 2,\n c: 3}"),
            ("{a: 1, \"k\": {\"b\": {\"c\": 3}}, d: 4}", "{\"b\": {\"c\": 3}}"),
            ("{\"a\":[{\"k\":1}],\"k\":[1, 2]\n}", "[1, 2]"),
            ("\u{feff}é: k\nk: 'it''s'   \nd: 4", "'it''s'"),
            ("k:\r\n  b: ü\r\nd: 4\r\n", "b: ü"),
            ("? k\n: b\n", "b"),
            ("--- # one\nk: plain text # end\n", "plain text"),
            ("x: &x {b: 1}\nk: *x\nd: 2\n", "*x"),
            ("{? a : 1, ? k : {b: {}}}", "{b: {}}"),
            ("{{b: 1}: 2, k: 3}", "3"),
        ] {
            let found = value_of(text, "k");
            assert_eq!(found.map(|range| &text[range]), Some(value), "{text}");
        }
        for text in ["", "a: {k: 1}", "[k, 1]", "k", "a: k\n", "k: [", "a: 1\nb: [k]\n"] {
            assert_eq!(value_of(text, "k"), None, "{text}");
        }
    }
}
