//! Text and tables made to fit the terminal: §terminal-width, at 80 columns as at 200. Words are never broken,
//! and a statement to be copied stands on a line of its own, whole, however long it is.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use std::os::fd::AsFd;
use terminal_size::terminal_size_of;
use unicode_width::UnicodeWidthStr;

/// Below this many columns nothing is made to fit.
const NARROWEST: usize = 40;

/// How a statement begins that an administrator is to copy. It ends with a semicolon.
const STATEMENTS: [&str; 12] = [
    "ALTER ",
    "CREATE ",
    "DELETE FROM ",
    "DROP ",
    "FLUSH ",
    "GRANT ",
    "INSERT INTO ",
    "REVOKE ",
    "ROLLBACK PREPARED ",
    "SELECT ",
    "SET ",
    "UPDATE ",
];

/// The columns to keep to. None where standard output is no terminal: there a line is a line, for `grep` and for logs.
#[must_use]
pub fn columns() -> Option<usize> {
    columns_of(std::io::stdout())
}

/// The same for standard error.
#[must_use]
pub fn columns_of_errors() -> Option<usize> {
    columns_of(std::io::stderr())
}

fn columns_of(terminal: impl AsFd) -> Option<usize> {
    let (width, _) = terminal_size_of(terminal)?;
    Some(usize::from(width.0)).filter(|columns| *columns > 0).map(|columns| columns.max(NARROWEST))
}

/// The columns that a text takes: a letter of Chinese takes two, an accent none.
#[must_use]
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// What may not be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    /// A word, or what stands between back quotes.
    Word(&'a str),
    /// A statement to be copied, on a line of its own.
    Statement(&'a str),
    /// A command to be copied, likewise; in a text it stands between back quotes.
    Command(&'a str),
}

impl Piece<'_> {
    /// Whether it has a line of its own.
    fn stands_alone(self) -> bool {
        matches!(self, Self::Statement(_) | Self::Command(_))
    }
}

/// How a command begins that an administrator is to copy: this program's, or pg_chameleon 2's.
const COMMANDS: [&str; 2] = ["`chameleon-upgrade ", "`chameleon "];

/// The statements in a text that are there to be copied, each with its semicolon.
#[must_use]
pub fn statements(text: &str) -> Vec<&str> {
    let statement = |piece| match piece {
        Piece::Statement(statement) => Some(statement),
        Piece::Word(_) | Piece::Command(_) => None,
    };
    pieces(text).into_iter().filter_map(statement).collect()
}

/// The commands in a text that are there to be copied.
#[must_use]
pub fn commands(text: &str) -> Vec<&str> {
    let command = |piece| match piece {
        Piece::Command(command) => Some(command),
        Piece::Word(_) | Piece::Statement(_) => None,
    };
    pieces(text).into_iter().filter_map(command).collect()
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (piece, length) = match statement_length(rest) {
            Some(length) => (Piece::Statement(&rest[..length]), length),
            None => {
                let length = word_length(rest);
                (word_or_command(&rest[..length]), length)
            }
        };
        pieces.push(piece);
        rest = rest[length..].trim_start();
    }
    pieces
}

fn word_or_command(word: &str) -> Piece<'_> {
    let command = word.strip_suffix('`').filter(|_| COMMANDS.iter().any(|begin| word.starts_with(begin)));
    command.map_or(Piece::Word(word), |command| Piece::Command(&command[1..]))
}

/// The bytes of the statement that a text begins with. A sentence that ends before a semicolon comes is none.
fn statement_length(text: &str) -> Option<usize> {
    STATEMENTS.iter().find(|begin| text.starts_with(**begin))?;
    let mut quote = None;
    let mut before = ' ';
    for (place, character) in text.char_indices() {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '\'' | '"' | '`') => quote = Some(character),
            None if character == ';' => return Some(place + 1),
            None if character == ' ' && before == '.' => return None,
            None => {}
        }
        before = character;
    }
    None
}

/// The bytes of the word that a text begins with; what stands between back quotes is one.
fn word_length(text: &str) -> usize {
    let mut quoted = false;
    for (place, character) in text.char_indices() {
        quoted ^= character == '`';
        if character.is_whitespace() && !quoted {
            return place;
        }
    }
    // A back quote that is never closed quotes nothing.
    if quoted { text.find(char::is_whitespace).unwrap_or(text.len()) } else { text.len() }
}

/// A text in lines that fit into `columns`: the first of them begins in the column `first`, the others in `indent`.
#[must_use]
pub fn lines(text: &str, columns: usize, first: usize, indent: usize) -> Vec<String> {
    fitted(text, columns, first, indent, pieces)
}

/// The same for a text that tells of statements, and has none to be copied.
#[must_use]
pub fn prose(text: &str, columns: usize, first: usize, indent: usize) -> Vec<String> {
    fitted(text, columns, first, indent, |text| text.split_whitespace().map(Piece::Word).collect())
}

fn fitted(
    text: &str,
    columns: usize,
    first: usize,
    indent: usize,
    pieces: impl Fn(&str) -> Vec<Piece<'_>>,
) -> Vec<String> {
    if !text.contains('\n') && first + width(text) <= columns {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    let mut used = first;
    for paragraph in text.split('\n') {
        for piece in pieces(paragraph) {
            let line = lines.last().is_some_and(String::is_empty);
            let (text, breaks) = match piece {
                Piece::Word(word) => (word, !line && used + 1 + width(word) > columns),
                Piece::Statement(text) | Piece::Command(text) => (text, !line),
            };
            if breaks {
                lines.push(String::new());
                used = indent;
            }
            let Some(line) = lines.last_mut() else { continue };
            if !line.is_empty() {
                line.push(' ');
                used += 1;
            }
            line.push_str(text);
            used += width(text);
            if piece.stands_alone() {
                lines.push(String::new());
                used = indent;
            }
        }
        if lines.last().is_some_and(|line| !line.is_empty()) {
            lines.push(String::new());
            used = indent;
        }
    }
    while lines.len() > 1 && lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// A text as a paragraph: as it is, or in lines that fit.
#[must_use]
pub fn paragraph(text: &str, columns: Option<usize>, indent: usize) -> String {
    let margin = " ".repeat(indent);
    match columns {
        None => format!("{margin}{text}"),
        Some(columns) => {
            let lines = lines(text, columns, indent, indent);
            let lines: Vec<_> = lines.iter().map(|line| format!("{margin}{line}")).collect();
            lines.join("\n")
        }
    }
}

/// A table; where its words don't fit side by side, its rows one below the other, a line a cell.
#[must_use]
pub fn table(header: &[&str], rows: &[Vec<String>], columns: Option<usize>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    let Some(columns) = columns else { return table.to_string() };
    let plain = table.to_string();
    if plain.lines().all(|line| width(line) <= columns) {
        return plain;
    }
    let needed = widest_words(header, rows);
    // Two blanks a cell, and a line before, after and between.
    if needed.iter().map(|word| word + 3).sum::<usize>() + 1 > columns {
        return records(header, rows, columns);
    }
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(columns).unwrap_or(u16::MAX));
    let bound = |word: &usize| {
        ColumnConstraint::LowerBoundary(Width::Fixed(u16::try_from(word + 2).unwrap_or(u16::MAX)))
    };
    table.set_constraints(needed.iter().map(bound));
    let fitted = table.to_string();
    if fitted.lines().all(|line| width(line) <= columns) { fitted } else { records(header, rows, columns) }
}

/// The width of the longest word of each column.
fn widest_words(header: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let widest = |text: &str| text.split_whitespace().map(width).max().unwrap_or_default();
    let of_column = |(column, name): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| widest(cell));
        cells.chain([widest(name)]).max().unwrap_or_default()
    };
    header.iter().enumerate().map(of_column).collect()
}

/// Each row as lines of name and value, with an empty line between the rows.
fn records(header: &[&str], rows: &[Vec<String>], columns: usize) -> String {
    let label = header.iter().map(|name| width(name)).max().unwrap_or_default();
    let record = |row: &Vec<String>| {
        let cells = header.iter().zip(row).map(|(name, value)| cell(name, value, label, columns));
        cells.collect::<Vec<_>>().join("\n")
    };
    rows.iter().map(record).collect::<Vec<_>>().join("\n\n")
}

/// A value that doesn't fit beside its name stands below it.
fn cell(name: &str, value: &str, label: usize, columns: usize) -> String {
    let begin = format!("  {name}{}  ", " ".repeat(label - width(name)));
    let beside = begin.chars().count();
    let below = value.split_whitespace().any(|word| beside + width(word) > columns);
    if below {
        return format!("  {name}\n{}", paragraph(value, Some(columns), 4));
    }
    let lines = lines(value, columns, beside, beside);
    format!("{begin}{}", lines.join(&format!("\n{}", " ".repeat(beside))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REMEDY: &str = "When it is of no more use: DROP SCHEMA \"_sch_chameleon_version1\" CASCADE; to keep it: ALTER SCHEMA \
                          \"_sch_chameleon_version1\" RENAME TO \"_sch_chameleon_version1_kept\";";

    #[test]
    fn statements_are_found_and_prose_is_not() {
        assert_eq!(
            statements(REMEDY),
            [
                "DROP SCHEMA \"_sch_chameleon_version1\" CASCADE;",
                "ALTER SCHEMA \"_sch_chameleon_version1\" RENAME TO \"_sch_chameleon_version1_kept\";",
            ]
        );
        assert_eq!(
            statements("UPDATE t SET a = 'x; y. z' WHERE b = \"c;\"; and so on"),
            ["UPDATE t SET a = 'x; y. z' WHERE b = \"c;\";"]
        );
        for prose in [
            "If it exists, grant the account SELECT on it: without that. If it was dropped; drop it.",
            "GRANT SELECT, and no more",
            "the first CREATE TABLE there fails. That is all; really",
            "",
        ] {
            assert_eq!(statements(prose), [""; 0], "{prose}");
        }
    }

    #[test]
    fn a_statement_stands_on_a_line_of_its_own() {
        assert_eq!(
            lines(REMEDY, 80, 13, 13),
            [
                "When it is of no more use:",
                "DROP SCHEMA \"_sch_chameleon_version1\" CASCADE;",
                "to keep it:",
                "ALTER SCHEMA \"_sch_chameleon_version1\" RENAME TO \"_sch_chameleon_version1_kept\";",
            ]
        );
        assert_eq!(lines(REMEDY, 200, 13, 13), [REMEDY]);
    }

    #[test]
    fn a_command_stands_on_a_line_of_its_own_without_its_quotes() {
        let text = "To drop it: `chameleon-upgrade cleanup --config default --schema version1 --drop` Then: `chameleon start_replica --source shop` Not: `chameleons x`";
        assert_eq!(
            commands(text),
            [
                "chameleon-upgrade cleanup --config default --schema version1 --drop",
                "chameleon start_replica --source shop"
            ]
        );
        assert_eq!(
            lines(text, 80, 13, 13),
            [
                "To drop it:",
                "chameleon-upgrade cleanup --config default --schema version1 --drop",
                "Then:",
                "chameleon start_replica --source shop",
                "Not: `chameleons x`",
            ]
        );
        assert_eq!(commands("`chameleon-upgrade never closed"), Vec::<&str>::new());
    }

    #[test]
    fn what_stands_in_back_quotes_stays_together() {
        let text = "Add `my shop: shop` under schema_mappings of the source";
        assert_eq!(lines(text, 22, 0, 0), ["Add `my shop: shop`", "under schema_mappings", "of the source"]);
        assert_eq!(lines("an ` alone is no quote", 8, 0, 0), ["an `", "alone is", "no quote"]);
    }

    #[test]
    fn wide_letters_count_twice_and_accents_not() {
        assert_eq!((width("店舗"), width("e\u{301}")), (4, 1));
        assert_eq!(lines("店舗 店舗 店舗", 9, 0, 0), ["店舗 店舗", "店舗"]);
    }

    fn rows(names: &[&str]) -> Vec<Vec<String>> {
        names
            .iter()
            .map(|name| vec![(*name).to_owned(), format!("my_{name} → {name}"), "4".to_owned()])
            .collect()
    }

    #[test]
    fn a_table_is_a_table_where_it_fits() {
        let header = ["1.7 source", "schema mapping", "tables"];
        let wide = table(&header, &rows(&["shop"]), None);
        assert_eq!(table(&header, &rows(&["shop"]), Some(80)), wide);
        let narrow = table(&header, &rows(&["shop"]), Some(42));
        assert!(narrow.starts_with('┌') && narrow.lines().all(|line| width(line) <= 42), "{narrow}");
        let long = "x".repeat(64);
        let expected = format!(
            "  1.7 source\n    {long}\n  schema mapping\n    my_{long} →\n    {long}\n  tables          4\n\n  \
             1.7 source      shop\n  schema mapping  my_shop → shop\n  tables          4"
        );
        assert_eq!(table(&header, &rows(&[&long, "shop"]), Some(80)), expected);
    }

    proptest! {
        /// Nothing is lost, and nothing is longer than it may be but a single word or statement.
        #[test]
        fn lines_fit_and_lose_nothing(
            words in prop::collection::vec("[a-zé店`'\"]{1,12}|DROP TABLE \"a b\";|SELECT 1;", 0..20),
            columns in 10_usize..60,
        ) {
            let text = words.join(" ");
            let lines = lines(&text, columns, 4, 2);
            let joined = lines.join(" ");
            prop_assert_eq!(
                joined.split_whitespace().collect::<Vec<_>>(),
                text.split_whitespace().collect::<Vec<_>>()
            );
            for (number, line) in lines.iter().enumerate() {
                let begin = if number == 0 { 4 } else { 2 };
                let fits = begin + width(line) <= columns || pieces(line).len() == 1;
                prop_assert!(fits, "{:?} in {} columns", line, columns);
            }
        }

        /// Whatever is in a table, at whatever width: no line is too long but one with a single long word.
        #[test]
        fn tables_fit(
            cells in prop::collection::vec(prop::collection::vec("[a-z店]{0,70}|[a-z ]{0,40}", 5), 0..4),
            columns in 40_usize..200,
        ) {
            let shown = table(&["id", "source", "schema mapping", "last read", "x"], &cells, Some(columns));
            for line in shown.lines() {
                let alone = line.starts_with("    ") && line.split_whitespace().count() == 1;
                prop_assert!(width(line) <= columns || alone, "{columns}: {line}");
            }
        }
    }
}
