//! Names, each with the one that stands in its place: `table_17` for the seventeenth table.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Source,
    Schema,
    Table,
    Host,
    User,
    Database,
    Dump,
    Configuration,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Schema => "schema",
            Self::Table => "table",
            Self::Host => "host",
            Self::User => "user",
            Self::Database => "database",
            Self::Dump => "dump",
            Self::Configuration => "configuration",
        }
    }
}

/// What names nobody: it stays.
const KEPT: [&str; 17] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "local",
    "docker",
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "information_schema",
    "pg_catalog",
    "public",
    "sch_chameleon",
    "chameleon",
    "chameleon-upgrade",
    "chameleon-harness",
    "pg_chameleon",
];

/// What a program is called, in which no name is replaced.
const PROGRAMS: [&str; 4] = ["chameleon-upgrade", "chameleon-harness", "pg_chameleon", "sch_chameleon"];

/// The names that are replaced.
#[derive(Debug, Default)]
pub(super) struct Pseudonyms {
    by_name: HashMap<String, String>,
    /// In quotes a quote is doubled: what the spelling in a text is then.
    spellings: HashMap<String, String>,
    count: BTreeMap<Kind, u64>,
    /// The lengths of the spellings.
    lengths: BTreeSet<usize>,
}

impl Pseudonyms {
    /// Has a name replaced; the same name is the same, whatever it is of.
    pub(super) fn add(&mut self, kind: Kind, name: &str) {
        if name.is_empty() || KEPT.contains(&name) || self.by_name.contains_key(name) {
            return;
        }
        let number = self.count.entry(kind).or_default();
        *number += 1;
        let pseudonym = format!("{}_{number}", kind.word());
        self.by_name.insert(name.to_owned(), pseudonym.clone());
        for quote in ['"', '`', '\''] {
            if name.contains(quote) {
                self.spell(name.replace(quote, &format!("{quote}{quote}")), &pseudonym);
            }
        }
        self.spell(name.to_owned(), &pseudonym);
    }

    fn spell(&mut self, spelling: String, pseudonym: &str) {
        self.lengths.insert(spelling.len());
        self.spellings.insert(spelling, pseudonym.to_owned());
    }

    /// What stands in the place of a name.
    pub(super) fn of(&self, name: &str) -> String {
        self.by_name.get(name).map_or(name, String::as_str).to_owned()
    }

    /// A text with all its names replaced; where one name is a part of another, the longer one.
    pub(super) fn replaced(&self, text: &str) -> String {
        let mut replaced = String::with_capacity(text.len());
        let mut before = None;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let program = PROGRAMS
                .iter()
                .find(|program| rest.starts_with(**program))
                .filter(|_| !before.is_some_and(is_of_a_word));
            let (length, word) = match program {
                Some(program) => (program.len(), *program),
                None => match self.name_at(before, rest) {
                    Some((length, pseudonym)) => (length, pseudonym),
                    None => (first.len_utf8(), &rest[..first.len_utf8()]),
                },
            };
            replaced.push_str(word);
            before = rest[..length].chars().next_back();
            rest = &rest[length..];
        }
        replaced
    }

    /// The name that a text begins with, and its length.
    fn name_at(&self, before: Option<char>, text: &str) -> Option<(usize, &str)> {
        let first = text.chars().next()?;
        if before.is_some_and(is_of_a_word) && is_of_a_word(first) {
            return None;
        }
        self.lengths.iter().rev().find_map(|length| {
            let name = text.get(..*length)?;
            let ends = text[*length..].chars().next().is_none_or(|next| !is_of_a_word(next))
                || !name.chars().next_back().is_some_and(is_of_a_word);
            Some((*length, self.spellings.get(name)?.as_str())).filter(|_| ends)
        })
    }
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[(Kind, &str)]) -> Pseudonyms {
        let mut pseudonyms = Pseudonyms::default();
        names.iter().for_each(|(kind, name)| pseudonyms.add(*kind, name));
        pseudonyms
    }

    #[test]
    fn the_longest_name_is_replaced_as_a_whole_word() {
        let names = names(&[
            (Kind::Table, "order"),
            (Kind::Table, "order items"),
            (Kind::Table, "a\"b"),
            (Kind::Host, "db1"),
        ]);
        assert_eq!(
            names.replaced("order, orders, \"order items\", \"a\"\"b\", order-x; db1-bin.000042:4, xdb1"),
            "table_1, orders, \"table_2\", \"table_3\", table_1-x; host_1-bin.000042:4, xdb1"
        );
    }

    #[test]
    fn the_same_name_is_the_same() {
        let names = names(&[
            (Kind::Source, "shop"),
            (Kind::Schema, "shop"),
            (Kind::Schema, "stock"),
            (Kind::Table, "upgrade"),
        ]);
        assert_eq!(names.of("shop"), "source_1");
        assert_eq!(names.of("stock"), "schema_1");
        assert_eq!(
            names.replaced("chameleon-upgrade upgrade --source shop"),
            "chameleon-upgrade table_1 --source source_1"
        );
    }
}
