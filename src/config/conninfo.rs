//! pg_chameleon 2 writes the values of `pg_conn` into a libpq connection string without quoting them
//! (measured with 2.0.21), so each means what libpq reads there: a backslash takes the next character
//! as it is, quotes group, and a space ends the value and begins another setting, which is how
//! `sslmode` gets into a configuration of pg_chameleon.

/// What libpq reads in the place of one value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub value: String,
    /// The settings that follow it in the same text.
    pub settings: Vec<(String, String)>,
}

/// Reads `text` as libpq reads it after `keyword=`.
///
/// # Errors
/// What is wrong with it, as a predicate that shows none of it.
pub(super) fn read_value(text: &str) -> Result<Reading, &'static str> {
    let mut rest = text;
    let value = next_value(&mut rest)?;
    let mut settings = Vec::new();
    loop {
        rest = rest.trim_start_matches(is_space);
        if rest.is_empty() {
            return Ok(Reading { value, settings });
        }
        let keyword = next_keyword(&mut rest)?;
        settings.push((keyword, next_value(&mut rest)?));
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

fn next_keyword(rest: &mut &str) -> Result<String, &'static str> {
    let (keyword, after) =
        rest.split_once('=').ok_or("holds a space without quotes, which pg_chameleon can't connect with")?;
    let keyword = keyword.trim_end_matches(is_space);
    if keyword.is_empty() || keyword.contains(is_space) {
        return Err("holds a space without quotes, which pg_chameleon can't connect with");
    }
    *rest = after;
    Ok(keyword.to_owned())
}

fn next_value(rest: &mut &str) -> Result<String, &'static str> {
    *rest = rest.trim_start_matches(is_space);
    let quoted = rest.strip_prefix('\'');
    let mut characters = quoted.unwrap_or(rest).chars();
    let mut value = String::new();
    loop {
        let before = characters.as_str();
        match characters.next() {
            Some('\\') => value.push(characters.next().ok_or("ends in a backslash")?),
            Some('\'') if quoted.is_some() => {
                *rest = characters.as_str();
                return Ok(value);
            }
            Some(space) if quoted.is_none() && is_space(space) => {
                *rest = before;
                return Ok(value);
            }
            Some(character) => value.push(character),
            None if quoted.is_some() => return Err("begins with a quote that nothing closes"),
            None => {
                *rest = "";
                return Ok(value);
            }
        }
    }
}
