//! What lies ahead of the new replica, up to where the binary log ends now, at which the read daemon of pg_chameleon
//! 2.0.21 ends at every start (seen on the real daemon): rows of a table that is no longer on MySQL, and statements that
//! it can't parse, issued with a replicated schema as default database, whether 1.8.2 has applied them or not. Of the
//! statements that it has not applied, also those that the daemon can't translate, or whose translation disables a table.

use super::{Hazard, Hazards, NameCase, TableName, Transaction};
use crate::binlog::BinlogCoordinate;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// How many statements are kept by name; the others are counted.
const NAMED: usize = 20;

/// What names a savepoint.
const SAVEPOINTS: [&str; 4] = ["SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO", "ROLLBACK WORK TO"];

/// How often a statement must have come to be called one that keeps coming.
const SEVERAL: u64 = 3;

/// How many different statements are counted each by itself.
const TEXTS: usize = 1000;

/// How many statements are kept as they are, for the daemon's own judgement: once each text.
const KEPT: usize = 2000;

/// How many letters of them are kept in all.
const KEPT_LETTERS: usize = 4 << 20;

/// What becomes of a statement that does not fare well with the daemon, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Consequence {
    /// The daemon ends, whether 1.8.2 has applied the statement or not: it can't parse it.
    Unparsable,
    /// The daemon ends when it translates it for PostgreSQL.
    Untranslatable,
    /// PostgreSQL refuses what it is translated to, or gets something else than it needs: the table is disabled, then or at
    /// its next row.
    Disables,
    /// What is in the table, or how it was defined before, decides.
    Open,
}

/// What becomes of a statement, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What becomes of it.
    pub consequence: Consequence,
    /// Why, in words that begin with what the daemon does.
    pub why: String,
}

/// A statement in the binary log whose session has a default database, which both pg_chameleons go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// That database.
    pub default_schema: String,
    /// The statement.
    pub text: Arc<str>,
    /// Its beginning, for messages.
    pub shown: String,
    /// Where its event ends.
    pub end: BinlogCoordinate,
    /// The table that the daemon takes it to be about.
    pub table: Option<String>,
    /// What becomes of it; none when all is well.
    pub judged: Option<Judged>,
    /// The tables whose rows fit no longer when it is passed over, as 1.8.2 does.
    pub redefines: Vec<TableName>,
}

/// What lies ahead.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ahead {
    /// The tables whose rows are read, each with the end of its last row event.
    pub rows: BTreeMap<TableName, BinlogCoordinate>,
    /// The first statements at which the daemon ends, or that disable a table.
    pub fails: Statements,
    /// The first statements at which data decides.
    pub may_fail: Statements,
    /// The first statements of every text, well or not, for the daemon's own judgement.
    pub kept: Kept,
    /// What it does not take as it is meant.
    pub hazards: Hazards,
    /// Of the tables that are watched, those that a definition may be about which is yet to be applied.
    pub redefined: BTreeSet<TableName>,
}

/// Statements, the first of them by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statements {
    /// The first.
    pub named: Vec<Met>,
    /// How many more there are.
    pub more: u64,
    /// The end of the last.
    pub last: Option<BinlogCoordinate>,
    /// The tables whose rows fit no longer when they are passed over.
    pub redefined: BTreeSet<TableName>,
    /// How often each came, by what it is but for the numbers in it.
    often: BTreeMap<String, u64>,
}

impl Statements {
    /// Those that came several times, and so are likely to come again; each with how often it came.
    pub fn again(&self) -> impl Iterator<Item = (&str, u64)> {
        let several = self.often.iter().filter(|(_, times)| **times >= SEVERAL);
        several.map(|(what, times)| (what.as_str(), *times))
    }

    pub(super) fn push(&mut self, statement: &Met) {
        let what = alike(&statement.shown);
        if self.often.len() < TEXTS || self.often.contains_key(&what) {
            *self.often.entry(what).or_default() += 1;
        }
        self.last = Some(statement.end.clone());
        self.redefined.extend(statement.redefines.iter().cloned());
        if self.named.len() < NAMED {
            self.named.push(statement.clone());
        } else {
            self.more += 1;
        }
    }

    pub(super) fn append(&mut self, other: &Self) {
        let (last, more) = (self.last.clone(), other.more);
        let mut often = other.often.clone();
        self.often.iter().for_each(|(what, times)| *often.entry(what.clone()).or_default() += times);
        other.named.iter().for_each(|statement| self.push(statement));
        self.last = last.max(other.last.clone());
        self.more += more;
        self.redefined.extend(other.redefined.iter().cloned());
        self.often = often;
    }
}

/// What statements of an application have in common that come again and again: names of savepoints differ, and numbers.
fn alike(shown: &str) -> String {
    let upper = shown.to_uppercase();
    let keyword = SAVEPOINTS.iter().find(|keyword| upper.starts_with(*keyword));
    keyword.map_or_else(|| without_numbers(shown), |keyword| (*keyword).to_owned())
}

fn without_numbers(text: &str) -> String {
    let mut alike = String::new();
    for letter in text.chars() {
        if !letter.is_ascii_digit() {
            alike.push(letter);
        } else if !alike.ends_with('#') {
            alike.push('#');
        }
    }
    alike
}

/// Statements that are kept to be judged by the daemon itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// Each, and whether 1.8.2 has applied it.
    pub statements: Vec<(Met, Applied)>,
    /// The bytes of their texts, each counted once.
    bytes: usize,
    /// The texts.
    texts: HashSet<Arc<str>>,
    /// How many were too many or too long.
    pub more: u64,
    /// Those of them that don't fare well, as we judge them: those that fail, and those that may.
    not_kept: (Statements, Statements),
}

impl Kept {
    fn push(&mut self, statement: &Met, applied: Applied) {
        let text = self.texts.get(&statement.text).cloned();
        let bytes = if text.is_none() { statement.text.len() } else { 0 };
        if self.statements.len() >= KEPT || self.bytes + bytes > KEPT_LETTERS {
            self.more += 1;
            let (fails, may_fail) = &mut self.not_kept;
            note(fails, may_fail, statement, applied);
            return;
        }
        self.bytes += bytes;
        let text = text.unwrap_or_else(|| {
            self.texts.insert(Arc::clone(&statement.text));
            Arc::clone(&statement.text)
        });
        self.statements.push((Met { text, ..statement.clone() }, applied));
    }
}

/// Whether the daemon takes a statement for one that has been applied: it goes by the points of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It parses it and passes over it.
    Yes,
    /// It does when the table was synced later.
    Perhaps,
    /// It carries it out.
    No,
}

fn note(fails: &mut Statements, may_fail: &mut Statements, statement: &Met, applied: Applied) {
    match (statement.judged.as_ref().map(|it| it.consequence), applied) {
        (Some(Consequence::Unparsable), _)
        | (Some(Consequence::Untranslatable | Consequence::Disables), Applied::No) => {
            fails.push(statement);
        }
        (Some(Consequence::Open), Applied::No) | (Some(_), Applied::Perhaps) => may_fail.push(statement),
        (Some(_), Applied::Yes) | (None, _) => {}
    }
}

impl Ahead {
    /// Takes what of a transaction ends behind `from`, the place where the new replica begins.
    pub(super) fn take(
        &mut self,
        transaction: &Transaction,
        from: &BinlogCoordinate,
        schemas: &[String],
        name_case: NameCase,
        applied: impl Fn(&str, &BinlogCoordinate) -> Applied,
    ) {
        let replicated = |schema: &str| schemas.iter().any(|known| name_case.same_schema(known, schema));
        for (table, end) in transaction.rows.iter().filter(|(_, end)| *end > from) {
            if replicated(&table.schema) {
                self.rows.insert(table.clone(), end.clone());
            }
        }
        for statement in transaction.statements.iter().filter(|statement| statement.end > *from) {
            if replicated(&statement.default_schema) {
                self.kept.push(statement, applied(&statement.default_schema, &statement.end));
            }
        }
    }

    /// Some of the statements that are kept the daemon only parses, whether they have been applied or not.
    pub fn pass_over(&mut self, is_passed_over: impl Fn(&Met) -> bool) {
        for (statement, applied) in &mut self.kept.statements {
            if is_passed_over(statement) {
                *applied = Applied::Yes;
            }
        }
        self.settle(|statement| statement.judged.clone());
    }

    /// Sorts the statements that are kept by what becomes of them. For those that are not, our own judgement stands.
    pub fn settle(&mut self, judged: impl Fn(&Met) -> Option<Judged>) {
        let (mut fails, mut may_fail) = <(Statements, Statements)>::default();
        for (statement, applied) in &mut self.kept.statements {
            statement.judged = judged(statement);
            note(&mut fails, &mut may_fail, statement, *applied);
        }
        fails.append(&self.kept.not_kept.0);
        may_fail.append(&self.kept.not_kept.1);
        (self.fails, self.may_fail) = (fails, may_fail);
    }

    /// Takes what concerns a replicated table, or may concern any. A statement of a session whose default database is
    /// replicated is among those above.
    pub(super) fn take_hazard(&mut self, hazard: &Hazard, schemas: &[String], name_case: NameCase) {
        let replicated = |schema: &str| schemas.iter().any(|known| name_case.same_schema(known, schema));
        let seen = hazard.default_schema.as_deref().is_some_and(replicated);
        if !seen && hazard.table.as_ref().is_none_or(|table| replicated(&table.schema)) {
            self.hazards.push(hazard);
        }
    }
}
