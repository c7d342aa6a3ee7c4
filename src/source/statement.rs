//! What a statement in the binary log does, as far as a replica is concerned.
//!
//! With rows in the binary log its statements are those around transactions, and definitions. Of these only the ones
//! that change tables matter to a replica; accounts, views, routines and temporary tables don't.

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    /// It begins a transaction.
    Begins,
    /// It ends a transaction.
    Ends,
    /// It changes the definition of tables: in words, such as `ALTER TABLE`.
    Defines(String),
    /// Anything else.
    Other,
}

/// Words between the verb and what it is about.
const MODIFIERS: [&str; 9] =
    ["OR", "REPLACE", "ONLINE", "OFFLINE", "IGNORE", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR"];

/// How many words decide.
const WORDS: usize = 8;

/// How much of a statement is shown.
const SHOWN: usize = 80;

/// Reads a statement.
pub(super) fn read(text: &str) -> Statement {
    let words = words(text);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["BEGIN", ..] | ["START", "TRANSACTION", ..] | ["XA", "START" | "BEGIN", ..] => Statement::Begins,
        ["ROLLBACK", "TO", ..] | ["ROLLBACK", "WORK", "TO", ..] => Statement::Other,
        ["COMMIT" | "ROLLBACK", ..] | ["XA", "COMMIT" | "ROLLBACK" | "PREPARE", ..] => Statement::Ends,
        ["TRUNCATE", ..] => Statement::Defines("TRUNCATE TABLE".to_owned()),
        [verb @ ("CREATE" | "ALTER" | "DROP" | "RENAME"), about @ ..] => definition(verb, about),
        _ => Statement::Other,
    }
}

fn definition(verb: &str, about: &[&str]) -> Statement {
    match about.iter().find(|word| !MODIFIERS.contains(word)) {
        Some(&("TABLE" | "TABLES")) => Statement::Defines(format!("{verb} TABLE")),
        Some(&("DATABASE" | "SCHEMA")) => Statement::Defines(format!("{verb} DATABASE")),
        Some(&"INDEX") => Statement::Defines(format!("{verb} INDEX")),
        _ => Statement::Other,
    }
}

/// The beginning of a statement on one line, without what stands in quotes: that may be data, or a password.
pub(super) fn beginning(text: &str) -> String {
    let mut shown = String::new();
    let mut letters = text.trim().chars().peekable();
    let mut length = 0;
    while let Some(letter) = letters.next() {
        if length == SHOWN {
            shown.push('…');
            break;
        }
        match letter {
            '\'' | '"' => {
                skip_literal(&mut letters, letter);
                shown.push_str("'…'");
            }
            letter if letter.is_whitespace() => {
                if !shown.ends_with(' ') {
                    shown.push(' ');
                }
            }
            letter => shown.push(letter),
        }
        length += 1;
    }
    shown
}

fn skip_literal(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, quote: char) {
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            letter if letter == quote && letters.peek() == Some(&quote) => drop(letters.next()),
            letter if letter == quote => return,
            _ => {}
        }
    }
}

/// The first words in capitals, without comments. What stands in a comment for the server (`/*!40000 … */`) is code.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while words.len() < WORDS {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ';');
        if let Some(code) = rest.strip_prefix("/*!").or_else(|| rest.strip_prefix("/*M!")) {
            rest = code.trim_start_matches(|letter: char| letter.is_ascii_digit());
        } else if rest.starts_with("*/") {
            rest = &rest[2..];
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else if rest.starts_with('#') || rest.starts_with("--") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else {
            let end = rest.find(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
            let end = end.unwrap_or(rest.len());
            if end == 0 {
                break;
            }
            words.push(rest[..end].to_uppercase());
            rest = &rest[end..];
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defines(text: &str) -> Option<String> {
        match read(text) {
            Statement::Defines(kind) => Some(kind),
            _ => None,
        }
    }

    #[test]
    fn definitions_of_tables_are_known_however_they_are_written() {
        for (text, kind) in [
            ("create table t (id int)", "CREATE TABLE"),
            ("CREATE OR REPLACE TABLE t (id int)", "CREATE TABLE"),
            ("CREATE/**/TABLE`t`(id int)", "CREATE TABLE"),
            ("/* by hand */ ALTER  IGNORE\n TABLE t ADD x int", "ALTER TABLE"),
            ("/*!40000 ALTER TABLE t DISABLE KEYS */", "ALTER TABLE"),
            ("-- why\nDROP TABLE IF EXISTS `t` /* generated by server */", "DROP TABLE"),
            ("# why\nRENAME TABLE a TO b", "RENAME TABLE"),
            ("RENAME TABLES a TO b", "RENAME TABLE"),
            ("truncate t", "TRUNCATE TABLE"),
            ("TRUNCATE TABLE t", "TRUNCATE TABLE"),
            ("CREATE UNIQUE INDEX i ON t (a)", "CREATE INDEX"),
            ("DROP SCHEMA s", "DROP DATABASE"),
        ] {
            assert_eq!(defines(text).as_deref(), Some(kind), "{text}");
        }
    }

    #[test]
    fn what_leaves_tables_alone_is_no_definition_of_them() {
        for text in [
            "CREATE USER u IDENTIFIED BY 'table'",
            "DROP TEMPORARY TABLE IF EXISTS t",
            "DROP /*!40005 TEMPORARY */ TABLE IF EXISTS t",
            "CREATE DEFINER=`a`@`b` TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a = 1",
            "CREATE ALGORITHM=UNDEFINED VIEW table_view AS SELECT 1",
            "RENAME USER a TO b",
            "GRANT ALL ON t TO u",
            "INSERT INTO create_table VALUES (1)",
            "ANALYZE TABLE t",
            "SAVEPOINT `truncate`",
            "# Dummy event",
            "",
        ] {
            assert_eq!(read(text), Statement::Other, "{text}");
        }
    }

    #[test]
    fn transactions_begin_and_end() {
        for text in ["BEGIN", "begin", "START TRANSACTION", "XA START X'01',X'',1"] {
            assert_eq!(read(text), Statement::Begins, "{text}");
        }
        for text in ["COMMIT", "ROLLBACK", "XA COMMIT X'01',X'',1", "XA ROLLBACK X'01'", "COMMIT /* x */"] {
            assert_eq!(read(text), Statement::Ends, "{text}");
        }
        for text in ["ROLLBACK TO `a`", "ROLLBACK WORK TO a", "XA END X'01'"] {
            assert_eq!(read(text), Statement::Other, "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_short_and_keeps_what_is_in_quotes() {
        assert_eq!(
            beginning("CREATE TABLE t (a int)\n  CONNECTION='mysql://u:it\\'s ''secret''@h' \tENGINE=x"),
            "CREATE TABLE t (a int) CONNECTION='…' ENGINE=x"
        );
        assert_eq!(beginning(&"x".repeat(200)).chars().count(), SHOWN + 1);
    }
}
