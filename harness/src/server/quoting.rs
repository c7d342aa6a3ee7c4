//! Names and texts of any kind as SQL: the one place that quotes.

/// The name as an identifier.
#[must_use]
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The text as a literal, whatever `standard_conforming_strings` says.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_are_escaped() {
        assert_eq!(super::identifier(r#"a "b", c"#), r#""a ""b"", c""#);
        assert_eq!(super::literal(r"it's a \"), r"E'it\'s a \\'");
    }
}
