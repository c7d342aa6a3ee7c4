//! Digests of the rows of a chunk, made inside both servers: rows are read only where they differ. §after-verify
//!
//! A digest is the MD5 of one text of all rows of a range of keys, in their order. In it each value is ended by a comma. A number or
//! a time, which has none, stands as it is; another value stands behind its length in bytes and a comma, or, where it may be
//! long, as an MD5 of its own; NULL is `N`. So one text is that of one list of rows only. Where values are equal (`Form`) and
//! are written in two ways, the two digests differ: then the rows are read, and decide. Of values that differ the texts must.

use super::compare::Column;
use super::form::Form;
use super::reading::{Reading, Traversal};
use super::{Sides, VerifyError, replica};
use crate::names::{quote_identifier, quote_mysql_identifier};
use crate::source::{self, DigestQuery, Session};
use std::time::{Duration, Instant};

/// A digest is made of so many chunks of rows at most.
const CHUNKS: u64 = 10;
/// The bytes of text that a digest should be made of at most.
const ENOUGH_BYTES: u64 = 8 << 20;
/// How long making one should take: no shorter, and no longer.
const SHORT: Duration = Duration::from_millis(500);
/// As above.
const LONG: Duration = Duration::from_secs(2);
/// A value of more bytes is digested by itself.
const LONG_VALUE: u64 = 1 << 10;
/// How often digests may differ, one after the other, of rows that don't. Then the rows of the table are written in two ways.
const IN_VAIN: u32 = 3;

/// Goes through a table from where it was read to, with digests. Whether all up to the end was equal; else what is left is to be read.
pub(super) async fn chunks(
    sides: &Sides<'_>,
    key: &Column,
    session: Session,
    reading: &mut Reading,
    traversal: &Traversal<'_>,
) -> Result<(Session, bool), VerifyError> {
    let query = DigestQuery {
        table: sides.query.from(),
        key: quote_mysql_identifier(&key.name),
        items: sides.columns.iter().map(on_mysql).collect(),
    };
    let items: Vec<_> = sides.columns.iter().map(in_postgres).collect();
    let most = (traversal.pace.chunk * CHUNKS).min(traversal.pace.rows_a_second.unwrap_or(u64::MAX)).max(1);
    let widest: u64 = sides.columns.iter().map(widest).sum();
    let mut rows = traversal.pace.chunk.min(2 * ENOUGH_BYTES / widest).clamp(1, most);
    let mut after = reading.last.as_ref().and_then(|last| last.first()?.as_deref()?.parse().ok());
    let (mut session, end) = source::key_behind(session, &query, after, rows).await?;
    let Ok(mut until) = end.inspect_err(not_given) else { return Ok((session, false)) };
    let mut of_chunk = rows;
    let mut in_vain = 0;
    loop {
        let began = Instant::now();
        let (here, there) = tokio::join!(
            source::range_digest(session, &query, (after, until), rows),
            replica::range_digest(sides.client, sides.table, key, &items, (after, until), of_chunk),
        );
        let (back, here) = here?;
        session = back;
        if there.is_err() && sides.client.is_closed() {
            there?;
            return Ok((session, false));
        }
        let Ok((here, next)) = here.inspect_err(not_given) else { return Ok((session, false)) };
        let there = there.inspect_err(|error| tracing::info!("no digest: {error}")).ok();
        let bytes = there.as_ref().map_or(u64::MAX, |(_, bytes)| *bytes);
        let equal = there.is_some_and(|(there, _)| there == here) && bytes < source::MOST_BYTES;
        of_chunk = rows;
        rows = next_rows(rows, most, began.elapsed(), bytes);
        if equal {
            reading.take_equal(here.rows, until);
            in_vain = 0;
            traversal.has_read(reading).await;
        } else {
            let (Some(_), before) = (until, reading.differ()) else { return Ok((session, false)) };
            session = sides.read(session, reading, until, traversal).await?;
            in_vain = if reading.differ() == before { in_vain + 1 } else { 0 };
            if in_vain == IN_VAIN {
                return Ok((session, false));
            }
        }
        if until.is_none() {
            return Ok((session, true));
        }
        (after, until) = (until, next);
    }
}

fn not_given(why: &crate::facts::mysql::Question) {
    tracing::info!("no digest: {why}");
}

/// How many rows the next digest is made of.
fn next_rows(rows: u64, most: u64, took: Duration, bytes: u64) -> u64 {
    if took > LONG || bytes > ENOUGH_BYTES {
        (rows / 2).max(1)
    } else if took < SHORT && bytes < ENOUGH_BYTES / 2 {
        (rows * 2).min(most)
    } else {
        rows
    }
}

/// How a value stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As it is: it can't hold a comma, on either side.
    Plain,
    /// Behind its length.
    Measured,
    /// As its MD5.
    Digested,
}

impl Style {
    fn of(column: &Column) -> Self {
        let without_commas = match column.form {
            Form::Boolean | Form::Integer | Form::Bit | Form::Decimal | Form::Float | Form::Double => true,
            Form::Timestamp | Form::Date | Form::Time => true,
            Form::Text | Form::Padded | Form::Label | Form::Set | Form::Json => false,
            Form::Bytes | Form::PaddedBytes => false,
        };
        let kinds =
            ["int2", "int4", "int8", "numeric", "float4", "float8", "bool", "timestamp", "date", "time"];
        match column.bytes {
            _ if without_commas && kinds.contains(&column.kind.as_str()) => Self::Plain,
            Some(bytes) if bytes <= LONG_VALUE && column.form != Form::Json => Self::Measured,
            _ => Self::Digested,
        }
    }
}

/// The most bytes that a value takes in the text, about.
fn widest(column: &Column) -> u64 {
    match Style::of(column) {
        Style::Plain | Style::Digested => 32,
        Style::Measured => 8 + column.bytes.unwrap_or(LONG_VALUE) * 2,
    }
}

/// A column's value in the text, on MySQL.
fn on_mysql(column: &Column) -> String {
    let name = quote_mysql_identifier(&column.name);
    let text = match column.form {
        Form::Boolean => format!("({name} <> 0)"),
        // Zeros before a number are no part of it.
        Form::Integer | Form::Bit => format!("({name} + 0)"),
        Form::Decimal | Form::Float | Form::Double => name.clone(),
        Form::Timestamp | Form::Time if column.fraction => {
            format!("TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST({name} AS CHAR)))")
        }
        Form::Bytes | Form::PaddedBytes => format!("LOWER(HEX({name}))"),
        _ => format!("CAST({name} AS CHAR)"),
    };
    match Style::of(column) {
        // A zero date is NULL.
        Style::Plain if matches!(column.form, Form::Date | Form::Timestamp) => {
            format!("IF({name}, {text}, 'N')")
        }
        Style::Plain => format!("IFNULL({text}, 'N')"),
        Style::Measured => format!("IFNULL(CONCAT(LENGTH({text}), ',', {text}), 'N')"),
        Style::Digested => format!("IFNULL(MD5({text}), 'N')"),
    }
}

/// The same in PostgreSQL.
fn in_postgres(column: &Column) -> String {
    let name = format!("t.{}", quote_identifier(&column.in_postgres));
    let text = match (column.form, column.kind.as_str()) {
        (_, "bool") => format!("{name}::int::text"),
        // MySQL writes no more digits than a number of single precision has.
        (Form::Float, "float8") => format!("{name}::float4::text"),
        (Form::Json, _) => format!("{name}::jsonb::text"),
        (_, "timestamptz") => Form::in_postgres(&name, &column.kind),
        (form, kind) => {
            let text = if kind == "bytea" { Form::in_postgres(&name, kind) } else { format!("{name}::text") };
            match (form, column.bytes) {
                (Form::Bytes, _) => format!("lower({text})"),
                // The log leaves out zero bytes at the end.
                (Form::PaddedBytes, Some(bytes)) => format!(
                    "CASE WHEN octet_length({text}) % 2 = 0 AND octet_length({text}) < {digits}
                          THEN rpad(lower({text}), {digits}, '0') ELSE lower({text}) END",
                    digits = bytes * 2
                ),
                (Form::Padded, _) => format!("rtrim({text}, ' ')"),
                _ => text,
            }
        }
    };
    match Style::of(column) {
        Style::Plain => format!("coalesce({text}, 'N')"),
        Style::Measured => format!("coalesce(octet_length({text}) || ',' || {text}, 'N')"),
        Style::Digested => format!("coalesce(md5({text}), 'N')"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_made_of_what_takes_neither_long_nor_much_room() {
        let rows = |took, bytes| next_rows(100, 1000, Duration::from_millis(took), bytes);
        assert_eq!(rows(10, 10), 200);
        assert_eq!(next_rows(600, 1000, Duration::ZERO, 0), 1000);
        assert_eq!(rows(1000, 10), 100);
        assert_eq!(rows(3000, 10), 50);
        assert_eq!(rows(10, ENOUGH_BYTES + 1), 50);
        assert_eq!(rows(10, ENOUGH_BYTES - 1), 100);
        assert_eq!(next_rows(1, 1000, LONG * 2, 0), 1);
    }

    fn column(form: Form, kind: &str, bytes: Option<u64>) -> Column {
        Column {
            name: "c".into(),
            in_postgres: "c".into(),
            form,
            bytes,
            fraction: false,
            kind: kind.into(),
            cast: kind.into(),
        }
    }

    #[test]
    fn what_may_hold_a_comma_is_measured_and_what_may_be_long_digested() {
        for (form, kind, bytes, style) in [
            (Form::Integer, "int8", None, Style::Plain),
            (Form::Integer, "text", None, Style::Digested),
            (Form::Text, "int8", Some(20), Style::Measured),
            (Form::Text, "varchar", Some(1024), Style::Measured),
            (Form::Text, "text", Some(65535), Style::Digested),
            (Form::Json, "json", Some(10), Style::Digested),
            (Form::Timestamp, "timestamp", None, Style::Plain),
            (Form::Bytes, "bytea", None, Style::Digested),
        ] {
            assert_eq!(Style::of(&column(form, kind, bytes)), style, "{form:?} {kind} {bytes:?}");
        }
    }
}
