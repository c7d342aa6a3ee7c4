//! What is different between two records, in a few lines that a person reads: the part of a text that differs instead of
//! the whole, equal changes once with their number and one example, and a few rows of each table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// How many lines are shown, how much of each, and how many rows of a table.
const LINES: usize = 12;
const CHARACTERS: usize = 240;
const ROWS: usize = 3;
/// How much of a long part that differs.
const PART: usize = 90;

/// The differences that were found so far.
#[derive(Default)]
pub(super) struct Difference {
    lines: Vec<String>,
    /// Equal changes: how many, and the line of the first.
    changes: BTreeMap<String, (usize, usize)>,
}

impl Difference {
    /// Between texts by name.
    pub(super) fn texts(
        &mut self,
        what: &str,
        before: &BTreeMap<String, String>,
        after: &BTreeMap<String, String>,
    ) {
        for (key, old) in before {
            match after.get(key) {
                None => self.lines.push(format!("- {what}{key}: {old}")),
                Some(new) if new != old => {
                    let (old, new) = parts(old, new);
                    self.change(&format!("~ {what}{key}"), format!("{old} → {new}"));
                }
                Some(_) => {}
            }
        }
        let added = after.iter().filter(|(key, _)| !before.contains_key(*key));
        self.lines.extend(added.map(|(key, new)| format!("+ {what}{key}: {new}")));
    }

    /// Between the sorted rows of tables.
    pub(super) fn rows(
        &mut self,
        before: &BTreeMap<String, Vec<String>>,
        after: &BTreeMap<String, Vec<String>>,
    ) {
        let none = Vec::new();
        let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        for name in names {
            let before = before.get(name).unwrap_or(&none);
            let after = after.get(name).unwrap_or(&none);
            let gone: Vec<_> = missing_from(after, before).collect();
            let new: Vec<_> = missing_from(before, after).collect();
            if gone.len() == new.len() {
                for (old, new) in gone.iter().zip(new) {
                    let begins: String = old.chars().take_while(|it| *it != ',').take(30).collect();
                    let (old, new) = parts(old, new);
                    self.change(&format!("~ row of {name} {begins},…"), format!("{old} → {new}"));
                }
                continue;
            }
            for (sign, rows) in [('-', gone), ('+', new)] {
                self.lines.extend(rows.iter().take(ROWS).map(|row| format!("{sign} row of {name}: {row}")));
                if rows.len() > ROWS {
                    self.lines.push(format!("{sign} … and {} more rows of {name}", rows.len() - ROWS));
                }
            }
        }
    }

    fn change(&mut self, what: &str, change: String) {
        match self.changes.get_mut(&change) {
            Some((count, _)) => *count += 1,
            None => {
                self.lines.push(format!("{what}: {change}"));
                self.changes.insert(change, (1, self.lines.len() - 1));
            }
        }
    }

    /// The lines, empty when there is no difference.
    pub(super) fn shown(mut self) -> String {
        let mut text = String::new();
        for (count, line) in self.changes.values().filter(|(count, _)| *count > 1) {
            let shown = cut(&self.lines[*line], CHARACTERS);
            self.lines[*line] = format!("{shown} ({count} times, this is the first)");
        }
        for line in self.lines.iter().take(LINES) {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{}", cut(line, CHARACTERS + 40));
        }
        if self.lines.len() > LINES {
            let _ = writeln!(text, "… and {} more differences", self.lines.len() - LINES);
        }
        text
    }
}

fn cut(text: &str, characters: usize) -> String {
    let mut shown: String = text.chars().take(characters).collect();
    if shown.len() < text.len() {
        shown.push_str(" …");
    }
    shown
}

/// The parts of two texts that differ, from a comma or line to the next.
fn parts(old: &str, new: &str) -> (String, String) {
    let (a, b): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let separates = |it: &char| matches!(it, ',' | '\n');
    let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let first = a[..same].iter().rposition(separates).map_or(0, |at| at + 1);
    let left = a.len().min(b.len()) - first;
    let behind = a.iter().rev().zip(b.iter().rev()).take(left).take_while(|(a, b)| a == b).count();
    // The text that both end with begins with the comma that ends the part.
    let behind = a[a.len() - behind..].iter().position(separates).map_or(0, |at| behind - at);
    let part = |text: &[char]| {
        let part: String = text[first..text.len() - behind].iter().collect();
        let part = part.trim();
        if part.is_empty() { "nothing".to_owned() } else { cut(part, PART) }
    };
    (part(&a), part(&b))
}

/// What a sorted list has more often than another.
fn missing_from<'a>(those: &'a [String], these: &'a [String]) -> impl Iterator<Item = &'a String> {
    let mut others = those.iter().peekable();
    these.iter().filter(move |&row| {
        while others.next_if(|&other| other < row).is_some() {}
        others.next_if(|&other| other == row).is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_texts(before: &[(String, String)], after: &[(String, String)]) -> String {
        let map = |pairs: &[(String, String)]| pairs.iter().cloned().collect();
        let mut difference = Difference::default();
        difference.texts("", &map(before), &map(after));
        difference.shown()
    }

    #[test]
    fn equal_changes_are_one_line_that_shows_what_changes() {
        let column = |number: usize, options: &str| {
            let long = "x".repeat(500);
            (format!("column t c{number}"), format!("type {long}, options {options}, comment NULL"))
        };
        let columns = |options: &str| (0..500).map(|number| column(number, options)).collect::<Vec<_>>();
        assert_eq!(
            of_texts(&columns("NULL"), &columns("{n_distinct=5}")),
            "~ column t c0: options NULL → options {n_distinct=5} (500 times, this is the first)\n"
        );
        let other = [("a".to_owned(), "b".to_owned())];
        assert_eq!(of_texts(&other, &[]), "- a: b\n");
        assert_eq!(of_texts(&[], &other), "+ a: b\n");
        assert_eq!(of_texts(&other, &other), "");
    }

    #[test]
    fn the_part_that_differs_is_found_wherever_it_is() {
        for (old, new, expected) in [
            ("a, b, c", "a, d, c", ("b", "d")),
            ("a, b", "a, b, c", ("b", "b, c")),
            ("(1,a)", "(1,b)", ("a)", "b)")),
            ("x", "", ("x", "nothing")),
            ("aa", "aaa", ("aa", "aaa")),
            ("ä,ö,ü", "ä,o,ü", ("ö", "o")),
            ("begin\nx := 1;\nend", "begin\nx := 2;\nend", ("x := 1;", "x := 2;")),
        ] {
            let (a, b) = parts(old, new);
            assert_eq!((a.as_str(), b.as_str()), expected, "{old} {new}");
        }
    }

    #[test]
    fn of_many_rows_a_few_are_shown() {
        let rows: Vec<_> = (0..100).map(|number| format!("({number:03},{})", "x".repeat(1000))).collect();
        let table = |rows: &[String]| [("t".to_owned(), rows.to_vec())].into();
        let mut difference = Difference::default();
        difference.rows(&table(&rows), &table(&rows[..10]));
        let shown = difference.shown();
        assert!(shown.ends_with("- … and 87 more rows of t\n") && shown.lines().count() == 4, "{shown}");
        let mut difference = Difference::default();
        let changed: Vec<_> = rows.iter().map(|row| format!("{}2026)", row.trim_end_matches(')'))).collect();
        difference.rows(&table(&rows), &table(&changed));
        let shown = difference.shown();
        assert!(shown.lines().count() <= LINES + 1 && shown.len() < 4000, "{shown}");
    }
}
