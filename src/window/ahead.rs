//! What lies ahead of the new replica, up to where the binary log ends now, at which the read daemon of pg_chameleon
//! 2.0.21 ends at every start (seen on the real daemon): rows of a table that is no longer on MySQL, and statements that
//! it can't parse, issued with a replicated schema as default database. Whether 1.8.2 has applied them makes no
//! difference to it.

use super::{Hazard, Hazards, Letters, TableName, Transaction};
use crate::binlog::BinlogCoordinate;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many statements are kept by name; the others are counted.
const NAMED: usize = 20;

/// What the daemon's parser makes of a statement that is not of a form known to be well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Parse {
    /// It fails.
    Fails,
    /// It fails at some forms of it.
    MayFail,
}

/// A statement that the daemon can't parse, or maybe not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unparsed {
    /// The default database of the session that issued it.
    pub default_schema: String,
    /// Its beginning, for messages.
    pub text: String,
    /// Where its event ends.
    pub end: BinlogCoordinate,
    /// What the parser makes of it.
    pub parse: Parse,
    /// The tables whose rows fit no longer when it is passed over, as 1.8.2 does.
    pub redefines: Vec<TableName>,
}

/// What lies ahead.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ahead {
    /// The tables whose rows are read, each with the end of its last row event.
    pub rows: BTreeMap<TableName, BinlogCoordinate>,
    /// The first statements at which the daemon ends.
    pub fails: Statements,
    /// The first statements at which it may end.
    pub may_fail: Statements,
    /// What it does not take as it is meant.
    pub hazards: Hazards,
    /// Of the tables that are watched, those that a definition may be about which is yet to be applied.
    pub redefined: BTreeSet<TableName>,
}

/// Statements, the first of them by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statements {
    /// The first.
    pub named: Vec<Unparsed>,
    /// How many more there are.
    pub more: u64,
    /// The end of the last.
    pub last: Option<BinlogCoordinate>,
    /// The tables whose rows fit no longer when they are passed over.
    pub redefined: BTreeSet<TableName>,
}

impl Statements {
    pub(super) fn push(&mut self, statement: &Unparsed) {
        self.last = Some(statement.end.clone());
        self.redefined.extend(statement.redefines.iter().cloned());
        if self.named.len() < NAMED {
            self.named.push(statement.clone());
        } else {
            self.more += 1;
        }
    }
}

impl Ahead {
    /// Takes what of a transaction ends behind `from`, the place where the new replica begins.
    pub(super) fn take(
        &mut self,
        transaction: &Transaction,
        from: &BinlogCoordinate,
        schemas: &[String],
        letters: Letters,
    ) {
        let replicated = |schema: &str| schemas.iter().any(|known| letters.same(known, schema));
        for (table, end) in transaction.rows.iter().filter(|(_, end)| *end > from) {
            if replicated(&table.schema) {
                self.rows.insert(table.clone(), end.clone());
            }
        }
        for statement in transaction.unparsed.iter().filter(|statement| statement.end > *from) {
            if replicated(&statement.default_schema) {
                match statement.parse {
                    Parse::Fails => self.fails.push(statement),
                    Parse::MayFail => self.may_fail.push(statement),
                }
            }
        }
    }

    /// Takes what concerns a replicated table, or may concern any. A statement of a session whose default database is
    /// replicated is among those above.
    pub(super) fn take_hazard(&mut self, hazard: &Hazard, schemas: &[String], letters: Letters) {
        let replicated = |schema: &str| schemas.iter().any(|known| letters.same(known, schema));
        let seen = hazard.default_schema.as_deref().is_some_and(replicated);
        if !seen && hazard.table.as_ref().is_none_or(|table| replicated(&table.schema)) {
            self.hazards.push(hazard);
        }
    }
}
