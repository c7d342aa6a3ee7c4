//! Whether a replicated table is in PostgreSQL what it is on MySQL: its columns, their types, and its key.
//!
//! §table-structure. 1.8.2 registers the composite key of a table that it saw in a CREATE TABLE by its first column,
//! and a definition that was changed by a session with another default database never arrives (both seen, §hunt-2e and
//! §hunt-5). The first row that doesn't fit makes pg_chameleon 2 disable the table.
//!
//! Only what can't hold a row that MySQL can is a difference: a table in PostgreSQL may have more columns, wider ones,
//! and types of its owner's choice.

use std::collections::BTreeSet;
use std::fmt;

/// A table on MySQL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnMysql {
    /// Its name.
    pub name: String,
    /// Its columns, in their order: name and `column_type`.
    pub columns: Vec<(String, String)>,
    /// The columns of its primary key.
    pub key: BTreeSet<String>,
}

/// The same table in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InPostgres {
    /// Its columns.
    pub columns: Vec<Column>,
    /// The columns of its primary key; empty when it has none.
    pub key: BTreeSet<String>,
    /// The columns by which the replica finds its rows (`v_table_pkey`); none when they can't be read.
    pub registered: Option<BTreeSet<String>>,
}

/// A column in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as `format_type` writes it.
    pub kind: String,
    /// The labels of an enum.
    pub labels: Option<Vec<String>>,
    /// Whether a row needs a value for it: NOT NULL without a default.
    pub required: bool,
}

/// What is not as on MySQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The replica finds rows by other columns than those of MySQL's key.
    Registered {
        /// By these.
        by: BTreeSet<String>,
        /// The key on MySQL.
        key: BTreeSet<String>,
    },
    /// Two rows that MySQL tells apart are one to the primary key in PostgreSQL.
    Key {
        /// The primary key in PostgreSQL.
        is: BTreeSet<String>,
        /// The key on MySQL.
        key: BTreeSet<String>,
    },
    /// A column is on MySQL alone.
    Missing(String),
    /// A column is in PostgreSQL alone, and needs a value.
    Required(String),
    /// A column can't hold what MySQL's can.
    Type {
        /// Its name.
        column: String,
        /// Its type on MySQL.
        mysql: String,
        /// Its type in PostgreSQL.
        postgres: String,
    },
    /// An enum lacks a label.
    Label {
        /// The column.
        column: String,
        /// The first label that it lacks.
        label: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        match self {
            Self::Registered { by, key } => {
                write!(
                    formatter,
                    "its rows are found by ({}), and its key on MySQL is ({})",
                    list(by),
                    list(key)
                )
            }
            Self::Key { is, key } => {
                write!(formatter, "its primary key is ({}), and on MySQL ({})", list(is), list(key))
            }
            Self::Missing(column) => write!(formatter, "it has no column {column}"),
            Self::Required(column) => {
                write!(formatter, "its column {column} is not on MySQL, and wants a value (NOT NULL)")
            }
            Self::Type { column, mysql, postgres } => {
                write!(formatter, "its column {column} is {postgres}, and on MySQL {mysql}")
            }
            Self::Label { column, label } => {
                write!(formatter, "the enum of its column {column} lacks the label '{label}'")
            }
        }
    }
}

/// What of a table is not as on MySQL.
#[must_use]
pub fn differences(mysql: &OnMysql, postgres: &InPostgres) -> Vec<Difference> {
    let mut found = keys(mysql, postgres);
    for (name, kind) in &mysql.columns {
        let name = identifier(name);
        match postgres.columns.iter().find(|column| column.name == name) {
            None => found.push(Difference::Missing(name.to_owned())),
            Some(column) => found.extend(unfit(column, kind)),
        }
    }
    let alone = |column: &&Column| !mysql.columns.iter().any(|(name, _)| identifier(name) == column.name);
    let required = postgres.columns.iter().filter(|column| column.required).filter(alone);
    found.extend(required.map(|column| Difference::Required(column.name.clone())));
    found
}

fn keys(mysql: &OnMysql, postgres: &InPostgres) -> Vec<Difference> {
    let key: BTreeSet<_> = mysql.key.iter().map(|name| identifier(name).to_owned()).collect();
    let mut found = Vec::new();
    if key.is_empty() {
        return found;
    }
    let registered = postgres.registered.as_ref();
    let by = registered.map(|by| by.iter().map(|name| identifier(name).to_owned()).collect::<BTreeSet<_>>());
    if let Some(by) = by.filter(|by| *by != key) {
        found.push(Difference::Registered { by, key: key.clone() });
    }
    // A key of more columns, or none, keeps no row away that MySQL has.
    if !postgres.key.is_empty() && !postgres.key.is_superset(&key) {
        found.push(Difference::Key { is: postgres.key.clone(), key });
    }
    found
}

/// PostgreSQL cuts names to 63 bytes; MySQL's may have 64 characters.
#[must_use]
pub fn identifier(name: &str) -> &str {
    const LONGEST: usize = 63;
    let mut end = name.len().min(LONGEST);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

fn unfit(column: &Column, mysql: &str) -> Option<Difference> {
    let there = Type::parse(mysql);
    let holds = match (&column.labels, labels(mysql)) {
        (Some(has), Some(wanted)) => {
            // How the server writes a backslash is its own affair.
            let lacking = wanted.into_iter().find(|label| !has.contains(label) && !label.contains('\\'));
            return lacking.map(|label| Difference::Label { column: column.name.clone(), label });
        }
        (Some(_), None) => there.characters().is_none(),
        (None, _) => holds(&Type::parse(&column.kind), &there),
    };
    (!holds).then(|| Difference::Type {
        column: column.name.clone(),
        mysql: mysql.to_owned(),
        postgres: column.kind.clone(),
    })
}

/// A type by its name, and what stands behind it in parentheses.
#[derive(Debug, PartialEq, Eq)]
struct Type<'a> {
    name: &'a str,
    sizes: Vec<u32>,
}

impl<'a> Type<'a> {
    fn parse(text: &'a str) -> Self {
        let name = text.split('(').next().unwrap_or_default().trim();
        // MySQL's `int unsigned`: its larger half has never fitted into what pg_chameleon makes of it.
        let name = name.strip_suffix(" zerofill").unwrap_or(name);
        let name = name.strip_suffix(" unsigned").unwrap_or(name);
        let inside =
            text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside);
        let sizes = inside.into_iter().flat_map(|inside| inside.split(','));
        Self { name, sizes: sizes.filter_map(|size| size.trim().parse().ok()).collect() }
    }

    /// The first number in parentheses.
    fn length(&self) -> Option<u32> {
        self.sizes.first().copied()
    }

    /// The bytes of a whole number.
    fn whole(&self) -> Option<u32> {
        Some(match self.name {
            "tinyint" => 1,
            "smallint" => 2,
            "mediumint" => 3,
            "int" | "integer" => 4,
            "bigint" => 8,
            _ => return None,
        })
    }

    /// Digits before and behind the point.
    fn digits(&self) -> Option<(u32, u32)> {
        match (self.name, &self.sizes[..]) {
            ("decimal" | "numeric", [precision, scale]) => Some((precision.saturating_sub(*scale), *scale)),
            ("decimal" | "numeric", [precision]) => Some((*precision, 0)),
            _ => None,
        }
    }

    /// The characters of a text; the largest number when there is no limit.
    fn characters(&self) -> Option<u32> {
        match self.name {
            "char" | "varchar" | "character" | "character varying" => Some(self.length().unwrap_or(u32::MAX)),
            "tinytext" | "text" | "mediumtext" | "longtext" => Some(u32::MAX),
            _ => None,
        }
    }

    /// Whether it takes no text but that of a number or a date.
    fn is_no_text(&self) -> bool {
        let name = self.name;
        self.whole().is_some()
            || ["numeric", "real", "double precision", "date", "boolean"].contains(&name)
            || name.starts_with("timestamp")
            || name.starts_with("time")
    }
}

/// Whether a column of PostgreSQL's type holds all that one of MySQL's type can. Where types are not comparable it is
/// taken to: pg_chameleon has its own ways with them.
fn holds(postgres: &Type<'_>, mysql: &Type<'_>) -> bool {
    let enough = |holds: Option<u32>, wanted: Option<u32>| match (holds, wanted) {
        (Some(holds), Some(wanted)) => holds >= wanted,
        _ => true,
    };
    let digits = match (postgres.digits(), mysql.digits()) {
        (Some((before, behind)), Some((more, finer))) => before >= more && behind >= finer,
        _ => true,
    };
    let text_in_no_text = mysql.characters().is_some() && postgres.is_no_text();
    enough(postgres.whole(), mysql.whole())
        && enough(postgres.characters(), mysql.characters())
        && digits
        && !text_in_no_text
}

/// The labels of MySQL's `enum('a','b')`; none for another type. A quote within is doubled.
fn labels(kind: &str) -> Option<Vec<String>> {
    let inside = kind.strip_prefix("enum(")?.strip_suffix(')')?;
    let mut labels = Vec::new();
    let mut rest = inside;
    while let Some(behind) = rest.strip_prefix('\'') {
        let (mut label, mut letters) = (String::new(), behind.char_indices());
        let end = loop {
            let (at, letter) = letters.next()?;
            if letter != '\'' {
                label.push(letter);
            } else if behind[at + 1..].starts_with('\'') {
                label.push('\'');
                letters.next();
            } else {
                break at + 1;
            }
        };
        labels.push(label);
        rest = behind[end..].strip_prefix(',').unwrap_or_default();
    }
    Some(labels)
}

#[cfg(test)]
mod tests;
