//! What becomes of a statement that the daemon of pg_chameleon 2.0.21 has parsed: it translates it for PostgreSQL, which may
//! refuse it when it is replayed; then the table is disabled.

use super::grammar::{Action, Attribute, Column, Default, KeyKind, KeyPart, Table, Taken};
use super::kinds::{Kind, as_postgresql_reads};
use super::meaning::{Change, Created, Meaning};
use crate::window::{Consequence, Judged};
use std::collections::BTreeSet;

/// The longest name of PostgreSQL, in bytes.
const LONGEST: usize = 63;

/// How many letters of a table's and a column's name are in the name of the type that it makes of an enum.
const OF_A_NAME: usize = 20;

/// The columns that PostgreSQL's tables have of themselves.
const OWN_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Words of PostgreSQL that are no names without quotes (10 to 18).
const RESERVED: &str = " all analyse analyze and any array as asc asymmetric authorization binary both case cast check \
    collate collation column concurrently constraint create cross current_catalog current_date current_role current_schema \
    current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign \
    freeze from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit \
    localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references \
    returning right select session_user similar some symmetric system_user table tablesample then to trailing true union \
    unique user using variadic verbose when where window with ";

/// What is found of a statement, the worst of which counts.
#[derive(Debug, std::default::Default)]
struct Findings(Option<Judged>);

impl Findings {
    fn add(&mut self, consequence: Consequence, why: impl Into<String>) {
        if self.0.as_ref().is_none_or(|known| consequence < known.consequence) {
            self.0 = Some(Judged { consequence, why: why.into() });
        }
    }
}

/// The consequence of what was taken out of a statement that means `meaning`; none when all is well.
pub(super) fn consequence(taken: &[Taken], meaning: &Meaning, default_schema: &str) -> Option<Judged> {
    let mut found = Findings::default();
    for one in taken {
        match one {
            Taken::Create(table) => create(table, &mut found),
            Taken::Drop(_) => {}
            Taken::Truncate { schema, .. } | Taken::Alter { schema, .. }
                if schema.as_deref().is_some_and(|schema| schema != default_schema) =>
            {
                // It looks for the table in the schema of the session, whatever schema is named.
                found.add(
                    Consequence::Open,
                    "it does that to a table of the same name in the session's schema, if there is one",
                );
                return found.0;
            }
            Taken::Truncate { .. } => {}
            Taken::Rename { to, .. } => name(to, &mut found),
            Taken::DropPrimaryKey(_) => found.add(
                Consequence::Disables,
                "it takes the table out of the replica, which has a key of its own no longer",
            ),
            Taken::Alter { table, actions, .. } => alter(table, actions, &mut found),
        }
    }
    differences(taken, meaning, &mut found);
    found.0
}

fn create(table: &Table, found: &mut Findings) {
    let keys = keys(table);
    for column in &table.columns {
        let kind = definition(column, found);
        if kind.is_some_and(Kind::has_length) && column.numbers.is_empty() {
            found.add(
                Consequence::Untranslatable,
                format!("{} of {} has no length", column.kind, column.name),
            );
        }
    }
    if !keys.registered {
        // It translates it and leaves it at that.
        found.0 = found.0.take().filter(|it| it.consequence == Consequence::Untranslatable);
        return;
    }
    for column in table.columns.iter().filter(|it| !it.attributes.contains(&Attribute::NotNull)) {
        let name = column.name.as_str();
        let counts = column.attributes.contains(&Attribute::Word("AUTO_INCREMENT".to_owned()));
        let (of_primary, of_unique) = (keys.primary.contains(name), keys.unique.contains(name));
        if counts && !of_primary && !of_unique {
            found
                .add(Consequence::Disables, format!("{name} counts up and is neither NOT NULL nor of a key"));
        }
        if of_unique && !of_primary {
            found.add(
                Consequence::Open,
                format!("it makes {name} of a unique key NOT NULL: a row without it disables the table"),
            );
        }
    }
    let parts = table.keys.iter().filter(|key| key.kind != KeyKind::PassedOver).flat_map(|key| &key.parts);
    parts.for_each(|part| key_part(part, &table.columns, found));
    same_index_names(table, found);
    enums(table, found);
    if table.if_not_exists {
        found.add(Consequence::Open, "it creates the table even if it is there, which disables it");
    }
}

fn key_part(part: &KeyPart, columns: &[Column], found: &mut Findings) {
    match part {
        KeyPart::Prefix => found.add(Consequence::Disables, "it makes a column of the prefix in a key"),
        KeyPart::Expression => {
            found.add(Consequence::Disables, "it makes a column of the expression in a key")
        }
        KeyPart::Column(name) => match columns.iter().find(|it| it.name == *name) {
            None => found.add(Consequence::Disables, format!("the key writes {name} in other letters")),
            Some(column) if Kind::of(&column.kind) == Some(Kind::Json) => {
                found.add(Consequence::Disables, format!("{name} of a key is JSON"));
            }
            Some(_) => {}
        },
    }
}

/// What the keys of a table make of its columns.
struct Keys<'a> {
    primary: BTreeSet<&'a str>,
    unique: BTreeSet<&'a str>,
    /// Whether the replica has a key for the table.
    registered: bool,
}

fn keys(table: &Table) -> Keys<'_> {
    let of = |kind: KeyKind| {
        let keys = table.keys.iter().filter(move |key| key.kind == kind);
        keys.flat_map(|key| &key.parts).filter_map(|part| match part {
            KeyPart::Column(name) => Some(name.as_str()),
            KeyPart::Prefix | KeyPart::Expression => None,
        })
    };
    let inline = table.columns.iter().filter(|it| it.attributes.contains(&Attribute::PrimaryKey));
    let inline = inline.map(|it| it.name.as_str());
    let primary: BTreeSet<_> = of(KeyKind::Primary).chain(inline).collect();
    let unique: BTreeSet<_> = of(KeyKind::Unique).collect();
    let registered = !primary.is_empty()
        || table.keys.iter().any(|it| matches!(it.kind, KeyKind::Primary | KeyKind::Unique));
    Keys { primary, unique, registered }
}

/// Names of indexes are cut by PostgreSQL, and their numbers with them.
fn same_index_names(table: &Table, found: &mut Findings) {
    let first = |letters: usize| table.name.chars().take(letters).map(char::len_utf8).sum::<usize>();
    // Its name for itself, which begins with the table's, the table's again, and the time.
    let before_the_number = |own: usize, letters: usize| 4 + own + first(letters) + 1 + first(10) + 12;
    for (kind, length) in
        [(KeyKind::Unique, before_the_number(6, 4)), (KeyKind::Plain, before_the_number(4, 6))]
    {
        if length > LONGEST && table.keys.iter().filter(|key| key.kind == kind).count() > 1 {
            found.add(Consequence::Disables, "it gives two indexes one name, since the table's is so long");
        }
    }
}

/// It drops the type of another column whose name it cuts to the same.
fn enums(table: &Table, found: &mut Findings) {
    let enums: Vec<_> = table.columns.iter().filter(|it| it.kind == "enum").collect();
    if enums.is_empty() {
        return;
    }
    let beginning = |name: &str| name.chars().take(OF_A_NAME).collect::<String>();
    for (number, column) in enums.iter().enumerate() {
        let alike =
            |it: &&&Column| beginning(&it.name) == beginning(&column.name) && it.labels != column.labels;
        if enums[..number].iter().find(alike).is_some() {
            found.add(
                Consequence::Open,
                format!("it makes one type of two enums that begin like {}", column.name),
            );
        }
    }
    if table.name.chars().count() >= OF_A_NAME {
        found.add(
            Consequence::Open,
            "it drops the enum of another table whose name begins with the same 20 letters, and its column with it",
        );
    }
}

fn alter(table: &str, actions: &[Action], found: &mut Findings) {
    if table.len() > LONGEST {
        found.add(Consequence::Disables, "it does not find a table with so long a name");
        return;
    }
    let is_several = |action: &&Action| matches!(action, Action::AddSeveral(_));
    // In the order in which it goes through them.
    let actions: Vec<_> =
        actions.iter().filter(|it| !is_several(it)).chain(actions.iter().filter(is_several)).collect();
    let is_change = |action: &&Action| matches!(action, Action::Change { .. } | Action::Modify(_));
    if let Some(at) = actions.iter().position(is_change) {
        // It does the first of these and nothing else; what comes before it has been translated all the same.
        for action in &actions[..at] {
            if let Action::Add(column) = action {
                kind(column, found);
            }
        }
        match actions[at] {
            Action::Change { old, column } => convert(old, column, found),
            Action::Modify(column) => convert(&column.name, column, found),
            _ => {}
        }
        return;
    }
    for action in &actions {
        match action {
            Action::Add(column) => add(column, found),
            Action::AddSeveral(columns) => columns.iter().for_each(|column| add(column, found)),
            Action::Drop(column) => drop_column(column, found),
            Action::Change { .. } | Action::Modify(_) | Action::Index => {}
        }
    }
    if actions.iter().all(|it| **it == Action::Index) {
        found.add(Consequence::Disables, "it knows nothing to do, and has PostgreSQL do that, which fails");
    }
}

fn add(column: &Column, found: &mut Findings) {
    let Some(kind) = definition(column, found) else { return };
    if kind.has_length() && column.numbers.is_empty() {
        found.add(Consequence::Disables, format!("it gives {} no length, and so none at all", column.name));
    }
    let default = column.attributes.iter().find_map(|it| match it {
        Attribute::Default(default) => Some(default),
        _ => None,
    });
    let Some(default) = default else { return };
    let shown = match default {
        Default::Text(_) => "the default".to_owned(),
        Default::Word(word) => format!("DEFAULT {word}"),
    };
    match kind.takes(default, column) {
        Some(true) => {}
        Some(false) => {
            found.add(Consequence::Disables, format!("PostgreSQL does not take {shown} of {}", column.name));
        }
        None => found.add(Consequence::Open, format!("PostgreSQL may not take {shown} of {}", column.name)),
    }
}

/// It writes the name without quotes.
fn drop_column(column: &str, found: &mut Findings) {
    let lower = column.to_ascii_lowercase();
    let begins_well = column.starts_with(|it: char| !it.is_ascii_digit());
    let is_reserved = RESERVED.contains(&format!(" {lower} "));
    let has_spaces = column.contains(char::is_whitespace);
    if !begins_well || is_reserved || has_spaces {
        found.add(Consequence::Disables, format!("PostgreSQL takes {column} for no name"));
    } else if lower != column {
        found.add(Consequence::Open, format!("PostgreSQL looks for {lower} and not for {column}"));
    }
}

fn convert(old: &str, column: &Column, found: &mut Findings) {
    let Some(kind) = definition(column, found) else { return };
    if kind.has_length() && column.numbers.is_empty() {
        found.add(Consequence::Disables, format!("it gives {} no length, and so none at all", column.name));
    }
    found.add(
        Consequence::Open,
        format!("whether PostgreSQL can convert {old} depends on its type and on what is in it"),
    );
}

/// What holds of a column wherever PostgreSQL gets it.
fn definition(column: &Column, found: &mut Findings) -> Option<Kind> {
    name(&column.name, found);
    let kind = kind(column, found)?;
    let nothing = |it: &String| it.bytes().all(|it| it == b'0');
    if kind.has_length() && column.numbers.first().is_some_and(nothing) {
        found.add(Consequence::Disables, format!("PostgreSQL has no {}(0)", column.kind));
    }
    Some(kind)
}

/// The type that a column gets. One of its own is created for an enum.
fn kind(column: &Column, found: &mut Findings) -> Option<Kind> {
    let Some(kind) = Kind::of(&column.kind) else {
        found.add(
            Consequence::Untranslatable,
            format!("it has no type for {} of {}", column.kind, column.name),
        );
        return None;
    };
    if kind != Kind::Enum {
        return Some(kind);
    }
    if column.labels.is_empty() {
        found.add(Consequence::Untranslatable, format!("it finds no values of {}", column.name));
    }
    for (number, label) in column.labels.iter().enumerate() {
        if column.labels[..number].contains(label) {
            // Only what it has taken out of them made a difference.
            found.add(Consequence::Disables, format!("it reads two values of {} as one", column.name));
        }
        match as_postgresql_reads(label) {
            Some(label) if label.len() > LONGEST => {
                found.add(
                    Consequence::Disables,
                    format!("a value of {} is longer than 63 bytes", column.name),
                );
            }
            Some(label) if label.contains('\\') || label.ends_with(' ') => {
                found.add(Consequence::Open, format!("it makes another value of {label} of {}", column.name));
            }
            Some(_) => {}
            None => found.add(Consequence::Disables, format!("a value of {} has a quote in it", column.name)),
        }
    }
    Some(kind)
}

fn name(name: &str, found: &mut Findings) {
    if OWN_COLUMNS.contains(&name) {
        found.add(Consequence::Disables, format!("PostgreSQL has a column {name} of its own in every table"));
    }
}

/// What the statement does and the daemon does not.
fn differences(taken: &[Taken], meaning: &Meaning, found: &mut Findings) {
    match meaning {
        Meaning::Create(created) => created_otherwise(taken, created, found),
        Meaning::Changes(changes) => changed_otherwise(taken, changes, found),
        Meaning::DropsTemporary => {
            if taken.iter().any(|it| matches!(it, Taken::Drop(_))) {
                found.add(
                    Consequence::Open,
                    "it drops the table of the same name that is not temporary, if there is one",
                );
            }
        }
        Meaning::Nothing => {}
    }
}

fn created_otherwise(taken: &[Taken], created: &Created, found: &mut Findings) {
    let [Taken::Create(table)] = taken else {
        return found.add(Consequence::Disables, "it takes it for a comment");
    };
    let columns: Vec<_> = table.columns.iter().map(|it| &it.name).collect();
    if columns != created.columns.iter().collect::<Vec<_>>() {
        found.add(Consequence::Disables, "it reads other columns than MySQL");
    }
    if created.has_key && !keys(table).registered {
        found.add(Consequence::Disables, "it finds no key, and leaves the table out of the replica");
    }
    if created.is_filled {
        found.add(Consequence::Disables, "it does not fill the table");
    }
}

fn changed_otherwise(taken: &[Taken], changes: &[Change], found: &mut Findings) {
    let mut done: Vec<Change> = Vec::new();
    for one in taken {
        match one {
            Taken::Alter { actions, .. } => done.extend(done_of(actions)),
            Taken::Rename { to, .. } => done.push(Change::RenamesTable(to.clone())),
            Taken::Truncate { .. } => done.push(Change::Empties),
            Taken::DropPrimaryKey(_) => done.push(Change::DropsKey),
            Taken::Create(_) | Taken::Drop(_) => {}
        }
    }
    for change in changes {
        if let Some(at) = done.iter().position(|it| it == change) {
            done.remove(at);
            continue;
        }
        match change {
            Change::Adds(name) => found.add(Consequence::Disables, format!("it does not add {name}")),
            Change::Renames(name, _) => {
                found.add(Consequence::Disables, format!("it does not rename {name}"))
            }
            Change::RenamesTable(_) => found.add(Consequence::Disables, "it does not rename the table"),
            Change::Empties => found.add(Consequence::Disables, "it does not empty the table"),
            Change::Drops(name) => {
                found.add(
                    Consequence::Open,
                    format!("it does not drop {name}: if that is NOT NULL, the next row disables the table"),
                );
            }
            Change::DropsKey => {
                found.add(
                    Consequence::Open,
                    "it leaves the key as it was: rows that are the same by that disable the table",
                );
            }
            Change::Modifies(name) => {
                found.add(
                    Consequence::Open,
                    format!("it does not change {name}: a row that needs it disables the table"),
                );
            }
        }
    }
    if !done.is_empty() {
        found.add(Consequence::Disables, "it does more than MySQL");
    }
}

/// What it does of the actions of an ALTER TABLE: up to the first change of a column, that change alone.
fn done_of(actions: &[Action]) -> Vec<Change> {
    let only = actions.iter().find_map(|action| match action {
        Action::Change { old, column } if *old != column.name => {
            Some(Change::Renames(old.clone(), column.name.clone()))
        }
        Action::Change { column, .. } | Action::Modify(column) => Some(Change::Modifies(column.name.clone())),
        _ => None,
    });
    if let Some(only) = only {
        return vec![only];
    }
    let done = actions.iter().flat_map(|action| match action {
        Action::Add(column) => vec![Change::Adds(column.name.clone())],
        Action::AddSeveral(columns) => columns.iter().map(|it| Change::Adds(it.name.clone())).collect(),
        Action::Drop(name) => vec![Change::Drops(name.clone())],
        Action::Change { .. } | Action::Modify(_) | Action::Index => vec![],
    });
    done.collect()
}
