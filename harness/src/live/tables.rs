//! Whether a replicated schema equals its source: table by table, row by row, cell by cell.
//!
//! Two values are equal when they say the same in the form that pg_chameleon gives to the type, 1.8.2 and 2.0.21 alike
//! (seen on both): binary columns hold the hexadecimal digits as text, upper case from the first copy and lower case
//! from the binary log, which also leaves out the zero bytes at the end of `binary`; `bit` is a number from the first
//! copy and its binary digits from the binary log; `set` is a list from the first copy and a Python set from the
//! binary log. Tables without a primary key are never replicated after the first copy, so they are left out.

use super::LiveError;
use crate::server::mysql::MySqlServer;
use crate::server::quoting::identifier;
use mysql::prelude::Queryable;
use postgres::Client;
use std::collections::{BTreeMap, BTreeSet};

/// How many differing rows of a table are shown.
const SHOWN_ROWS: usize = 5;

/// A schema on MySQL and the one on PostgreSQL that replicates it.
#[derive(Debug, Clone, Copy)]
pub struct SchemaPair<'a> {
    /// The MySQL server.
    pub mysql: &'a MySqlServer,
    /// The schema there.
    pub source: &'a str,
    /// The schema on PostgreSQL.
    pub destination: &'a str,
}

/// A table that doesn't equal its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub table: String,
    /// In what they differ.
    pub what: Vec<String>,
}

/// A table as it was compared: every key with its row.
type Rows = BTreeMap<Vec<Option<String>>, Vec<Option<String>>>;

/// The form of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    /// Without spaces at its end.
    Padded,
    Integer,
    Decimal,
    Float,
    Double,
    Bit,
    Set,
    Hexadecimal,
    /// Hexadecimal, without zero bytes at its end.
    Binary,
    Timestamp,
    Date,
    Time,
    Json,
}

/// A column of a MySQL table.
struct Column {
    name: String,
    form: Form,
    in_key: bool,
}

/// The tables with a primary key that don't equal their sources, and the names of all that were compared.
///
/// # Errors
/// [`LiveError`] when either side can't be read.
pub fn compare(
    client: &mut Client,
    pair: &SchemaPair<'_>,
) -> Result<(Vec<String>, Vec<Difference>), LiveError> {
    let tables = source_tables(pair)?;
    let mut differences = Vec::new();
    for (table, columns) in &tables {
        let what = compare_table(client, pair, table, columns)?;
        if !what.is_empty() {
            differences.push(Difference { table: format!("{}.{table}", pair.destination), what });
        }
    }
    let names = tables.keys().map(|table| format!("{}.{table}", pair.destination));
    Ok((names.collect(), differences))
}

/// The tables of the MySQL schema that have a primary key, with their columns in order.
fn source_tables(pair: &SchemaPair<'_>) -> Result<BTreeMap<String, Vec<Column>>, LiveError> {
    let statement = "
        SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_KEY = 'PRI'
        FROM information_schema.COLUMNS JOIN information_schema.TABLES USING (TABLE_SCHEMA, TABLE_NAME)
        WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE'
        ORDER BY TABLE_NAME, ORDINAL_POSITION";
    let rows: Vec<(String, String, String, bool)> = pair
        .mysql
        .connect(None)?
        .exec(statement, (pair.source,))
        .map_err(LiveError::mysql(format!("read the columns of the schema {}", pair.source)))?;
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for (table, name, data_type, in_key) in rows {
        tables.entry(table).or_default().push(Column { name, form: form(&data_type), in_key });
    }
    tables.retain(|_, columns| columns.iter().any(|column| column.in_key));
    Ok(tables)
}

fn form(data_type: &str) -> Form {
    match data_type {
        "char" => Form::Padded,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => Form::Integer,
        "decimal" => Form::Decimal,
        "float" => Form::Float,
        "double" => Form::Double,
        "bit" => Form::Bit,
        "set" => Form::Set,
        "binary" => Form::Binary,
        "tinyblob" | "blob" | "mediumblob" | "longblob" | "varbinary" | "geometry" => Form::Hexadecimal,
        "datetime" | "timestamp" => Form::Timestamp,
        "date" => Form::Date,
        "time" => Form::Time,
        "json" => Form::Json,
        _ => Form::Text,
    }
}

fn compare_table(
    client: &mut Client,
    pair: &SchemaPair<'_>,
    table: &str,
    columns: &[Column],
) -> Result<Vec<String>, LiveError> {
    let there = destination_columns(client, pair.destination, table)?;
    if there.is_empty() {
        return Ok(vec!["it is missing on PostgreSQL".to_owned()]);
    }
    let here: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let names: BTreeSet<&str> = there.keys().map(String::as_str).collect();
    if here != names {
        return Ok(vec![format!("its columns are {here:?} on MySQL, {names:?} on PostgreSQL")]);
    }
    let (source, _) = keyed(columns, source_rows(pair, table, columns)?);
    let (replica, twice) = keyed(columns, destination_rows(client, pair, table, columns, &there)?);
    let mut what: Vec<_> =
        twice.into_iter().map(|key| format!("the row {} is twice on PostgreSQL", shown(&key))).collect();
    what.extend(differing_rows(columns, &source, &replica));
    Ok(shortened(what))
}

/// The columns of a PostgreSQL table with their types; none when there is no such table.
fn destination_columns(
    client: &mut Client,
    schema: &str,
    table: &str,
) -> Result<BTreeMap<String, String>, LiveError> {
    let statement = "
        SELECT a.attname::text, a.atttypid::regtype::text
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped";
    let rows = client
        .query(statement, &[&schema, &table])
        .map_err(LiveError::sql(format!("read the columns of {schema}.{table}")))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn source_rows(
    pair: &SchemaPair<'_>,
    table: &str,
    columns: &[Column],
) -> Result<Vec<Vec<Option<String>>>, LiveError> {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let expressions: Vec<_> = columns
        .iter()
        .map(|column| {
            let name = quoted(&column.name);
            match column.form {
                Form::Hexadecimal | Form::Binary => format!("HEX({name})"),
                Form::Bit => format!("CAST({name} + 0 AS CHAR)"),
                Form::Timestamp => format!("DATE_FORMAT({name}, '%Y-%m-%d %H:%i:%s.%f')"),
                Form::Date => format!("DATE_FORMAT({name}, '%Y-%m-%d')"),
                Form::Time => format!("TIME_FORMAT({name}, '%H:%i:%s.%f')"),
                _ => format!("CAST({name} AS CHAR)"),
            }
        })
        .collect();
    let statement =
        format!("SELECT {} FROM {}.{}", expressions.join(", "), quoted(pair.source), quoted(table));
    let failed = || LiveError::mysql(format!("read {}.{table} on MySQL", pair.source));
    let rows: Vec<mysql::Row> = pair.mysql.connect(None)?.query(statement).map_err(failed())?;
    Ok(rows
        .into_iter()
        .map(|row| (0..columns.len()).map(|n| row.get::<Option<String>, _>(n).flatten()).collect())
        .collect())
}

fn destination_rows(
    client: &mut Client,
    pair: &SchemaPair<'_>,
    table: &str,
    columns: &[Column],
    types: &BTreeMap<String, String>,
) -> Result<Vec<Vec<Option<String>>>, LiveError> {
    let expressions: Vec<_> = columns
        .iter()
        .map(|column| {
            let name = identifier(&column.name);
            match types.get(&column.name).map_or("", String::as_str) {
                "bytea" => format!("encode({name}, 'escape')"),
                "timestamp without time zone" => format!("to_char({name}, 'YYYY-MM-DD HH24:MI:SS.US')"),
                "date" => format!("to_char({name}, 'YYYY-MM-DD')"),
                "time without time zone" => format!("to_char({name}, 'HH24:MI:SS.US')"),
                "boolean" => format!("{name}::int::text"),
                _ => format!("{name}::text"),
            }
        })
        .collect();
    let from = format!("{}.{}", identifier(pair.destination), identifier(table));
    let rows = client
        .query(&format!("SELECT {} FROM {from}", expressions.join(", ")), &[])
        .map_err(LiveError::sql(format!("read {from} on PostgreSQL")))?;
    Ok(rows.iter().map(|row| (0..columns.len()).map(|n| row.get(n)).collect()).collect())
}

/// Rows by their keys, and the keys that more than one row has.
fn keyed(columns: &[Column], rows: Vec<Vec<Option<String>>>) -> (Rows, Vec<Vec<Option<String>>>) {
    let mut by_key = Rows::new();
    let mut twice = Vec::new();
    for row in rows {
        let cells = columns.iter().zip(&row).filter(|(column, _)| column.in_key);
        let key: Vec<_> =
            cells.map(|(column, cell)| cell.as_deref().map(|text| canonical(column.form, text))).collect();
        if by_key.insert(key.clone(), row).is_some() {
            twice.push(key);
        }
    }
    (by_key, twice)
}

fn differing_rows(columns: &[Column], source: &Rows, replica: &Rows) -> Vec<String> {
    let missing = source.keys().filter(|key| !replica.contains_key(*key));
    let surplus = replica.keys().filter(|key| !source.contains_key(*key));
    let changed = source.iter().filter_map(|(key, row)| {
        let other = replica.get(key)?;
        let cells: Vec<_> = columns
            .iter()
            .zip(row.iter().zip(other))
            .filter(|(column, (here, there))| !equal(column.form, here.as_deref(), there.as_deref()))
            .map(|(column, (here, there))| {
                format!("{} is {here:?} on MySQL, {there:?} on PostgreSQL", column.name)
            })
            .collect();
        (!cells.is_empty()).then(|| format!("in the row {}: {}", shown(key), cells.join("; ")))
    });
    missing
        .map(|key| format!("the row {} is missing on PostgreSQL", shown(key)))
        .chain(surplus.map(|key| format!("the row {} is not on MySQL", shown(key))))
        .chain(changed)
        .collect()
}

fn shown(key: &[Option<String>]) -> String {
    let cells: Vec<_> = key.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
    format!("({})", cells.join(", "))
}

fn shortened(mut what: Vec<String>) -> Vec<String> {
    let more = what.len().saturating_sub(SHOWN_ROWS);
    if more > 0 {
        what.truncate(SHOWN_ROWS);
        what.push(format!("and {more} rows more"));
    }
    what
}

/// Whether the value on MySQL and the one on PostgreSQL are the same.
fn equal(form: Form, source: Option<&str>, replica: Option<&str>) -> bool {
    match (source, replica) {
        (None, None) => true,
        (Some(source), Some(replica)) => {
            canonical(form, source) == canonical(form, replica)
                || (form == Form::Bit && digits(source) == replica)
        }
        _ => false,
    }
}

/// A number as its binary digits.
fn digits(number: &str) -> String {
    number.parse::<u64>().map_or_else(|_| number.to_owned(), |number| format!("{number:b}"))
}

/// One text for every way in which a value is written.
fn canonical(form: Form, text: &str) -> String {
    match form {
        Form::Padded => text.trim_end_matches(' ').to_owned(),
        Form::Decimal => without_trailing_zeros(text).to_owned(),
        Form::Float => text.parse::<f32>().map_or_else(|_| text.to_owned(), |number| format!("{number:e}")),
        Form::Double => text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| format!("{number:e}")),
        Form::Set => members(text),
        Form::Hexadecimal => text.to_ascii_lowercase(),
        Form::Binary => {
            let mut digits = text.to_ascii_lowercase();
            while digits.ends_with("00") && digits.len().is_multiple_of(2) {
                digits.truncate(digits.len() - 2);
            }
            digits
        }
        Form::Json => serde_json::from_str::<serde_json::Value>(text)
            .map_or_else(|_| text.to_owned(), |value| sorted(&value).to_string()),
        _ => text.to_owned(),
    }
}

fn without_trailing_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// `x,z` and `{'z', 'x'}` alike.
fn members(text: &str) -> String {
    let bare = text.trim_start_matches('{').trim_end_matches('}');
    let members: BTreeSet<_> = bare.split(',').map(|member| member.trim().trim_matches('\'')).collect();
    members.into_iter().collect::<Vec<_>>().join(",")
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
    fn the_forms_of_pg_chameleon_are_equal_to_the_values_on_mysql() {
        let same = [
            (Form::Hexadecimal, "00FF", "00ff"),
            (Form::Binary, "01020000", "0102"),
            (Form::Binary, "00000000", ""),
            (Form::Bit, "129", "129"),
            (Form::Bit, "129", "10000001"),
            (Form::Bit, "1", "1"),
            (Form::Set, "x,z", "{'z', 'x'}"),
            (Form::Decimal, "1.50", "1.5"),
            (Form::Decimal, "100", "100"),
            (Form::Float, "1.1", "1.10000002384186"),
            (Form::Double, "22500000000", "2.25e10"),
            (Form::Json, r#"{"b": 1, "a": [2]}"#, r#"{"a":[2],"b":1}"#),
            (Form::Padded, "pad", "pad       "),
        ];
        for (form, source, replica) in same {
            assert!(equal(form, Some(source), Some(replica)), "{form:?}: {source} and {replica}");
        }
    }

    #[test]
    fn other_values_are_not() {
        let other = [
            (Form::Hexadecimal, "00FF", "ff"),
            (Form::Binary, "0100", "0010"),
            (Form::Binary, "0010", "001"),
            (Form::Bit, "2", "11"),
            (Form::Set, "x,z", "x"),
            (Form::Decimal, "100", "1"),
            (Form::Double, "1.1", "1.1000001"),
            (Form::Text, "a", "a "),
            (Form::Json, "[1, 2]", "[2, 1]"),
        ];
        for (form, source, replica) in other {
            assert!(!equal(form, Some(source), Some(replica)), "{form:?}: {source} and {replica}");
        }
        assert!(!equal(Form::Text, Some("NULL"), None));
        assert!(!equal(Form::Text, None, Some("")));
        assert!(equal(Form::Text, None, None));
    }

    #[test]
    fn rows_are_told_by_their_keys() {
        let column = |name: &str, in_key| Column { name: name.to_owned(), form: Form::Text, in_key };
        let columns = [column("id", true), column("data", false)];
        let rows = |rows: &[(&str, &str)]| {
            rows.iter().map(|(id, data)| vec![Some((*id).to_owned()), Some((*data).to_owned())]).collect()
        };
        let (source, _) = keyed(&columns, rows(&[("1", "a"), ("2", "b"), ("3", "c")]));
        let (replica, twice) = keyed(&columns, rows(&[("2", "b"), ("3", "d"), ("4", "e"), ("2", "b")]));
        assert_eq!(twice, [[Some("2".to_owned())]]);
        assert_eq!(
            differing_rows(&columns, &source, &replica),
            [
                "the row (1) is missing on PostgreSQL",
                "the row (4) is not on MySQL",
                "in the row (3): data is Some(\"c\") on MySQL, Some(\"d\") on PostgreSQL",
            ]
        );
    }
}
