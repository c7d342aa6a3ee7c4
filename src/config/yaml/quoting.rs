//! A text as it is written into a YAML file, so that PyYAML and the reader here read the same text, whatever it holds.
//! pg_chameleon 2.0.21 opens its file in whatever encoding the system has, so only ASCII is written.

use std::fmt::Write as _;

/// `text` in double quotes: on one line, in ASCII.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => written.extend(['\\', character]),
            ' '..='~' => written.push(character),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            // Writing into a text can't fail.
            _ => {
                _ = match u32::from(character) {
                    code @ 0..=0xff => write!(written, "\\x{code:02X}"),
                    code @ 0x100..=0xffff => write!(written, "\\u{code:04X}"),
                    code => write!(written, "\\U{code:08X}"),
                }
            }
        }
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::quoted;
    use crate::config::field::Field;
    use crate::config::yaml::Document;
    use proptest::prelude::*;

    /// What the reader here makes of it, as a value and as a key.
    fn read_back(text: &str) -> (Option<String>, String) {
        let document = Document::read(&format!("? {}\n: {}\n", quoted(text), quoted(text)));
        let document = document.unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        let mut entries = Field::root(&document).entries("a mapping").unwrap();
        let (key, value) = entries.remove(0);
        (value.as_text(), key)
    }

    #[test]
    fn it_is_ascii_on_one_line() {
        assert_eq!(quoted(""), r#""""#);
        assert_eq!(quoted(r#"a"b\c: #d"#), r#""a\"b\\c: #d""#);
        assert_eq!(quoted("\n\u{7f}\u{85}\u{fc}\u{2028}\u{1f600}"), r#""\n\x7F\x85\xFC\u2028\U0001F600""#);
    }

    #[test]
    fn what_yaml_takes_for_something_else_stays_a_text() {
        for text in [
            "yes",
            "007",
            "1:30",
            "~",
            "null",
            "=",
            "<<",
            "2024-01-01",
            " a ",
            "!x",
            "&a",
            "*a",
            "- a",
            "%",
            "'",
            "\u{feff}",
        ] {
            assert_eq!(read_back(text), (Some(text.to_owned()), text.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn the_reader_reads_the_same(text in prop_oneof!["\\PC{1,40}", "[\\x00-\\x20\"'\\\\#:{}\\[\\],&*!|>%@`~-]{1,20}",
            prop::collection::vec(any::<char>(), 1..20).prop_map(String::from_iter)])
        {
            prop_assert_eq!(read_back(&text), (Some(text.clone()), text.clone()));
            prop_assert!(quoted(&text).bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}
