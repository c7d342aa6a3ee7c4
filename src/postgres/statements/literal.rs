//! Parameters written into the text of their statement.

use super::Unwritable;
use chrono::{Datelike as _, NaiveDateTime};
use std::fmt::Write as _;
use tokio_postgres::types::{FromSql, Kind, Type};

/// A parameter as it is sent: in binary, none for NULL.
pub(super) struct Parameter<'a> {
    pub kind: &'a Type,
    pub value: Option<&'a [u8]>,
}

impl Parameter<'_> {
    /// As SQL has it, with its type.
    pub fn literal(&self) -> Result<String, Unwritable> {
        let unwritable = || Unwritable::Parameter(self.kind.oid());
        let name = name(self.kind).ok_or_else(unwritable)?;
        let Some(bytes) = self.value else { return Ok(format!("NULL::{name}")) };
        let Kind::Array(element) = self.kind.kind() else {
            let value = value(self.kind, bytes).ok_or_else(unwritable)?;
            return Ok(format!("{value}::{name}"));
        };
        let elements = Vec::<Option<Raw>>::from_sql(self.kind, bytes).map_err(|_| unwritable())?;
        let elements: Vec<_> = elements
            .into_iter()
            .map(|raw| raw.map_or(Some("NULL".to_owned()), |raw| value(element, raw.0)))
            .collect::<Option<_>>()
            .ok_or_else(unwritable)?;
        Ok(format!("ARRAY[{}]::{name}", elements.join(", ")))
    }
}

/// The bytes of a value.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, bytes: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(bytes))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The name of a type that is the same under any settings; none of those that this program sends nowhere.
fn name(kind: &Type) -> Option<String> {
    if let Kind::Array(element) = kind.kind() {
        return Some(format!("{}[]", name(element)?));
    }
    let name = match *kind {
        Type::BOOL => "boolean",
        Type::INT2 => "smallint",
        Type::INT4 => "integer",
        Type::INT8 => "bigint",
        Type::OID => "oid",
        Type::TEXT => "text",
        Type::VARCHAR => "varchar",
        Type::NAME => "name",
        Type::JSON => "json",
        Type::JSONB => "jsonb",
        Type::TIMESTAMP => "timestamp",
        _ => return None,
    };
    Some(name.to_owned())
}

fn value(kind: &Type, bytes: &[u8]) -> Option<String> {
    fn from<'a, T: FromSql<'a>>(kind: &Type, bytes: &'a [u8]) -> Option<T> {
        T::from_sql(kind, bytes).ok()
    }
    match *kind {
        Type::BOOL => from::<bool>(kind, bytes).map(|value| value.to_string()),
        Type::INT2 => from::<i16>(kind, bytes).map(|value| number(value.into())),
        Type::INT4 => from::<i32>(kind, bytes).map(|value| number(value.into())),
        Type::INT8 => from::<i64>(kind, bytes).map(number),
        Type::OID => from::<u32>(kind, bytes).map(|value| number(value.into())),
        Type::TEXT | Type::VARCHAR | Type::NAME => from::<&str>(kind, bytes).map(quoted),
        Type::JSON => std::str::from_utf8(bytes).ok().map(quoted),
        Type::JSONB => std::str::from_utf8(bytes.strip_prefix(b"\x01")?).ok().map(quoted),
        Type::TIMESTAMP => {
            let time: NaiveDateTime = from(kind, bytes)?;
            // Others have no form that both know.
            (1..=9999).contains(&time.year()).then(|| quoted(&time.format("%F %T%.6f").to_string()))
        }
        _ => None,
    }
}

/// A minus sign would bind less than what follows.
fn number(value: i64) -> String {
    if value < 0 { format!("'{value}'") } else { value.to_string() }
}

/// For a session with `standard_conforming_strings`.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The statement with the literals in the place of its parameters, when it was sent with some, and a semicolon.
pub(super) fn written(text: &str, literals: Option<&[String]>) -> String {
    let text = text.trim();
    let mut sql = String::with_capacity(text.len() + 1);
    let mut rest = text;
    let mut last = Piece::Other;
    while !rest.is_empty() {
        let after_word = sql.chars().next_back().is_some_and(in_word);
        let (length, piece) = piece(rest, after_word);
        let (taken, left) = rest.split_at(length);
        match piece {
            Piece::Parameter(number) => match literals.and_then(|all| all.get(number.checked_sub(1)?)) {
                // A subscript would bind to the type.
                Some(literal) if left.starts_with('[') => _ = write!(sql, "({literal})"),
                Some(literal) => sql += literal,
                None => sql += taken,
            },
            _ => sql += taken,
        }
        (rest, last) = (left, piece);
    }
    if last == Piece::LineComment {
        sql.push('\n');
    }
    if last == Piece::LineComment || !sql.ends_with(';') {
        sql.push(';');
    }
    sql
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Parameter(usize),
    LineComment,
    /// A string, a quoted name, a comment, or a character of something else.
    Other,
}

fn in_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$' || !letter.is_ascii()
}

/// How long the piece at the beginning is, and what it is. `after_word`: whether a letter of a word or number stands before.
fn piece(text: &str, after_word: bool) -> (usize, Piece) {
    let ends_behind = |begin: usize, end: &str| {
        text.get(begin..).and_then(|rest| rest.find(end)).map_or(text.len(), |at| begin + at + end.len())
    };
    let first = text.chars().next().map_or(0, char::len_utf8);
    let length = match text.as_bytes() {
        [b'-', b'-', ..] => return (text.find('\n').unwrap_or(text.len()), Piece::LineComment),
        [b'/', b'*', ..] => block_comment(text),
        [b'"', ..] => ends_behind(1, "\""),
        [b'E' | b'e', b'\'', ..] if !after_word => 1 + with_backslashes(&text[1..]),
        [b'\'', ..] => ends_behind(1, "'"),
        [b'$', b'0'..=b'9', ..] if !after_word => {
            let digits = text[1..].find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len() - 1);
            let number = text[1..=digits].parse().unwrap_or_default();
            return (1 + digits, Piece::Parameter(number));
        }
        [b'$', ..] if !after_word => {
            let tag = text[1..].find('$').map(|at| &text[..at + 2]);
            let tag = tag.filter(|tag| tag[1..tag.len() - 1].chars().all(in_word));
            tag.map_or(first, |tag| ends_behind(tag.len(), tag))
        }
        _ => first,
    };
    (length, Piece::Other)
}

fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        let Some(rest) = text.get(at..) else { return text.len() };
        let Some(found) = rest.find("*/") else { return text.len() };
        match rest.find("/*").filter(|begin| *begin < found) {
            Some(begin) => (at, depth) = (at + begin + 2, depth + 1),
            None => (at, depth) = (at + found + 2, depth - 1),
        }
    }
    at
}

/// A string in which a backslash takes away what the next character means.
fn with_backslashes(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => _ = letters.next(),
            '\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_postgres::types::ToSql;
    use tokio_postgres::types::private::BytesMut;

    fn literal(kind: &Type, value: &dyn ToSql) -> String {
        let mut bytes = BytesMut::new();
        let null =
            matches!(value.to_sql_checked(kind, &mut bytes).unwrap(), tokio_postgres::types::IsNull::Yes);
        Parameter { kind, value: (!null).then_some(&*bytes) }.literal().unwrap()
    }

    #[test]
    fn parameters_are_literals_of_their_type() {
        let time =
            chrono::NaiveDate::from_ymd_opt(2026, 11, 26).unwrap().and_hms_micro_opt(1, 2, 3, 4).unwrap();
        assert_eq!(literal(&Type::INT8, &i64::MIN), "'-9223372036854775808'::bigint");
        assert_eq!(literal(&Type::TEXT, &"it's \\ $1 🐎\n"), "'it''s \\ $1 🐎\n'::text");
        assert_eq!(literal(&Type::TEXT, &None::<String>), "NULL::text");
        assert_eq!(literal(&Type::TIMESTAMP, &time), "'2026-11-26 01:02:03.000004'::timestamp");
        assert_eq!(literal(&Type::JSONB, &serde_json::json!({"a'": 1})), "'{\"a''\":1}'::jsonb");
        assert_eq!(literal(&Type::INT8_ARRAY, &vec![1_i64, -2]), "ARRAY[1, '-2']::bigint[]");
        assert_eq!(literal(&Type::INT8_ARRAY, &Vec::<i64>::new()), "ARRAY[]::bigint[]");
        let names = vec![Some("a,b".to_owned()), None];
        assert_eq!(literal(&Type::TEXT_ARRAY, &names), "ARRAY['a,b', NULL]::text[]");
        let unknown = Parameter { kind: &Type::XML, value: Some(b"<a/>") };
        assert_eq!(unknown.literal(), Err(Unwritable::Parameter(Type::XML.oid())));
    }

    #[test]
    fn only_parameters_are_replaced() {
        let literals: Vec<_> = (1..=10).map(|number| format!("<{number}>")).collect();
        for (text, expected) in [
            (" SELECT $1, $10::text ", "SELECT <1>, <10>::text;"),
            ("SELECT $1[1], a$1, $11", "SELECT (<1>)[1], a$1, $11;"),
            ("SELECT '$1 -- ''$1', \"$1\", $1", "SELECT '$1 -- ''$1', \"$1\", <1>;"),
            ("SELECT E'\\'$1', $1", "SELECT E'\\'$1', <1>;"),
            ("SELECT '\\', $1", "SELECT '\\', <1>;"),
            ("SELECT $$ $1 ' $$, $1", "SELECT $$ $1 ' $$, <1>;"),
            ("SELECT $a$ $1 $$ $a$, $1", "SELECT $a$ $1 $$ $a$, <1>;"),
            ("SELECT 1 /* $1 /* */ $1 */ + $1", "SELECT 1 /* $1 /* */ $1 */ + <1>;"),
            ("SELECT $1 -- of $1\n, $2", "SELECT <1> -- of $1\n, <2>;"),
            ("SELECT 1; -- the end;", "SELECT 1; -- the end;\n;"),
            ("SELECT 'ö$1', $2;", "SELECT 'ö$1', <2>;"),
        ] {
            assert_eq!(written(text, Some(&literals)), expected);
        }
        assert_eq!(written("SELECT $1", None), "SELECT $1;");
    }
}
