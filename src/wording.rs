//! Forms of words that messages share.

/// `text` with a capital letter, as the beginning of a sentence.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `1 table`, `2 tables`.
#[must_use]
pub fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// The first of several names, and how many more there are: `a, b and 3 more`.
#[must_use]
pub fn first_of(first: &[String], count: u64) -> String {
    let more = count.saturating_sub(first.len() as u64);
    let first = first.join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}
