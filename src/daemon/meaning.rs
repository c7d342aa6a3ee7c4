//! What a statement about a table does on MySQL: what the daemon makes of it is held against that.

use super::sql::{Token, tokens};

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Create(Created),
    /// It changes the columns of a table, or empties it.
    Changes(Vec<Change>),
    /// It drops a table that only its session has seen.
    DropsTemporary,
    /// Nothing that a replica misses when it doesn't do it.
    Nothing,
}

/// A table that is created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Created {
    pub(super) columns: Vec<String>,
    /// Whether it has a key by which rows are told apart.
    pub(super) has_key: bool,
    /// Whether it is filled by a query.
    pub(super) is_filled: bool,
}

/// What becomes of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Adds(String),
    Drops(String),
    Renames(String, String),
    Modifies(String),
    /// The table itself.
    RenamesTable(String),
    Empties,
    /// The primary key.
    DropsKey,
}

/// What begins a definition in CREATE TABLE that is none of a column.
const NO_COLUMN: [&str; 13] = [
    "INDEX",
    "KEY",
    "CONSTRAINT",
    "UNIQUE",
    "PRIMARY",
    "FULLTEXT",
    "SPATIAL",
    "FOREIGN",
    "CHECK",
    "PERIOD",
    "VECTOR",
    "LIKE",
    "PARTITION",
];

/// What a statement does to tables of the session's schema.
pub(super) fn meaning(default_schema: &str, text: &str) -> Meaning {
    let tokens: Vec<_> = tokens(text).take_while(|token| *token != Token::Sign(';')).collect();
    let [verb, rest @ ..] = tokens.as_slice() else { return Meaning::Nothing };
    let rest = skip(rest, &["OR", "REPLACE", "ONLINE", "OFFLINE", "IGNORE"]);
    if verb.is("TRUNCATE") {
        let own = behind_the_name(skip(rest, &["TABLE"]), default_schema);
        return own.map_or(Meaning::Nothing, |_| Meaning::Changes(vec![Change::Empties]));
    }
    let [what, rest @ ..] = rest else { return Meaning::Nothing };
    if verb.is("DROP") && what.is("TEMPORARY") {
        return Meaning::DropsTemporary;
    }
    if !what.is_one_of(&["TABLE", "TABLES"]) {
        return Meaning::Nothing;
    }
    let Some(behind) = behind_the_name(skip(rest, &["IF", "NOT", "EXISTS"]), default_schema) else {
        return Meaning::Nothing;
    };
    if verb.is("CREATE") {
        Meaning::Create(created(behind))
    } else if verb.is("ALTER") {
        Meaning::Changes(clauses(behind).into_iter().flat_map(changes).collect())
    } else if verb.is("RENAME") {
        Meaning::Changes(vec![Change::RenamesTable(String::new())])
    } else {
        Meaning::Nothing
    }
}

fn skip<'a>(tokens: &'a [Token], keywords: &[&str]) -> &'a [Token] {
    &tokens[tokens.iter().take_while(|token| token.is_one_of(keywords)).count()..]
}

/// What stands behind a table's name; none when that is in another schema.
fn behind_the_name<'a>(tokens: &'a [Token], default_schema: &str) -> Option<&'a [Token]> {
    match tokens {
        [schema, Token::Sign('.'), _, rest @ ..] => {
            schema.name().filter(|it| *it == default_schema).map(|_| rest)
        }
        [_, rest @ ..] => Some(rest),
        [] => None,
    }
}

/// What stands between commas that are in no parentheses.
fn clauses(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0_i32;
    tokens
        .split(|token| {
            match token {
                Token::Sign('(') => depth += 1,
                Token::Sign(')') => depth -= 1,
                _ => {}
            }
            depth == 0 && *token == Token::Sign(',')
        })
        .collect()
}

/// What stands in the parentheses that the tokens begin with, and what comes behind them.
fn in_parentheses(tokens: &[Token]) -> Option<(&[Token], &[Token])> {
    let [Token::Sign('('), inside @ ..] = tokens else { return None };
    let mut depth = 1_i32;
    let end = inside.iter().position(|token| {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    Some((&inside[..end], &inside[end + 1..]))
}

fn created(tokens: &[Token]) -> Created {
    let (inside, behind) = in_parentheses(tokens).unwrap_or((&[], tokens));
    let mut table = Created { is_filled: behind.iter().any(|it| it.is("SELECT")), ..Created::default() };
    for definition in clauses(inside) {
        let Some(first) = definition.first() else { continue };
        if first.is_one_of(&NO_COLUMN) {
            let kind = if first.is("CONSTRAINT") {
                definition.iter().skip(1).find(|it| it.is_one_of(&["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]))
            } else {
                Some(first)
            };
            table.has_key |= kind.is_some_and(|it| it.is_one_of(&["PRIMARY", "UNIQUE"]));
        } else if let Some(name) = first.name() {
            table.columns.push(name.to_owned());
            table.has_key |= outside_parentheses(definition).any(|it| it.is_one_of(&["KEY", "UNIQUE"]));
        }
    }
    table
}

fn outside_parentheses(tokens: &[Token]) -> impl Iterator<Item = &Token> {
    let mut depth = 0_i32;
    tokens.iter().filter(move |token| {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

/// What a clause of ALTER TABLE does to the columns.
fn changes(clause: &[Token]) -> Vec<Change> {
    let name = |tokens: &[Token]| tokens.first().and_then(Token::name).map(str::to_owned);
    let [verb, rest @ ..] = clause else { return vec![] };
    let column = skip(rest, &["COLUMN"]);
    let column = skip(column, if column.len() > rest.len() { &[] } else { &["IF", "NOT", "EXISTS"] });
    let is_column = rest.len() != column.len() || !rest.first().is_some_and(|it| it.is_one_of(&NO_COLUMN));
    let is_column = is_column && !rest.first().is_some_and(|it| it.is("SYSTEM") && rest.len() < 3);
    let one = |change: Option<Change>| change.into_iter().collect();
    if verb.is("ADD") && is_column {
        match in_parentheses(column) {
            Some((inside, _)) => {
                let columns = clauses(inside).into_iter();
                let columns = columns.filter(|it| it.first().is_some_and(|it| !it.is_one_of(&NO_COLUMN)));
                columns.filter_map(name).map(Change::Adds).collect()
            }
            None => one(name(column).map(Change::Adds)),
        }
    } else if verb.is("DROP") && rest.first().is_some_and(|it| it.is("PRIMARY")) {
        vec![Change::DropsKey]
    } else if verb.is("DROP") && is_column {
        one(name(column).map(Change::Drops))
    } else if verb.is("CHANGE") {
        one(name(column)
            .zip(name(column.get(1..).unwrap_or_default()))
            .map(|(old, new)| if old == new { Change::Modifies(old) } else { Change::Renames(old, new) }))
    } else if verb.is("MODIFY") {
        one(name(column).map(Change::Modifies))
    } else if verb.is("RENAME") {
        match rest {
            [what, ..] if what.is_one_of(&["INDEX", "KEY"]) => vec![],
            [what, old, _, new, ..] if what.is("COLUMN") => {
                one(old.name().zip(new.name()).map(|(old, new)| Change::Renames(old.into(), new.into())))
            }
            _ => {
                let to = rest.strip_prefix(&[Token::Sign('=')]).unwrap_or(skip(rest, &["TO", "AS"]));
                one(name(to).map(Change::RenamesTable))
            }
        }
    } else {
        vec![]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_that_change() {
        let shown = |text: &str| match meaning("s", text) {
            Meaning::Changes(changes) => changes
                .iter()
                .map(|change| match change {
                    Change::Adds(name) => format!("+{name}"),
                    Change::Drops(name) => format!("-{name}"),
                    Change::Renames(old, new) => format!("{old}>{new}"),
                    Change::Modifies(name) => format!("~{name}"),
                    Change::RenamesTable(name) => format!(">{name}"),
                    Change::Empties => "0".to_owned(),
                    Change::DropsKey => "-key".to_owned(),
                })
                .collect::<Vec<_>>()
                .join(" "),
            Meaning::Create(table) => format!("{table:?}"),
            other => format!("{other:?}"),
        };
        for (text, expected) in [
            ("ALTER TABLE s.t ADD a int, ADD COLUMN b int AFTER a, DROP c, DROP COLUMN d", "+a +b -c -d"),
            ("alter table t add column if not exists a int, drop if exists b", "+a -b"),
            ("ALTER TABLE t ADD (a int, `b c` decimal(1, 2), KEY (a))", "+a +b c"),
            ("ALTER TABLE t CHANGE a b int, MODIFY COLUMN c int, CHANGE COLUMN d d int", "a>b ~c ~d"),
            ("ALTER TABLE t ADD INDEX (a), DROP PRIMARY KEY, DROP FOREIGN KEY f, ADD CHECK (a > 1)", "-key"),
            ("ALTER TABLE t ADD index_no int, ADD `key` int, DROP COLUMN `unique`", "+index_no +key -unique"),
            ("ALTER TABLE t /*! ADD a int, */ RENAME TO u", "+a >u"),
            ("ALTER TABLE t RENAME COLUMN a TO b, RENAME INDEX i TO j, RENAME = u", "a>b >u"),
            ("ALTER TABLE t ENGINE=InnoDB, ALTER a SET DEFAULT 1, ALGORITHM=COPY", ""),
            ("TRUNCATE t", "0"),
            ("TRUNCATE TABLE x.t", "Nothing"),
            ("/*! RENAME TABLE t TO u */", ">"),
            ("DROP TABLE t", "Nothing"),
            ("ALTER TABLE x.t ADD a int", "Nothing"),
            ("DROP /*!40005 TEMPORARY */ TABLE t", "DropsTemporary"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn the_columns_and_keys_of_a_new_table() {
        for (text, columns, has_key, is_filled) in [
            ("CREATE TABLE t (a int, `b` decimal(1,2) NOT NULL, PRIMARY KEY (a))", "a b", true, false),
            ("create table if not exists s.t (a int key)", "a", true, false),
            (
                "CREATE TABLE t (a int, KEY k (a), CONSTRAINT c FOREIGN KEY (a) REFERENCES u (b))",
                "a",
                false,
                false,
            ),
            ("CREATE TABLE t (a int, CONSTRAINT c UNIQUE (a))", "a", true, false),
            ("CREATE TABLE t (a int CHECK (a > (1)), `key` int) ENGINE=x AS SELECT 1", "a key", false, true),
            ("CREATE TABLE t LIKE u", "", false, false),
        ] {
            let columns = columns.split_whitespace().map(str::to_owned).collect();
            assert_eq!(
                meaning("s", text),
                Meaning::Create(Created { columns, has_key, is_filled }),
                "{text}"
            );
        }
    }
}
