//! A record of what is in a database, taken by SQL alone, so that before and after can be compared byte for
//! byte: every row of every table, the values of sequences, and every definition with its owner, privileges
//! and comment. It is what §atomic (either the complete 1.7 catalogue or the complete 2.0 one)
//! is checked against.
//!
//! Left out is what can change without anything having changed: object ids, the order of rows on disk,
//! statistics.

use postgres::{Client, Transaction};
use std::collections::BTreeMap;

mod difference;
pub mod properties;

use difference::Difference;

const DEFINITIONS: &str = include_str!("definitions.sql");

/// Settings under which a value has one text only.
const ONE_TEXT: &str = "
    SET LOCAL search_path TO pg_catalog, pg_temp;
    SET LOCAL standard_conforming_strings TO on;
    SET LOCAL datestyle TO 'ISO, YMD';
    SET LOCAL intervalstyle TO 'postgres';
    SET LOCAL timezone TO 'UTC';
    SET LOCAL extra_float_digits TO 3;
    SET LOCAL bytea_output TO 'hex';
    SET LOCAL quote_all_identifiers TO off;
    SET LOCAL row_security TO off;
";

/// Schemas with everything in them that isn't the server's own.
const OWN_SCHEMAS: &str = "
    SELECT coalesce(array_agg(nspname::text ORDER BY nspname), '{}') FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'";

/// The tables and sequences whose content is recorded, with what to select from each.
const CONTENT: &str = "
    SELECT c.oid::regclass::text, c.relkind = 'S' AS sequence,
           CASE c.relkind
               WHEN 'S' THEN format('SELECT (last_value, is_called)::text FROM %s', c.oid::regclass)
               ELSE format('SELECT content::text FROM ONLY %s AS content', c.oid::regclass)
           END AS content
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'm', 'S') AND c.relispopulated
    ORDER BY 1";

/// PostgreSQL logs this many values of a sequence ahead (SEQ_LOG_VALS), and goes on behind them after a crash.
const SKIPPED_BY_A_CRASH: i64 = 32;

/// What is in some schemas of a database at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// By the thing's name, its definition as the server writes it out.
    definitions: BTreeMap<String, String>,
    /// By the routine's name, its body as it was given.
    bodies: BTreeMap<String, String>,
    /// By the table's or sequence's name, its rows as text, sorted.
    rows: BTreeMap<String, Vec<String>>,
    /// Which of these are sequences, and the last value of each.
    sequences: BTreeMap<String, i64>,
}

impl Record {
    /// Records schemas by name. One that isn't there leaves no trace.
    ///
    /// # Errors
    /// What the server said, when the account may not read something.
    pub fn of(client: &mut Client, schemas: &[&str]) -> Result<Self, postgres::Error> {
        let mut transaction = snapshot(client)?;
        let schemas: Vec<_> = schemas.iter().map(|&schema| schema.to_owned()).collect();
        let record = take(&mut transaction, &schemas)?;
        transaction.rollback()?;
        Ok(record)
    }

    /// Records every schema that isn't the server's own.
    ///
    /// # Errors
    /// What the server said, when the account may not read something.
    pub fn of_database(client: &mut Client) -> Result<Self, postgres::Error> {
        let mut transaction = snapshot(client)?;
        let schemas = own_schemas(&mut transaction)?;
        let record = take(&mut transaction, &schemas)?;
        transaction.rollback()?;
        Ok(record)
    }

    /// Records every schema that isn't the server's own as a transaction sees it, which goes on unchanged.
    ///
    /// # Errors
    /// What the server said, when the account may not read something.
    pub fn within(transaction: &mut Transaction<'_>) -> Result<Self, postgres::Error> {
        let mut savepoint = transaction.transaction()?;
        savepoint.batch_execute(ONE_TEXT)?;
        let schemas = own_schemas(&mut savepoint)?;
        let record = take(&mut savepoint, &schemas)?;
        savepoint.rollback()?;
        Ok(record)
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same record as if the schema had another name: what was recorded after a rename compares equal to
    /// what was before. Rows and bodies of routines are texts of their owner, which a rename leaves alone.
    #[must_use]
    pub fn renamed(self, from: &str, to: &str) -> Self {
        let name = |text: &str| with_schema_renamed(text, from, to);
        Self {
            definitions: self.definitions.iter().map(|(key, text)| (name(key), name(text))).collect(),
            bodies: self.bodies.into_iter().map(|(key, body)| (name(&key), body)).collect(),
            rows: self.rows.into_iter().map(|(key, rows)| (name(&key), rows)).collect(),
            sequences: self.sequences.into_iter().map(|(key, value)| (name(&key), value)).collect(),
        }
    }

    /// The definitions alone, without rows, sequence values and bodies of routines: the structure.
    #[must_use]
    pub fn structure(self) -> Self {
        Self { definitions: self.definitions, ..Self::default() }
    }

    /// The rows of tables and the values of sequences alone.
    #[must_use]
    pub fn content(self) -> Self {
        Self { rows: self.rows, sequences: self.sequences, ..Self::default() }
    }

    /// The same record without the bodies of routines, for catalogues whose routines do the same in other words.
    #[must_use]
    pub fn without_bodies(self) -> Self {
        Self { bodies: BTreeMap::new(), ..self }
    }

    /// The same record without a schema and all that is in it.
    #[must_use]
    pub fn without_schema(mut self, schema: &str) -> Self {
        let elsewhere = |name: &String| !name.contains(schema);
        self.definitions.retain(|name, _| elsewhere(name));
        self.bodies.retain(|name, _| elsewhere(name));
        self.rows.retain(|name, _| elsewhere(name));
        self.sequences.retain(|name, _| elsewhere(name));
        self
    }

    /// The same record as if the server had not crashed before it was taken: the sequences that are ahead of those of
    /// `uncrashed` by what a crash skips are as they are there.
    #[must_use]
    pub fn as_if_not_crashed(mut self, uncrashed: &Self) -> Self {
        for (name, before) in &uncrashed.sequences {
            let Some(value) = self.sequences.get_mut(name) else { continue };
            if (1..=SKIPPED_BY_A_CRASH).contains(&(*value - before))
                && let Some(rows) = uncrashed.rows.get(name)
            {
                *value = *before;
                self.rows.insert(name.clone(), rows.clone());
            }
        }
        self
    }

    /// The rows of a table (each as text, sorted) or the value of a sequence, by its name as SQL writes it.
    #[must_use]
    pub fn rows(&self, name: &str) -> Option<&[String]> {
        self.rows.get(name).map(Vec::as_slice)
    }

    /// What is different in the other record, in a few lines: with `-` for what only this one has, with `+` for what
    /// only the other has, with `~` for what both have in another way. Empty when they are equal.
    #[must_use]
    pub fn diff(&self, other: &Self) -> String {
        let mut difference = Difference::default();
        difference.texts("", &self.definitions, &other.definitions);
        difference.texts("body of ", &self.bodies, &other.bodies);
        difference.rows(&self.rows, &other.rows);
        difference.shown()
    }
}

/// One moment of the database, whatever others are doing in it.
fn snapshot(client: &mut Client) -> Result<Transaction<'_>, postgres::Error> {
    let mut transaction = client
        .build_transaction()
        .isolation_level(postgres::IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()?;
    transaction.batch_execute(ONE_TEXT)?;
    Ok(transaction)
}

fn own_schemas(transaction: &mut Transaction<'_>) -> Result<Vec<String>, postgres::Error> {
    Ok(transaction.query_one(OWN_SCHEMAS, &[])?.get(0))
}

fn take(transaction: &mut Transaction<'_>, schemas: &[String]) -> Result<Record, postgres::Error> {
    let mut record = Record::default();
    for row in transaction.query(DEFINITIONS, &[&schemas])? {
        let key: String = row.get("key");
        if let Some(body) = row.get("body") {
            record.bodies.insert(key.clone(), body);
        }
        record.definitions.insert(key, row.get("definition"));
    }
    for row in transaction.query(CONTENT, &[&schemas])? {
        let (name, select): (String, String) = (row.get(0), row.get("content"));
        let mut rows = Vec::new();
        for message in transaction.simple_query(&select)? {
            if let postgres::SimpleQueryMessage::Row(row) = message {
                rows.push(row.get(0).unwrap_or_default().to_owned());
            }
        }
        rows.sort_unstable();
        if row.get("sequence")
            && let Some(value) = rows.first().and_then(|row| last_value(row))
        {
            record.sequences.insert(name.clone(), value);
        }
        record.rows.insert(name, rows);
    }
    Ok(record)
}

/// Of a sequence's row as text, such as `(33,t)`.
fn last_value(row: &str) -> Option<i64> {
    row.strip_prefix('(')?.split(',').next()?.parse().ok()
}

/// Replaces an identifier wherever it stands alone.
fn with_schema_renamed(text: &str, from: &str, to: &str) -> String {
    let part_of_name = |character: char| character.is_alphanumeric() || character == '_' || character == '$';
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(from) {
        let end = start + from.len();
        let before = rest[..start].chars().next_back().or_else(|| renamed.chars().next_back());
        let after = rest[end..].chars().next();
        renamed.push_str(&rest[..start]);
        let alone = !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name);
        renamed.push_str(if alone { to } else { from });
        rest = &rest[end..];
    }
    renamed.push_str(rest);
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_renamed_where_its_name_stands_alone() {
        let renamed = |text| with_schema_renamed(text, "sch_chameleon", "x");
        assert_eq!(renamed("nextval('sch_chameleon.s'::regclass)"), "nextval('x.s'::regclass)");
        assert_eq!(renamed("schema sch_chameleon"), "schema x");
        assert_eq!(
            renamed("_sch_chameleon_version1.t my_sch_chameleon.t"),
            "_sch_chameleon_version1.t my_sch_chameleon.t"
        );
        assert_eq!(renamed("sch_chameleonsch_chameleon.t"), "sch_chameleonsch_chameleon.t");
    }

    #[test]
    fn rows_are_compared_as_often_as_they_occur() {
        let rows = |rows: &[&str]| Record {
            rows: [("t".to_owned(), rows.iter().map(ToString::to_string).collect())].into(),
            ..Record::default()
        };
        assert_eq!(
            rows(&["a", "b", "b"]).diff(&rows(&["b", "c"])),
            "- row of t: a\n- row of t: b\n+ row of t: c\n"
        );
    }

    #[test]
    fn a_crash_takes_sequences_a_little_further_and_nothing_else() {
        let record = |last: i64, other: &str| Record {
            rows: [("s".to_owned(), vec![format!("({last},t)")]), ("t".to_owned(), vec![other.to_owned()])]
                .into(),
            sequences: [("s".to_owned(), last)].into(),
            ..Record::default()
        };
        assert_eq!(record(33, "a").as_if_not_crashed(&record(1, "a")), record(1, "a"));
        for other in [record(34, "a"), record(0, "a"), record(33, "b")] {
            assert_ne!(other.as_if_not_crashed(&record(1, "a")), record(1, "a"));
        }
    }
}
