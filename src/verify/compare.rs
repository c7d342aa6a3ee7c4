//! Compares the rows of a part of a table: pure.

use super::form::Form;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A row as it was read: a text for each column, none for NULL.
pub type Cells = Vec<Option<String>>;

/// The key of a row, as it is written in one way for both sides.
pub type Key = Vec<Option<String>>;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name on MySQL.
    pub name: String,
    /// Its name in PostgreSQL, which cuts long ones.
    pub in_postgres: String,
    /// The form of its values.
    pub form: Form,
    /// How many bytes it takes at most on MySQL, of a text or bytes.
    pub bytes: Option<u64>,
    /// Whether its times have fractions of seconds on MySQL.
    pub fraction: bool,
    /// Its type in PostgreSQL, by its short name.
    pub kind: String,
    /// The same, quoted and with its schema, for a cast.
    pub cast: String,
}

/// In what a row differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Difference {
    /// It is on MySQL alone.
    Missing(Key),
    /// It is in PostgreSQL alone.
    Surplus(Key),
    /// It is in PostgreSQL so many times.
    Doubled(Key, u64),
    /// These columns differ.
    Unequal(Key, Vec<String>),
}

impl Difference {
    /// The key of the row.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Missing(key) | Self::Surplus(key) | Self::Doubled(key, _) | Self::Unequal(key, _) => key,
        }
    }
}

/// The key of a row: that of its columns at these places.
#[must_use]
pub fn key(columns: &[Column], places: &[usize], row: &[Option<String>]) -> Key {
    let of = |&place: &usize| {
        let form = columns.get(place)?.form;
        form.canonical(row.get(place)?.as_deref()).map(std::borrow::Cow::into_owned)
    };
    places.iter().map(of).collect()
}

/// What differs in a part of a table: its rows on MySQL, and those of the same keys in PostgreSQL. Also how many of the latter
/// belong to one of the former.
#[must_use]
pub fn compare(
    columns: &[Column],
    places: &[usize],
    mysql: &[Cells],
    postgres: &[Cells],
) -> (Vec<Difference>, u64) {
    let mut there: HashMap<Key, (&Cells, u64)> = HashMap::with_capacity(postgres.len());
    for row in postgres {
        there.entry(key(columns, places, row)).or_insert((row, 0)).1 += 1;
    }
    let mut found = Vec::new();
    let mut matched = 0;
    for row in mysql {
        let key = key(columns, places, row);
        let Some((other, times)) = there.get(&key) else {
            found.push(Difference::Missing(key));
            continue;
        };
        matched += times;
        if *times > 1 {
            found.push(Difference::Doubled(key, *times));
            continue;
        }
        let cells = row.iter().zip(other.iter());
        let differs = |(column, (here, there)): (&Column, (&Option<String>, &Option<String>))| {
            (!column.form.equal(here.as_deref(), there.as_deref())).then(|| column.name.clone())
        };
        let unequal: Vec<_> = columns.iter().zip(cells).filter_map(differs).collect();
        if !unequal.is_empty() {
            found.push(Difference::Unequal(key, unequal));
        }
    }
    (found, matched)
}

/// The rows of PostgreSQL whose keys MySQL does not have in this part.
#[must_use]
pub fn surplus(columns: &[Column], places: &[usize], mysql: &[Cells], postgres: &[Cells]) -> Vec<Difference> {
    let here: HashSet<Key> = mysql.iter().map(|row| key(columns, places, row)).collect();
    let there: BTreeSet<Key> = postgres.iter().map(|row| key(columns, places, row)).collect();
    there.into_iter().filter(|key| !here.contains(key)).map(Difference::Surplus).collect()
}

/// A number for all rows of a table that depends on each of them and not on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest {
    /// How many rows there are.
    pub rows: u64,
    sum: (u64, u64),
}

impl Digest {
    /// Takes one more row in.
    pub fn add(&mut self, columns: &[Column], row: &[Option<String>]) {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let (mut one, mut other) = (DefaultHasher::new(), DefaultHasher::new());
        1_u8.hash(&mut other);
        for (column, cell) in columns.iter().zip(row) {
            // A bit has two spellings that no rule makes one of: the number is taken for both.
            let cell = column.form.canonical(cell.as_deref());
            cell.hash(&mut one);
            cell.hash(&mut other);
        }
        self.rows += 1;
        self.sum.0 = self.sum.0.wrapping_add(one.finish());
        self.sum.1 = self.sum.1.wrapping_add(other.finish());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, form: Form) -> Column {
        let name = name.to_owned();
        Column {
            in_postgres: name.clone(),
            name,
            form,
            bytes: None,
            fraction: false,
            kind: "text".into(),
            cast: "text".into(),
        }
    }

    fn rows(rows: &[(&str, Option<&str>)]) -> Vec<Cells> {
        rows.iter().map(|(id, data)| vec![Some((*id).to_owned()), data.map(str::to_owned)]).collect()
    }

    #[test]
    fn each_difference_is_told() {
        let columns = [column("id", Form::Integer), column("data", Form::Text)];
        let mysql = rows(&[("1", Some("a")), ("2", Some("b")), ("3", None), ("4", Some("d"))]);
        let postgres = rows(&[("2", Some("b")), ("3", Some("")), ("4", Some("d")), ("4", Some("d"))]);
        let key = |id: &str| vec![Some(id.to_owned())];
        let (found, matched) = compare(&columns, &[0], &mysql, &postgres);
        assert_eq!(
            found,
            [
                Difference::Missing(key("1")),
                Difference::Unequal(key("3"), vec!["data".to_owned()]),
                Difference::Doubled(key("4"), 2),
            ]
        );
        assert_eq!(matched, 4);
        assert_eq!(surplus(&columns, &[0], &mysql, &postgres), []);
        assert_eq!(surplus(&columns, &[0], &postgres, &mysql), [Difference::Surplus(key("1"))]);
    }

    #[test]
    fn a_digest_depends_on_all_rows_and_not_on_their_order() {
        let columns = [column("id", Form::Integer), column("data", Form::Padded)];
        let digest = |rows: &[Cells]| {
            let mut digest = Digest::default();
            rows.iter().for_each(|row| digest.add(&columns, row));
            digest
        };
        let all = rows(&[("1", Some("a ")), ("2", None), ("2", None)]);
        let turned = rows(&[("2", None), ("1", Some("a")), ("2", None)]);
        assert_eq!(digest(&all), digest(&turned));
        assert_ne!(digest(&all), digest(&all[..2]));
        assert_ne!(digest(&all), digest(&rows(&[("1", Some("a")), ("2", None), ("2", Some(""))])));
    }
}
