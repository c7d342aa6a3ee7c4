//! Rows out of nothing: SQL expressions that give each column of a table a value from the number of
//! a row and the number of a change to it. The same expressions fill destination tables and the
//! events that wait for them, so that generated events can be replayed on generated rows.

use super::description::Table;
use crate::server::quoting::literal;

/// `jsonb_build_object` takes at most a hundred arguments.
const COLUMNS_IN_ONE_OBJECT: usize = 50;

/// The select list that makes the row `row` after the change `change` (both SQL expressions; change
/// 0 is the row as it was inserted), in the order of the table's columns.
pub(super) fn select_list(table: &Table, row: &str, change: &str) -> String {
    let columns = table.all_columns();
    let values = columns.iter().map(|(name, kind)| value(table, name, kind, row, change));
    values.collect::<Vec<_>>().join(", ")
}

/// The same row as an SQL expression of type jsonb.
pub(super) fn image(table: &Table, row: &str, change: &str) -> String {
    let columns = table.all_columns();
    let objects = columns.chunks(COLUMNS_IN_ONE_OBJECT).map(|columns| {
        let pairs = columns.iter().map(|(name, kind)| {
            let value = value(table, name, kind, row, change);
            format!("{}, {value}", literal(name))
        });
        format!("jsonb_build_object({})", pairs.collect::<Vec<_>>().join(", "))
    });
    objects.collect::<Vec<_>>().join(" || ")
}

/// The value of one column. Key columns depend on the number of the row alone.
fn value(table: &Table, name: &str, kind: &str, row: &str, change: &str) -> String {
    let is_key = table.key.iter().any(|key| key == name);
    let expression = if is_key { key_value(kind, row) } else { data_value(kind, row, change) };
    format!("({expression})::{kind}")
}

fn key_value(kind: &str, row: &str) -> String {
    match Family::of(kind) {
        Family::Integer | Family::Number | Family::Text => row.to_owned(),
        _ => data_value(kind, row, "0"),
    }
}

fn data_value(kind: &str, row: &str, change: &str) -> String {
    match Family::of(kind) {
        Family::Integer => format!("({row} + {change}) % 32768"),
        Family::Number => format!("({row} + {change}) * 0.25"),
        Family::Boolean => format!("({row} + {change}) % 2 = 0"),
        Family::Text => format!("'row ' || {row} || ', change ' || {change}"),
        Family::Time => format!("timestamp '2024-01-01' + ({row} + {change}) * interval '1 minute'"),
        Family::Bytes => format!("decode(md5({row} || ',' || {change}), 'hex')"),
        Family::Json => format!("json_build_object('row', {row}, 'change', {change})"),
        Family::Uuid => format!("md5({row} || ',' || {change})"),
        Family::Other => "NULL".to_owned(),
    }
}

/// What kinds of value a type takes.
enum Family {
    Integer,
    Number,
    Boolean,
    Text,
    Time,
    Bytes,
    Json,
    Uuid,
    Other,
}

impl Family {
    fn of(kind: &str) -> Self {
        let kind = kind.to_lowercase();
        match kind.split(['(', ' ']).next().unwrap_or_default() {
            "smallint" | "integer" | "int" | "bigint" | "int2" | "int4" | "int8" => Self::Integer,
            "numeric" | "decimal" | "real" | "double" | "float4" | "float8" => Self::Number,
            "boolean" | "bool" => Self::Boolean,
            "text" | "varchar" | "char" | "character" => Self::Text,
            "date" | "time" | "timestamp" | "timestamptz" => Self::Time,
            "bytea" => Self::Bytes,
            "json" | "jsonb" => Self::Json,
            "uuid" => Self::Uuid,
            _ => Self::Other,
        }
    }
}
