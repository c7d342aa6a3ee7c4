//! How many rows of each table a dump holds: counted in what `pg_restore` writes of its data, as it comes, whatever the
//! size. A row is a line there, for a line feed within a value is written as a backslash and a letter.

use std::collections::BTreeMap;

/// The longest statement before the rows of a table: names of 1,600 columns have room in it.
const LONGEST: usize = 1 << 20;

/// Counts.
#[derive(Debug, Default)]
pub struct Rows {
    within: Within,
    /// By the bytes of schema and table.
    tables: BTreeMap<(Vec<u8>, Vec<u8>), u64>,
}

/// Where the reading stands.
#[derive(Debug, Default)]
enum Within {
    /// Between statements, at the beginning of a line.
    #[default]
    Nothing,
    /// A comment, or a command of psql's: what ends with its line.
    Line,
    /// A statement so far, and the quote that is open in it.
    Statement(Vec<u8>, Option<u8>),
    /// What is left of the line of a COPY of this table.
    Copy((Vec<u8>, Vec<u8>)),
    /// A line of its rows, as far as it tells whether it is one.
    Rows((Vec<u8>, Vec<u8>), Read),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Beginning,
    Backslash,
    /// A backslash and a point, and so far nothing behind them.
    Point,
    Row,
}

impl Rows {
    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let [byte, behind @ ..] = rest {
            if matches!(self.within, Within::Rows(_, Read::Row)) && *byte != b'\n' {
                // Nothing in it matters any more.
                rest = &rest[rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())..];
                continue;
            }
            rest = behind;
            let byte = *byte;
            self.within = match std::mem::take(&mut self.within) {
                Within::Nothing => match byte {
                    b'\n' => Within::Nothing,
                    b'-' | b'\\' => Within::Line,
                    _ => Within::Statement(vec![byte], quote(None, byte)),
                },
                Within::Line if byte == b'\n' => Within::Nothing,
                Within::Line => Within::Line,
                Within::Statement(statement, None) if byte == b';' => match table(&statement) {
                    Some(table) => {
                        self.tables.entry(table.clone()).or_default();
                        Within::Copy(table)
                    }
                    None => Within::Line,
                },
                Within::Statement(mut statement, open) => {
                    if statement.len() < LONGEST {
                        statement.push(byte);
                    }
                    Within::Statement(statement, quote(open, byte))
                }
                Within::Copy(table) if byte == b'\n' => Within::Rows(table, Read::Beginning),
                Within::Copy(table) => Within::Copy(table),
                Within::Rows(_, Read::Point) if byte == b'\n' => Within::Nothing,
                Within::Rows(table, _) if byte == b'\n' => {
                    if let Some(count) = self.tables.get_mut(&table) {
                        *count += 1;
                    }
                    Within::Rows(table, Read::Beginning)
                }
                Within::Rows(table, row) => {
                    let row = match (row, byte) {
                        (Read::Beginning, b'\\') => Read::Backslash,
                        (Read::Backslash, b'.') => Read::Point,
                        _ => Read::Row,
                    };
                    Within::Rows(table, row)
                }
            }
        }
    }

    /// The rows of a table; none when the dump has nothing of it.
    #[must_use]
    pub fn of(&self, schema: &[u8], table: &[u8]) -> Option<u64> {
        self.tables.get(&(schema.to_owned(), table.to_owned())).copied()
    }
}

/// The quote that is open behind `byte`. A doubled one closes and opens again.
fn quote(open: Option<u8>, byte: u8) -> Option<u8> {
    match open {
        None if byte == b'"' || byte == b'\'' => Some(byte),
        Some(open) if byte == open => None,
        open => open,
    }
}

/// Schema and table of a COPY.
fn table(statement: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let names = statement.strip_prefix(b"COPY ".as_slice())?;
    let (schema, rest) = name(names)?;
    let (table, _) = name(rest.strip_prefix(b".")?)?;
    Some((schema, table))
}

/// The name that a text begins with, and what stands behind it.
fn name(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| b". (".contains(byte))?;
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut name = Vec::new();
    let mut rest = quoted;
    loop {
        match rest {
            [b'"', b'"', behind @ ..] => {
                name.push(b'"');
                rest = behind;
            }
            [b'"', behind @ ..] => return Some((name, behind)),
            [byte, behind @ ..] => {
                name.push(*byte);
                rest = behind;
            }
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = concat!(
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict aBc'\n\nSET check_function_bodies = false;\n",
        "-- Data for Name: it's; Type: TABLE DATA; Schema: s; Owner: o\n\n",
        "COPY s.plain (a, b) FROM stdin;\n1\tCOPY s.no (a) FROM stdin;\n\\N\t\\\\.\n\\.x\n\n\\.\n\n",
        "COPY s.\"it's \"\"; new\nline\" (\"a;b\") FROM stdin;\n\\\\.\n\\.\n\n",
        "COPY s.none (a) FROM stdin;\n\\.\n\nCOPY s.columnless  FROM stdin;\n\n\\.\n\n",
        "SELECT pg_catalog.setval('s.\"; ''\nCOPY s.fake (a) FROM stdin;\n\"', 1, true);\n\n\\unrestrict aBc\n",
    );

    #[test]
    fn rows_are_counted_wherever_the_pieces_end() {
        for size in [1, 2, 3, 7, 64, DATA.len()] {
            let mut rows = Rows::default();
            DATA.as_bytes().chunks(size).for_each(|piece| rows.take(piece));
            assert_eq!(rows.of(b"s", b"plain"), Some(4), "{size}");
            assert_eq!(rows.of(b"s", b"it's \"; new\nline"), Some(1), "{size}");
            assert_eq!(rows.of(b"s", b"none"), Some(0), "{size}");
            assert_eq!(rows.of(b"s", b"columnless"), Some(1), "{size}");
            assert_eq!(rows.of(b"s", b"fake"), None, "{size}");
            assert_eq!(rows.tables.len(), 4, "{size}");
        }
    }
}
