//! What the daemon of pg_chameleon 2.0.21 makes of a statement whose session has a replicated schema as its default
//! database, judged without it: where it is not at hand. tests/statements holds this against the daemon and PostgreSQL.
//!
//! Its read process parses every statement but BEGIN and COMMIT, whatever it is about, and ends at one that it can't parse,
//! at every start. What it has parsed it translates for PostgreSQL, unless the table has a point behind it; it ends at what
//! it can't translate. What PostgreSQL does not take of that when it is replayed, disables the table.

use crate::window::{Consequence, Judged};

pub mod asked;
mod consequence;
mod grammar;
pub mod installed;
mod kinds;
mod meaning;
mod reader;
pub(crate) mod sql;
pub(crate) mod statement;

/// Whether it does not even look at the statement.
#[must_use]
pub fn passes_over(text: &str) -> bool {
    let text = text.trim();
    text.len() <= "COMMIT".len() && ["BEGIN", "COMMIT"].contains(&text.to_uppercase().as_str())
}

/// What becomes of a statement of a session with this default database; none when all is well.
#[must_use]
pub fn judge(default_schema: &str, text: &str) -> Option<Judged> {
    if passes_over(text) {
        return None;
    }
    let Some(taken) = grammar::statements(&reader::without_comments(text)) else {
        return Some(Judged { consequence: Consequence::Unparsable, why: "it can't parse it".to_owned() });
    };
    consequence::consequence(&taken, &meaning::meaning(default_schema, text), default_schema)
}

/// The table that it takes a statement to be about: that by which it looks whether it has been applied, or is left out.
#[must_use]
pub fn table(text: &str) -> Option<String> {
    match grammar::statements(&reader::without_comments(text))?.as_slice() {
        [one] => Some(one.table().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
