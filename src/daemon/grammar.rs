//! What the daemon of pg_chameleon 2.0.21 takes a statement for: told from the outside, as all here.
//!
//! It goes by the first reading that fits, and never comes back to another when what follows does not fit.

use super::reader::Reader;

/// A statement as the daemon has understood it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Taken {
    Create(Table),
    Drop(String),
    Truncate { schema: Option<String>, table: String },
    Rename { table: String, to: String },
    DropPrimaryKey(String),
    Alter { schema: Option<String>, table: String, actions: Vec<Action> },
}

impl Taken {
    /// The table that it is about.
    pub(super) fn table(&self) -> &str {
        match self {
            Self::Create(Table { name, .. }) => name,
            Self::Drop(table)
            | Self::DropPrimaryKey(table)
            | Self::Truncate { table, .. }
            | Self::Rename { table, .. }
            | Self::Alter { table, .. } => table,
        }
    }
}

/// A table that is created.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) name: String,
    /// Whether it is created only if it isn't there.
    pub(super) if_not_exists: bool,
    pub(super) columns: Vec<Column>,
    pub(super) keys: Vec<Key>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    /// The type, in small letters.
    pub(super) kind: String,
    /// The numbers in parentheses.
    pub(super) numbers: Vec<String>,
    /// The texts in parentheses, as they are written.
    pub(super) labels: Vec<String>,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Attribute {
    NotNull,
    PrimaryKey,
    Default(Default),
    Comment,
    /// Any other word, as it is written.
    Word(String),
}

/// What a column holds by default.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Default {
    /// What stands in quotes, as it is written.
    Text(String),
    Word(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) kind: KeyKind,
    pub(super) parts: Vec<KeyPart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Primary,
    Unique,
    Plain,
    /// One that the replica does without: a foreign key, one of words or places.
    PassedOver,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum KeyPart {
    Column(String),
    /// The beginning of a column.
    Prefix,
    Expression,
}

/// What an ALTER TABLE does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Add(Column),
    AddSeveral(Vec<Column>),
    Drop(String),
    Change {
        old: String,
        column: Column,
    },
    Modify(Column),
    /// Something with an index, or what it takes for that.
    Index,
}

/// The statements in a text without comments; none when it ends at it.
pub(super) fn statements(text: &str) -> Option<Vec<Taken>> {
    let mut reader = Reader::new(text);
    let mut all = Vec::new();
    loop {
        reader.spaces();
        // It reads every RENAME TABLE, and ends at what it has made of it.
        if reader.keywords(&["RENAME", "TABLE"]).is_some() {
            return None;
        }
        all.extend(statement(&mut reader));
        reader.spaces();
        if reader.sign(';').is_none() {
            return reader.is_at_the_end().then_some(all);
        }
    }
}

fn statement(reader: &mut Reader<'_>) -> Option<Taken> {
    [create_table, drop_table, truncate, drop_primary_key, create_index, drop_index, alter_table, rename]
        .into_iter()
        .find_map(|read| reader.whole(read))
}

fn create_table(it: &mut Reader<'_>) -> Option<Taken> {
    it.keywords(&["CREATE", "TABLE"])?;
    let if_not_exists = it.has(|it| it.then(&["IF", "NOT", "EXISTS"]));
    let name = it.then_name()?.to_owned();
    it.spaces();
    it.sign('(')?;
    let defined = it.list(
        |it| {
            it.spaces();
            let found = key(it).map(Err).or_else(|| it.whole(column).map(Ok))?;
            it.spaces();
            Some(found)
        },
        |it| it.sign(','),
    );
    it.sign(')')?;
    it.go_to_the_end();
    let (mut columns, mut keys) = (Vec::new(), Vec::new());
    for one in defined {
        match one {
            Ok(column) => columns.push(column),
            Err(key) => keys.push(key),
        }
    }
    Some(Taken::Create(Table { name, if_not_exists, columns, keys }))
}

fn drop_table(it: &mut Reader<'_>) -> Option<Taken> {
    it.keywords(&["DROP", "TABLE"])?;
    it.has(|it| it.then(&["IF", "EXISTS"]));
    Some(Taken::Drop(it.then_name()?.to_owned()))
}

fn truncate(it: &mut Reader<'_>) -> Option<Taken> {
    it.keywords(&["TRUNCATE"])?;
    it.has(|it| it.then(&["TABLE"]));
    it.space()?;
    let (schema, table) = qualified(it)?;
    Some(Taken::Truncate { schema, table })
}

fn drop_primary_key(it: &mut Reader<'_>) -> Option<Taken> {
    it.keywords(&["ALTER", "TABLE"])?;
    let table = it.then_name()?.to_owned();
    it.then(&["DROP", "PRIMARY", "KEY"])?;
    Some(Taken::DropPrimaryKey(table))
}

fn create_index(it: &mut Reader<'_>) -> Option<Taken> {
    it.keywords(&["CREATE"])?;
    for kind in ["UNIQUE", "FULLTEXT", "SPATIAL"] {
        it.has(|it| it.then(&[kind]));
    }
    it.then(&["INDEX"])?;
    it.then_name()?;
    it.has(|it| {
        it.spaces();
        it.letters("USING")?;
        it.spaces();
        it.any_of(&["BTREE", "HASH"])
    });
    it.then(&["ON"])?;
    it.space()?;
    let (schema, table) = qualified(it)?;
    key_parts(it)?;
    Some(Taken::Alter { schema, table, actions: vec![Action::Index] })
}

fn drop_index(it: &mut Reader<'_>) -> Option<Taken> {
    it.keywords(&["DROP", "INDEX"])?;
    it.then_name()?;
    it.then(&["ON"])?;
    let table = it.then_name()?.to_owned();
    Some(Taken::Alter { schema: None, table, actions: vec![Action::Index] })
}

fn alter_table(it: &mut Reader<'_>) -> Option<Taken> {
    it.keywords(&["ALTER", "TABLE"])?;
    it.space()?;
    let (schema, table) = qualified(it)?;
    it.spaces();
    let actions = it.list(action, |it| it.spaced(','));
    (!actions.is_empty()).then_some(Taken::Alter { schema, table, actions })
}

/// ALTER TABLE with no other action.
fn rename(it: &mut Reader<'_>) -> Option<Taken> {
    it.keywords(&["ALTER", "TABLE"])?;
    let table = it.then_name()?.to_owned();
    it.then(&["RENAME"])?;
    it.has(|it| it.then(&["TO"]));
    Some(Taken::Rename { table, to: it.then_name()?.to_owned() })
}

/// A name, with the one of its schema or without; there is no space around the dot.
fn qualified(it: &mut Reader<'_>) -> Option<(Option<String>, String)> {
    let schema = it.whole(|it| {
        let schema = it.name()?;
        it.sign('.')?;
        Some(schema.to_owned())
    });
    Some((schema, it.name()?.to_owned()))
}

fn action(it: &mut Reader<'_>) -> Option<Action> {
    let add_index = |it: &mut Reader<'_>| {
        it.letters("ADD")?;
        it.space()?;
        key(it).map(|_| Action::Index)
    };
    [add_index, other_index, anything_of_a_key, drop_column, add_column, add_columns, change, modify]
        .into_iter()
        .find_map(|read| it.whole(read))
}

fn other_index(it: &mut Reader<'_>) -> Option<Action> {
    let renames = it.has(|it| it.letters("RENAME"));
    if !renames {
        it.letters("DROP")?;
    }
    it.space()?;
    it.any_of(&["INDEX", "KEY"])?;
    it.then_name()?;
    if renames {
        it.then(&["TO"])?;
        it.then_name()?;
    }
    Some(Action::Index)
}

/// What begins like something with a key, is passed over up to the next comma: a column that begins so with it.
fn anything_of_a_key(it: &mut Reader<'_>) -> Option<Action> {
    it.any_of(&["ADD", "DROP", "CHANGE", "MODIFY"])?;
    it.space()?;
    it.any_of(&["INDEX", "KEY", "CONSTRAINT", "CHECK", "UNIQUE"])
        .or_else(|| it.keywords(&["FOREIGN", "KEY"]))
        .or_else(|| it.keywords(&["PRIMARY", "KEY"]))?;
    it.go_to(',');
    Some(Action::Index)
}

/// The verb, and `COLUMN` where it stands behind it: also where a name begins so.
fn verb(it: &mut Reader<'_>, verb: &str) -> Option<()> {
    it.letters(verb)?;
    it.has(|it| it.then(&["COLUMN"]));
    Some(())
}

fn drop_column(it: &mut Reader<'_>) -> Option<Action> {
    verb(it, "DROP")?;
    Some(Action::Drop(it.then_name()?.to_owned()))
}

fn add_column(it: &mut Reader<'_>) -> Option<Action> {
    verb(it, "ADD")?;
    it.space()?;
    column(it).map(Action::Add)
}

fn add_columns(it: &mut Reader<'_>) -> Option<Action> {
    verb(it, "ADD")?;
    it.spaced('(')?;
    let columns = it.list(column, |it| it.spaced(','));
    it.spaced(')')?;
    Some(Action::AddSeveral(columns))
}

fn change(it: &mut Reader<'_>) -> Option<Action> {
    verb(it, "CHANGE")?;
    let old = it.then_name()?.to_owned();
    it.space()?;
    Some(Action::Change { old, column: column(it)? })
}

fn modify(it: &mut Reader<'_>) -> Option<Action> {
    verb(it, "MODIFY")?;
    it.space()?;
    column(it).map(Action::Modify)
}

fn key(it: &mut Reader<'_>) -> Option<Key> {
    [primary_key, unique_key, plain_key, foreign_key, other_key].into_iter().find_map(|read| it.whole(read))
}

fn constraint(it: &mut Reader<'_>) {
    it.has(|it| {
        it.letters("CONSTRAINT")?;
        it.then_name()?;
        it.space()
    });
}

fn primary_key(it: &mut Reader<'_>) -> Option<Key> {
    constraint(it);
    it.keywords(&["PRIMARY", "KEY"])?;
    Some(Key { kind: KeyKind::Primary, parts: key_parts(it)? })
}

fn unique_key(it: &mut Reader<'_>) -> Option<Key> {
    constraint(it);
    it.letters("UNIQUE")?;
    index_word(it);
    it.has(|it| it.then_name().map(drop));
    Some(Key { kind: KeyKind::Unique, parts: key_parts(it)? })
}

fn plain_key(it: &mut Reader<'_>) -> Option<Key> {
    it.any_of(&["INDEX", "KEY"])?;
    it.has(|it| it.then_name().map(drop));
    Some(Key { kind: KeyKind::Plain, parts: key_parts(it)? })
}

fn foreign_key(it: &mut Reader<'_>) -> Option<Key> {
    constraint(it);
    it.keywords(&["FOREIGN", "KEY"])?;
    key_parts(it)?;
    it.letters("REFERENCES")?;
    it.spaces();
    it.name()?;
    Some(Key { kind: KeyKind::PassedOver, parts: key_parts(it)? })
}

fn other_key(it: &mut Reader<'_>) -> Option<Key> {
    constraint(it);
    it.spaces();
    it.any_of(&["SPATIAL", "FULLTEXT"])?;
    index_word(it);
    it.then_name()?;
    Some(Key { kind: KeyKind::PassedOver, parts: key_parts(it)? })
}

fn index_word(it: &mut Reader<'_>) {
    it.has(|it| {
        it.space()?;
        it.any_of(&["INDEX", "KEY"])
    });
}

/// The parts of a key in parentheses, and the space around these.
fn key_parts(it: &mut Reader<'_>) -> Option<Vec<KeyPart>> {
    it.spaced('(')?;
    let parts = it.list(key_part, |it| it.spaced(','));
    it.spaced(')')?;
    Some(parts)
}

fn key_part(it: &mut Reader<'_>) -> Option<KeyPart> {
    let prefix = |it: &mut Reader<'_>| {
        it.name()?;
        it.spaced('(')?;
        it.digits();
        it.spaced(')')?;
        Some(KeyPart::Prefix)
    };
    it.whole(prefix)
        .or_else(|| it.name().map(|name| KeyPart::Column(name.to_owned())))
        .or_else(|| it.whole(|it| expression(it, DEEPEST)).map(|()| KeyPart::Expression))
}

/// How deep it can read parentheses within parentheses.
const DEEPEST: usize = 58;

/// Something in balanced parentheses, or something without any.
fn expression(it: &mut Reader<'_>, depth: usize) -> Option<()> {
    let in_parentheses = |it: &mut Reader<'_>| {
        let depth = depth.checked_sub(1)?;
        it.spaced('(')?;
        it.list(|it| expression(it, depth), |_| Some(()));
        it.spaced(')')
    };
    it.whole(in_parentheses).or_else(|| it.outside_parentheses())
}

fn column(it: &mut Reader<'_>) -> Option<Column> {
    let name = it.name()?.to_owned();
    it.space()?;
    let kind = it.word()?.to_lowercase();
    it.has(|it| {
        it.space()?;
        it.any_of(&["PRECISION", "VARYING"])
    });
    let numbers = in_parentheses(it, |it| Some(it.digits().to_owned())).unwrap_or_default();
    let labels = in_parentheses(it, |it| it.text().map(str::to_owned)).unwrap_or_default();
    it.spaces();
    let attributes = it.list(attribute, Reader::space);
    Some(Column { name, kind, numbers, labels, attributes })
}

fn in_parentheses(
    it: &mut Reader<'_>,
    one: impl Fn(&mut Reader<'_>) -> Option<String>,
) -> Option<Vec<String>> {
    it.whole(|it| {
        it.spaced('(')?;
        let all = it.list(one, |it| it.spaced(',').or_else(|| it.spaced('|')));
        it.spaced(')')?;
        Some(all)
    })
}

fn attribute(it: &mut Reader<'_>) -> Option<Attribute> {
    let default = |it: &mut Reader<'_>| {
        it.letters("DEFAULT")?;
        it.space()?;
        let text = it.text().map(|text| Default::Text(text.to_owned()));
        text.or_else(|| it.word().map(|word| Default::Word(word.to_owned()))).map(Attribute::Default)
    };
    let comment = |it: &mut Reader<'_>| {
        it.letters("COMMENT")?;
        it.space()?;
        it.text().map(|_| Attribute::Comment)
    };
    it.keywords(&["NOT", "NULL"])
        .map(|()| Attribute::NotNull)
        .or_else(|| it.keywords(&["PRIMARY", "KEY"]).map(|()| Attribute::PrimaryKey))
        .or_else(|| it.whole(default))
        .or_else(|| it.whole(comment))
        .or_else(|| it.name().map(|word| Attribute::Word(word.to_owned())))
}
