//! Names and texts come from other people's servers: what would not be seen, or would turn what stands beside it round, is
//! written as its number. What is shown is what is there.

/// A name on one line.
#[must_use]
pub fn name(text: &str) -> String {
    written(text, |_| false)
}

/// A text, which may have lines.
#[must_use]
pub fn lines(text: &str) -> String {
    written(text, |character| matches!(character, '\n' | '\t')).replace("\\u{d}\n", "\n")
}

fn written(text: &str, kept: impl Fn(char) -> bool) -> String {
    // Most names, of which there may be a million.
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if !kept(character) && (character.is_control() || is_unseen(character)) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Marks of direction, separators of lines, and what takes no room. The joiners of scripts and emoji are not among them.
fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            // Not a character, and no place for it in XML.
            | '\u{fffe}'
            | '\u{ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_written() {
        assert_eq!(name("a\u{202e}b\0c\nd\u{1b}[0m"), "a\\u{202e}b\\u{0}c\\u{a}d\\u{1b}[0m");
        assert_eq!(name("заказы 👩\u{200d}🚀 \"</script>"), "заказы 👩\u{200d}🚀 \"</script>");
        assert_eq!(lines("a\r\n\tb\u{2067}"), "a\n\tb\\u{2067}");
    }
}
