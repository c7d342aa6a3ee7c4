//! Which tables a statement of the binary log writes to or redefines, by the names in it: what a reader that goes by the
//! session's default database alone, as pg_chameleon does, may miss.
//!
//! Where a name can't be told to be a target or not (the tables of a join in an UPDATE), it is taken for one.

use crate::daemon::sql::{Token, tokens};
use crate::window::HazardKind;

/// A table as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The schema before the dot; none: the session's default database.
    pub(super) schema: Option<String>,
    pub(super) table: String,
    pub(super) kind: HazardKind,
}

/// What stands before the name of the table in a statement that changes rows.
const BEFORE_A_TARGET: [&str; 7] =
    ["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE", "INTO", "FROM"];

/// Clauses of ALTER TABLE that begin with ADD or DROP and leave the columns alone.
const NOT_A_COLUMN: [&str; 12] = [
    "INDEX",
    "KEY",
    "CONSTRAINT",
    "UNIQUE",
    "FULLTEXT",
    "SPATIAL",
    "FOREIGN",
    "CHECK",
    "PARTITION",
    "VECTOR",
    "PERIOD",
    "SYSTEM",
];

/// The tables that `text` changes the rows or the definition of, each once.
pub(super) fn targets(text: &str) -> Vec<Target> {
    let tokens: Vec<_> = tokens(text).collect();
    let mut found = Vec::new();
    match &tokens[..] {
        [verb, rest @ ..] if verb.is("INSERT") || verb.is("REPLACE") => {
            first_name(skip(rest, &BEFORE_A_TARGET), HazardKind::RowsAsStatement, &mut found);
        }
        [verb, rest @ ..] if verb.is("UPDATE") => {
            names_before(skip(rest, &BEFORE_A_TARGET), &["SET"], HazardKind::RowsAsStatement, &mut found);
        }
        [verb, rest @ ..] if verb.is("DELETE") => names_before(
            skip(rest, &BEFORE_A_TARGET),
            &["WHERE", "ORDER", "LIMIT", "RETURNING"],
            HazardKind::RowsAsStatement,
            &mut found,
        ),
        [verb, rest @ ..] if verb.is("LOAD") => {
            let behind = rest.iter().position(|token| token.is("TABLE")).map_or(rest.len(), |at| at + 1);
            first_name(&rest[behind..], HazardKind::RowsAsStatement, &mut found);
        }
        [verb, rest @ ..] if verb.is("WITH") => {
            if let Some(at) = outside_parentheses(rest, &["UPDATE", "DELETE", "INSERT", "REPLACE"]) {
                let end =
                    if rest[at].is("UPDATE") { &["SET"][..] } else { &["WHERE", "ORDER", "LIMIT", "SELECT"] };
                names_before(
                    skip(&rest[at + 1..], &BEFORE_A_TARGET),
                    end,
                    HazardKind::RowsAsStatement,
                    &mut found,
                );
            }
        }
        [verb, rest @ ..] if verb.is("TRUNCATE") => {
            first_name(skip(rest, &["TABLE"]), HazardKind::UnseenDefinition, &mut found);
        }
        [verb, what, rest @ ..] if verb.is("RENAME") && what.is_one_of(&["TABLE", "TABLES"]) => {
            for pair in rest.split(|token| *token == Token::Sign(',')) {
                first_name(pair, HazardKind::UnseenDefinition, &mut found);
                let to = pair.iter().position(|token| token.is("TO")).map_or(pair.len(), |at| at + 1);
                first_name(&pair[to..], HazardKind::UnseenDefinition, &mut found);
            }
        }
        [verb, rest @ ..] if verb.is_one_of(&["CREATE", "ALTER", "DROP"]) => {
            definition(verb, rest, &mut found)
        }
        _ => {}
    }
    let mut named = Vec::with_capacity(found.len());
    for target in found {
        if !named.contains(&target) {
            named.push(target);
        }
    }
    named
}

fn definition(verb: &Token, rest: &[Token], found: &mut Vec<Target>) {
    let rest = skip(rest, &["OR", "REPLACE", "ONLINE", "OFFLINE", "IGNORE"]);
    let [what, rest @ ..] = rest else { return };
    if !what.is_one_of(&["TABLE", "TABLES"]) {
        return;
    }
    let rest = skip(rest, &["IF", "NOT", "EXISTS"]);
    if verb.is("CREATE") {
        first_name(rest, HazardKind::UnseenTable, found);
    } else if verb.is("DROP") {
        names_before(rest, &["RESTRICT", "CASCADE"], HazardKind::UnseenDefinition, found);
    } else if clauses(rest).any(changes_columns) {
        first_name(rest, HazardKind::UnseenDefinition, found);
    }
}

/// Whether a clause of ALTER TABLE makes rows that the old definition does not fit, or moves them to another name.
fn changes_columns(clause: &[Token]) -> bool {
    match clause {
        [verb, what, ..] if verb.is("ADD") || verb.is("DROP") => !what.is_one_of(&NOT_A_COLUMN),
        [verb, what, ..] if verb.is("RENAME") => !what.is_one_of(&["INDEX", "KEY"]),
        [verb, ..] => verb.is_one_of(&["CHANGE", "MODIFY", "CONVERT"]),
        [] => false,
    }
}

/// The clauses behind the name of an altered table, which commas outside parentheses part.
fn clauses(tokens: &[Token]) -> impl Iterator<Item = &[Token]> {
    let behind = if matches!(tokens, [_, Token::Sign('.'), ..]) { 3 } else { 1 };
    let mut depth = 0_i32;
    tokens.get(behind..).unwrap_or_default().split(move |token| {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth -= 1,
            _ => {}
        }
        depth == 0 && *token == Token::Sign(',')
    })
}

fn skip<'a>(tokens: &'a [Token], keywords: &[&str]) -> &'a [Token] {
    let count = tokens.iter().take_while(|token| token.is_one_of(keywords)).count();
    &tokens[count..]
}

fn first_name(tokens: &[Token], kind: HazardKind, found: &mut Vec<Target>) {
    found.extend(name(tokens, kind).map(|(target, _)| target));
}

/// The name at the beginning, and how many tokens it takes.
fn name(tokens: &[Token], kind: HazardKind) -> Option<(Target, usize)> {
    match tokens {
        [schema, Token::Sign('.'), table, ..] => {
            let (schema, table) = (schema.name()?.to_owned(), table.name()?.to_owned());
            Some((Target { schema: Some(schema), table, kind }, 3))
        }
        [table, ..] => Some((Target { schema: None, table: table.name()?.to_owned(), kind }, 1)),
        [] => None,
    }
}

/// Every name with a schema, outside parentheses, before one of `ends`: without one it is of the default database.
fn names_before(tokens: &[Token], ends: &[&str], kind: HazardKind, found: &mut Vec<Target>) {
    let end = outside_parentheses(tokens, ends).unwrap_or(tokens.len());
    let mut rest = &tokens[..end];
    let mut depth = 0_i32;
    while let [first, behind @ ..] = rest {
        match first {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth -= 1,
            _ => {}
        }
        match name(rest, kind).filter(|(target, _)| depth == 0 && target.schema.is_some()) {
            Some((target, length)) => {
                found.push(target);
                rest = &rest[length..];
            }
            None => rest = behind,
        }
    }
}

fn outside_parentheses(tokens: &[Token], keywords: &[&str]) -> Option<usize> {
    let mut depth = 0_i32;
    tokens.iter().position(|token| {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth -= 1,
            _ => {}
        }
        depth == 0 && token.is_one_of(keywords)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let one = |it: &Target| {
            let kind = match it.kind {
                HazardKind::RowsAsStatement => "rows",
                HazardKind::UnseenTable => "new",
                _ => "definition",
            };
            format!(
                "{kind} {}{}",
                it.schema.as_ref().map(|it| format!("{it}.")).unwrap_or_default(),
                it.table
            )
        };
        targets(text).iter().map(one).collect()
    }

    #[test]
    fn the_tables_whose_rows_a_statement_changes() {
        for (text, tables) in [
            ("insert into s.t values (1, 'update x.y')", vec!["rows s.t"]),
            ("INSERT IGNORE `s`.`t` SELECT * FROM x.y", vec!["rows s.t"]),
            ("replace low_priority into t set a = 1", vec!["rows t"]),
            ("UPDATE s.t SET a = x.y", vec!["rows s.t"]),
            (
                "update s.a join s.b on a.id = b.id set a.x = 1 where b.y in (select 1 from z.z)",
                vec!["rows s.a", "rows s.b", "rows a.id", "rows b.id"],
            ),
            ("DELETE FROM s.t WHERE a = (SELECT 1 FROM x.y)", vec!["rows s.t"]),
            ("delete /* why */ from `s-1`.`a``b`", vec!["rows s-1.a`b"]),
            ("LOAD DATA INFILE '/tmp/x' REPLACE INTO TABLE s.t FIELDS TERMINATED BY ','", vec!["rows s.t"]),
            (
                "WITH c AS (SELECT id FROM x.y) DELETE FROM s.t WHERE id IN (SELECT id FROM c)",
                vec!["rows s.t"],
            ),
            ("SELECT 1 FROM s.t", vec![]),
            ("CALL s.p()", vec![]),
            ("", vec![]),
            ("INSERT", vec![]),
            ("UPDATE (", vec![]),
        ] {
            assert_eq!(found(text), tables, "{text}");
        }
    }

    #[test]
    fn the_tables_that_a_statement_redefines() {
        for (text, tables) in [
            ("ALTER TABLE s.t ADD COLUMN x int", vec!["definition s.t"]),
            ("alter table `s`.`t` add x int, add index (x)", vec!["definition s.t"]),
            ("ALTER TABLE s.t ADD INDEX i (a), ADD KEY (b), DROP INDEX c", vec![]),
            ("ALTER TABLE s.t ENGINE=InnoDB", vec![]),
            ("ALTER TABLE s.t COMMENT 'add x', AUTO_INCREMENT = 7", vec![]),
            ("ALTER TABLE s.t ADD PRIMARY KEY (a)", vec!["definition s.t"]),
            ("ALTER TABLE IF EXISTS s.t DROP x", vec!["definition s.t"]),
            ("ALTER TABLE s.t MODIFY a varchar(200)", vec!["definition s.t"]),
            ("ALTER TABLE s.t RENAME INDEX a TO b", vec![]),
            ("ALTER TABLE s.t RENAME TO s.u", vec!["definition s.t"]),
            ("ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a, b) REFERENCES x.y (c, d)", vec![]),
            ("/*!40000 ALTER TABLE `s`.`t` DISABLE KEYS */", vec![]),
            (
                "RENAME TABLE s.t TO s.old, s.new TO s.t",
                vec!["definition s.t", "definition s.old", "definition s.new"],
            ),
            ("rename tables t to `u`", vec!["definition t", "definition u"]),
            ("TRUNCATE s.t", vec!["definition s.t"]),
            ("truncate table t", vec!["definition t"]),
            (
                "DROP TABLE IF EXISTS `s`.`a`, s.b /* generated by server */",
                vec!["definition s.a", "definition s.b"],
            ),
            ("CREATE TABLE IF NOT EXISTS s.t (id int)", vec!["new s.t"]),
            ("CREATE OR REPLACE TABLE s.t LIKE x.y", vec!["new s.t"]),
            ("CREATE INDEX i ON s.t (a)", vec![]),
            ("DROP TEMPORARY TABLE s.t", vec![]),
            ("CREATE VIEW s.v AS SELECT 1", vec![]),
            ("ALTER TABLE \"s\".\"t\" ADD x int", vec!["definition s.t"]),
        ] {
            assert_eq!(found(text), tables, "{text}");
        }
    }
}
