//! The forms in which a value is written on MySQL and in PostgreSQL, and when two of them say the same.
//!
//! §after-verify. pg_chameleon gives each of MySQL's types a form of its own (seen, of 1.8.2 and 2.0.21 alike): what is binary
//! becomes hexadecimal digits, in capitals from the first copy and in small letters from the binary log, which also leaves out
//! the zero bytes at the end of `binary`; a `bit` is a number from the first copy and its binary digits from the log; a `set` is
//! a list from the first copy, and a set as Python writes it from the log; NUL characters are dropped; a zero date is NULL.

use crate::source::KeyValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The form of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text.
    Text,
    /// A text without blanks at its end.
    Padded,
    /// A label of an enum.
    Label,
    /// A whole number, or a year.
    Integer,
    /// Anything but zero is true.
    Boolean,
    /// A decimal number.
    Decimal,
    /// A number of single precision.
    Float,
    /// A number of double precision.
    Double,
    /// Bits.
    Bit,
    /// Members of a set.
    Set,
    /// Bytes.
    Bytes,
    /// Bytes of a fixed number, without zero bytes at their end.
    PaddedBytes,
    /// A date with a time.
    Timestamp,
    /// A date.
    Date,
    /// A time.
    Time,
    /// JSON, by its meaning.
    Json,
}

impl Form {
    /// Of a column of this type on MySQL (`data_type`), which has this type in PostgreSQL.
    #[must_use]
    pub fn of(mysql: &str, postgres: &str) -> Self {
        match mysql.to_ascii_lowercase().as_str() {
            _ if postgres == "bool" => Self::Boolean,
            "char" => Self::Padded,
            "enum" => Self::Label,
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => Self::Integer,
            "decimal" => Self::Decimal,
            "float" => Self::Float,
            "double" => Self::Double,
            "bit" => Self::Bit,
            "set" => Self::Set,
            "binary" => Self::PaddedBytes,
            "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Self::Bytes,
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
            | "multipolygon" | "geometrycollection" | "geomcollection" => Self::Bytes,
            "datetime" | "timestamp" => Self::Timestamp,
            "date" => Self::Date,
            "time" => Self::Time,
            "json" => Self::Json,
            _ => Self::Text,
        }
    }

    /// The expression that writes a column on MySQL.
    #[must_use]
    pub fn on_mysql(self, column: &str) -> String {
        match self {
            Self::Bytes | Self::PaddedBytes => format!("HEX({column})"),
            // Zeros before a number (ZEROFILL) are no part of it.
            Self::Integer | Self::Bit | Self::Boolean => format!("CAST({column} + 0 AS CHAR)"),
            Self::Timestamp => format!("DATE_FORMAT({column}, '%Y-%m-%d %H:%i:%s.%f')"),
            Self::Date => format!("DATE_FORMAT({column}, '%Y-%m-%d')"),
            Self::Time => format!("TIME_FORMAT({column}, '%H:%i:%s.%f')"),
            _ => format!("CAST({column} AS CHAR)"),
        }
    }

    /// The expression that writes a column of this type in PostgreSQL.
    #[must_use]
    pub fn in_postgres(column: &str, kind: &str) -> String {
        match kind {
            // The digits are kept as text, in bytes.
            "bytea" => format!("encode({column}, 'escape')"),
            "timestamp" | "timestamptz" => format!("to_char({column}, 'YYYY-MM-DD HH24:MI:SS.US')"),
            "date" => format!("to_char({column}, 'YYYY-MM-DD')"),
            "time" => format!("to_char({column}, 'HH24:MI:SS.US')"),
            "bool" => format!("{column}::int::text"),
            _ => format!("{column}::text"),
        }
    }

    /// One text for every way in which a value is written; none for NULL.
    #[must_use]
    pub fn canonical(self, value: Option<&str>) -> Option<Cow<'_, str>> {
        let text = value?;
        Some(match self {
            Self::Text => without_nul(text),
            Self::Padded => match without_nul(text) {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim_end_matches(' ')),
                Cow::Owned(text) => Cow::Owned(text.trim_end_matches(' ').to_owned()),
            },
            Self::Integer | Self::Bit | Self::Label => Cow::Borrowed(text),
            Self::Boolean => Cow::Borrowed(if text == "0" { "0" } else { "1" }),
            Self::Decimal => Cow::Borrowed(without_zeros(without_zeros_before(text))),
            Self::Float => rounded(text, SIGNIFICANT_OF_SINGLE),
            Self::Double => rounded(text, SIGNIFICANT_OF_DOUBLE),
            Self::Set => Cow::Owned(members(text)),
            Self::Bytes => small(text),
            Self::PaddedBytes => match small(text) {
                Cow::Borrowed(digits) => Cow::Borrowed(without_zero_bytes(digits)),
                Cow::Owned(digits) => Cow::Owned(without_zero_bytes(&digits).to_owned()),
            },
            Self::Timestamp | Self::Date if text.starts_with("0000-00-00") => return None,
            Self::Timestamp | Self::Time => Cow::Borrowed(without_zeros(text)),
            Self::Date => Cow::Borrowed(text),
            Self::Json => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(value) => Cow::Owned(sorted(&value).to_string()),
                Err(_) => Cow::Borrowed(text),
            },
        })
    }

    /// Whether the values say the same.
    #[must_use]
    pub fn equal(self, mysql: Option<&str>, postgres: Option<&str>) -> bool {
        if mysql == postgres {
            return true;
        }
        let (here, there) = (self.canonical(mysql), self.canonical(postgres));
        here == there
            || (self == Self::Bit
                && here.is_some_and(|here| Some(digits(&here)) == there.map(Cow::into_owned)))
    }

    /// Whether rows can be found by a key column of this form on both sides.
    #[must_use]
    pub fn finds_rows(self) -> bool {
        self.orders_rows() || self == Self::Label
    }

    /// Whether MySQL compares a value with such a column as it orders by it: a label is compared as a text, and ordered by its number.
    #[must_use]
    pub fn orders_rows(self) -> bool {
        match self {
            Self::Text | Self::Padded | Self::Integer | Self::Decimal => true,
            Self::Bytes | Self::PaddedBytes | Self::Timestamp | Self::Date => true,
            Self::Label | Self::Boolean | Self::Float | Self::Double | Self::Bit | Self::Set => false,
            Self::Time | Self::Json => false,
        }
    }

    /// A value of such a key column, as MySQL is to compare it with; none where it would be compared as another one.
    #[must_use]
    pub fn key_value(self, text: &str) -> Option<KeyValue> {
        match self {
            Self::Integer => text.parse().ok().map(KeyValue::Number),
            // A text, it is compared with a decimal as a number of floating point.
            Self::Decimal => None,
            _ if self.orders_rows() => Some(KeyValue::Text(text.to_owned())),
            _ => None,
        }
    }

    /// The ways in which a key may be written in PostgreSQL. `bytes`: how many the column takes.
    #[must_use]
    pub fn spellings(self, key: &str, bytes: Option<u64>) -> Vec<String> {
        let mut all = match self {
            Self::Bytes => vec![key.to_ascii_uppercase(), key.to_ascii_lowercase()],
            Self::PaddedBytes => {
                let small = key.to_ascii_lowercase();
                let short = without_zero_bytes(&small);
                let digits = bytes.and_then(|bytes| usize::try_from(bytes * 2).ok()).unwrap_or(short.len());
                vec![format!("{short:0<digits$}").to_ascii_uppercase(), short.to_owned()]
            }
            Self::Text | Self::Padded => vec![without_nul(key).into_owned()],
            _ => vec![key.to_owned()],
        };
        all.dedup();
        all
    }
}

/// MySQL writes no more digits of a FLOAT, and of a DOUBLE.
const SIGNIFICANT_OF_SINGLE: usize = 6;
/// As above.
const SIGNIFICANT_OF_DOUBLE: usize = 15;

fn rounded(text: &str, significant: usize) -> Cow<'_, str> {
    match text.parse::<f64>() {
        Ok(0.0) => Cow::Borrowed("0"),
        Ok(number) => Cow::Owned(format!("{number:.*e}", significant - 1)),
        Err(_) => Cow::Borrowed(text),
    }
}

fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) }
}

fn without_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

fn without_zeros_before(number: &str) -> &str {
    let digits = number.trim_start_matches('0');
    let zeros = number.len() - digits.len();
    // One stays before a point, or alone.
    if digits.starts_with(|it: char| it.is_ascii_digit()) {
        digits
    } else {
        &number[zeros.saturating_sub(1)..]
    }
}

fn small(digits: &str) -> Cow<'_, str> {
    if digits.bytes().any(|it| it.is_ascii_uppercase()) {
        Cow::Owned(digits.to_ascii_lowercase())
    } else {
        Cow::Borrowed(digits)
    }
}

fn without_zero_bytes(digits: &str) -> &str {
    let mut digits = digits;
    while digits.len().is_multiple_of(2) {
        let Some(rest) = digits.strip_suffix("00") else { break };
        digits = rest;
    }
    digits
}

/// `x,z` and `{'z', 'x'}` alike.
fn members(text: &str) -> String {
    let bare = text.strip_prefix('{').and_then(|it| it.strip_suffix('}')).unwrap_or(text);
    let mut members: Vec<_> = bare.split(',').map(|member| member.trim().trim_matches('\'')).collect();
    members.sort_unstable();
    members.join(",")
}

/// A number as its binary digits.
fn digits(number: &str) -> String {
    number.parse::<u64>().map_or_else(|_| number.to_owned(), |number| format!("{number:b}"))
}

/// The same value with the keys of its objects in order.
fn sorted(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(object) => {
            let members: BTreeMap<_, _> =
                object.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            members.into_iter().collect()
        }
        serde_json::Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pg_chameleon_writes_is_what_mysql_has() {
        for (form, mysql, postgres) in [
            (Form::Bytes, "00FF", "00ff"),
            (Form::PaddedBytes, "01020000", "0102"),
            (Form::PaddedBytes, "00000000", ""),
            (Form::Bit, "129", "129"),
            (Form::Bit, "129", "10000001"),
            (Form::Set, "x,z", "{'z', 'x'}"),
            (Form::Decimal, "1.50", "1.5"),
            (Form::Decimal, "-0.10", "-0.1"),
            (Form::Decimal, "0001.50", "1.5"),
            (Form::Decimal, "0000.50", "0.5"),
            (Form::Decimal, "0000", "0"),
            (Form::Float, "1.1", "1.10000002384186"),
            (Form::Float, "16777200", "16777217"),
            (Form::Double, "22500000000", "2.25e10"),
            (Form::Double, "0", "-0"),
            (Form::Json, r#"{"b": 1, "a": [2]}"#, r#"{"a":[2],"b":1}"#),
            (Form::Padded, "pad", "pad       "),
            (Form::Text, "a\0b", "ab"),
            (Form::Boolean, "5", "1"),
            (Form::Timestamp, "2026-01-02 03:04:05.500000", "2026-01-02 03:04:05.5"),
        ] {
            assert!(form.equal(Some(mysql), Some(postgres)), "{form:?}: {mysql:?}, {postgres:?}");
        }
        assert!(Form::Date.equal(Some("0000-00-00"), None));
        assert!(Form::Timestamp.equal(Some("0000-00-00 00:00:00.000000"), None));
    }

    #[test]
    fn other_values_are_other_values() {
        for (form, mysql, postgres) in [
            (Form::Bytes, "00FF", "ff"),
            (Form::PaddedBytes, "0100", "0010"),
            (Form::PaddedBytes, "0010", "001"),
            (Form::Bit, "2", "11"),
            (Form::Set, "x,z", "x"),
            (Form::Decimal, "100", "1"),
            (Form::Decimal, "010", "1"),
            (Form::Float, "1.1", "1.10001"),
            (Form::Double, "1.1", "1.1000001"),
            (Form::Text, "a", "a "),
            (Form::Text, "a", "A"),
            (Form::Json, "[1, 2]", "[2, 1]"),
            (Form::Boolean, "1", "0"),
            (Form::Integer, "1", "10"),
        ] {
            assert!(!form.equal(Some(mysql), Some(postgres)), "{form:?}: {mysql:?}, {postgres:?}");
        }
        for form in [Form::Text, Form::Integer, Form::Date, Form::Json] {
            assert!(!form.equal(Some("NULL"), None));
            assert!(!form.equal(None, Some("")));
            assert!(form.equal(None, None));
        }
    }

    #[test]
    fn a_key_is_looked_for_in_every_spelling() {
        assert_eq!(Form::PaddedBytes.spellings("AB00", Some(3)), ["AB0000", "ab"]);
        assert_eq!(Form::PaddedBytes.spellings("ab", Some(1)), ["AB", "ab"]);
        assert_eq!(Form::Bytes.spellings("12", None), ["12"]);
        assert_eq!(Form::Bytes.spellings("ab", None), ["AB", "ab"]);
        assert_eq!(Form::Text.spellings("a\0", None), ["a"]);
    }
}
