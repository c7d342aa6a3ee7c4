//! What may stand in the text before any of it is YAML: PyYAML's rules on characters and tabs, which
//! are stricter than those of YAML 1.2 and of the parser below us.

use saphyr_parser::{ScalarStyle, Span};

use super::{Place, YamlError};

/// Where a scalar stands in the text, in characters, and how it is written.
pub(super) struct ScalarSpan {
    pub start: usize,
    pub end: usize,
    pub style: ScalarStyle,
}

impl ScalarSpan {
    /// The parser counts what follows a closing quote on its line to the scalar; this does not.
    pub fn new(text: &[char], span: Span, style: ScalarStyle) -> Self {
        let (start, end) = (span.start.index(), span.end.index().min(text.len()));
        let quote = match style {
            ScalarStyle::SingleQuoted => '\'',
            ScalarStyle::DoubleQuoted => '"',
            ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => {
                return Self { start, end, style };
            }
        };
        let written = text.get(start..end).unwrap_or_default();
        Self { start, end: start + quoted_length(written, quote), style }
    }
}

/// How many characters a quoted scalar takes, with the tag and anchor before it.
fn quoted_length(written: &[char], quote: char) -> usize {
    let Some(opening) = written.iter().position(|c| *c == quote) else { return written.len() };
    let mut index = opening + 1;
    while let Some(&character) = written.get(index) {
        let doubled = quote == '\'' && character == quote && written.get(index + 1) == Some(&quote);
        let escapes = quote == '"' && character == '\\';
        index += match character {
            _ if doubled || escapes => 2,
            _ if character == quote => return index + 1,
            _ => 1,
        };
    }
    written.len()
}

/// The text as the parser should see it: without a byte order mark at its beginning, and with YAML
/// 1.1's line break U+0085 as an ordinary one.
///
/// # Errors
/// A character that can't stand in YAML 1.1.
pub(super) fn prepare(text: &str) -> Result<String, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let prepared = text.replace('\u{85}', "\n");
    let mut place = Place { line: 1, column: 1 };
    let mut previous = ' ';
    for character in prepared.chars() {
        if !may_stand(character) {
            let code = u32::from(character);
            return Err(YamlError::new(
                place,
                format!("the character U+{code:04X} can't stand in a configuration: take it out"),
            ));
        }
        place = place.after(previous, character);
        previous = character;
    }
    Ok(prepared)
}

/// YAML 1.1's printable characters, without the line breaks U+2028 and U+2029 that no editor shows.
pub(crate) fn may_stand(character: char) -> bool {
    matches!(character,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// Finds a tab outside of quotes, block scalars and comments: PyYAML takes it nowhere else.
///
/// # Errors
/// The place of the first such tab.
pub(super) fn refuse_tabs(text: &[char], scalars: &[ScalarSpan]) -> Result<(), YamlError> {
    if !text.contains(&'\t') {
        return Ok(());
    }
    let mut scalars = scalars.iter().peekable();
    let mut place = Place { line: 1, column: 1 };
    let mut previous = '\n';
    let mut in_comment = false;
    for (index, &character) in text.iter().enumerate() {
        while scalars.next_if(|scalar| scalar.end <= index).is_some() {}
        let scalar = scalars.peek().filter(|scalar| scalar.start <= index);
        let breaks = matches!(character, '\n' | '\r');
        in_comment =
            !breaks && (in_comment || (scalar.is_none() && character == '#' && previous.is_whitespace()));
        let may_hold_tabs = in_comment || scalar.is_some_and(|scalar| scalar.style != ScalarStyle::Plain);
        if character == '\t' && !may_hold_tabs {
            return Err(YamlError::tab(place));
        }
        place = place.after(previous, character);
        previous = character;
    }
    Ok(())
}
