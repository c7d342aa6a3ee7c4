//! Secrets never reach a page or a file. What a program wrote should hold none; should it do so all the same, what
//! stands behind `password=`, or in a URL before its host, is masked.

use std::borrow::Cow;

/// What stands in a secret's place.
const MASK: &str = "***";

/// What a secret is called; in capital letters too, and with other words before.
const KEYS: [&str; 7] = ["password", "passwd", "pwd", "secret", "token", "api_key", "identified by"];

/// The text without its secrets.
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    let mut masked = String::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some((from, to)) = next(text, &lower, at) {
        masked.push_str(&text[kept..from]);
        masked.push_str(MASK);
        (kept, at) = (to, to);
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[kept..]);
    Cow::Owned(masked)
}

/// Where the next secret stands.
fn next(text: &str, lower: &str, at: usize) -> Option<(usize, usize)> {
    let keys = KEYS.iter().filter_map(|key| keyed(text, lower, key, at));
    keys.chain(of_url(text, at)).min_by_key(|(from, _)| *from)
}

/// `key=value`, `key: value`, `key 'value'`, each with or without quotes around it.
fn keyed(text: &str, lower: &str, key: &str, at: usize) -> Option<(usize, usize)> {
    let mut at = at;
    while let Some(found) = lower[at..].find(key) {
        let behind = at + found + key.len();
        if let Some(value) = value(text, behind) {
            return Some(value);
        }
        at = behind;
    }
    None
}

/// What stands behind a key that ends here.
fn value(text: &str, behind: usize) -> Option<(usize, usize)> {
    let rest = &text[behind..];
    // The key's own quote.
    let named = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
    let assigned = named.trim_start_matches([' ', '\t']);
    let (is_assigned, value) = match assigned.strip_prefix([':', '=']) {
        Some(value) => (true, value.trim_start_matches([' ', '\t'])),
        None => (false, assigned),
    };
    let from = text.len() - value.len();
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    match quote {
        Some(quote) => Some((from + 1, from + 1 + quoted_length(&value[1..], quote))),
        None if is_assigned => {
            let ends = |letter: char| letter.is_whitespace() || ",;&})]\"'".contains(letter);
            let length = value.find(ends).unwrap_or(value.len());
            (length > 0 && &value[..length] != MASK).then_some((from, from + length))
        }
        None => None,
    }
    .filter(|(from, to)| &text[*from..*to] != MASK && from < to)
}

/// Up to the quote that closes; one that is doubled, or behind a backslash, does not.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return place;
        }
    }
    text.len()
}

/// `scheme://user:SECRET@host`.
fn of_url(text: &str, at: usize) -> Option<(usize, usize)> {
    let mut at = at;
    while let Some(found) = text[at..].find("://") {
        let begin = at + found + 3;
        let rest = &text[begin..];
        let ends = |letter: char| letter.is_whitespace() || "\"'`<>".contains(letter);
        let authority = &rest[..rest.find(ends).unwrap_or(rest.len())];
        if let (Some(colon), Some(sign)) = (authority.find(':'), authority.rfind('@'))
            && colon + 1 < sign
            && &authority[colon + 1..sign] != MASK
        {
            return Some((begin + colon + 1, begin + sign));
        }
        at = begin;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        for (text, shown) in [
            ("password=x1 host=h", "password=*** host=h"),
            ("PGPASSWORD='a b' psql", "PGPASSWORD='***' psql"),
            ("{user: u, password: \"it\"\"s\", port: 1}", "{user: u, password: \"***\", port: 1}"),
            ("\"password\": \"a\\\"b\", \"x\": 1", "\"password\": \"***\", \"x\": 1"),
            ("postgresql://u:p@ss@h:5432/d", "postgresql://u:***@h:5432/d"),
            ("IDENTIFIED BY 'x' REQUIRE SSL", "IDENTIFIED BY '***' REQUIRE SSL"),
            ("CREATE ROLE r PASSWORD 'x'; --password=y", "CREATE ROLE r PASSWORD '***'; --password=***"),
            ("pwd=ä token: t2,", "pwd=*** token: ***,"),
        ] {
            assert_eq!(masked(text), shown, "{text}");
            assert_eq!(masked(shown), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "password authentication failed for user \"u\"",
            "http://h:80/x",
            "postgresql://u@h/d",
            "password=",
            "the tokens: ",
            "",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
