//! The six properties (§atomic, §truthful, §exactly-once, §complete, §reversible, §repeatable), held against what a run
//! left behind.
//!
//! Two records are made of the undisturbed replica: of 1.7 with everything replayed by its own
//! `fn_process_batch`, and of the finished upgrade. After a run, with or without faults, the database must be one
//! of the two, once 1.7's own function has finished what the run left to replay.

mod catalogue;
mod reference;

use crate::process::running;
use crate::replica::Replica;
use crate::replica::attempt::Outcome;
use crate::server::ServerError;
use postgres::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

pub use catalogue::{AskingError, Version, await_end_of_sessions, version};
pub use reference::{Blindness, Reference, left, record, replayed};

/// How much of an upgrader's last line is shown.
const SHOWN_OF_A_LINE: usize = 400;

/// A property of docs/specification.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// The catalogue is the complete 1.7 or the complete 2.0 one.
    Atomic,
    /// The exit code says which.
    Truthful,
    /// Every table starts where its data ends, and the data is what 1.7 would have made it.
    NoEventLostOrDoubled,
    /// Every table of 1.7 is in 2.0.
    NothingDropped,
    /// A failed upgrade leaves 1.7 working.
    Reversible,
    /// After a failure the same command succeeds with the same result.
    Repeatable,
}

impl Property {
    /// All six.
    pub const ALL: [Self; 6] = [
        Self::Atomic,
        Self::Truthful,
        Self::NoEventLostOrDoubled,
        Self::NothingDropped,
        Self::Reversible,
        Self::Repeatable,
    ];
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Atomic => "atomic",
            Self::Truthful => "truthful",
            Self::NoEventLostOrDoubled => "no event lost or doubled",
            Self::NothingDropped => "nothing dropped",
            Self::Reversible => "reversible",
            Self::Repeatable => "repeatable",
        })
    }
}

/// A property that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// Which.
    pub property: Property,
    /// What was seen.
    pub seen: String,
}

impl Violation {
    fn of(property: Property, seen: impl Into<String>) -> Self {
        Self { property, seen: seen.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.property, self.seen)
    }
}

/// A text in which every number is alike, and every word with a digit in it: what differs in nothing else is the same
/// failure.
#[must_use]
pub fn alike(text: &str) -> String {
    let mut alike = String::with_capacity(text.len());
    for word in text.split_inclusive(|it: char| !it.is_ascii_alphanumeric()) {
        let (word, end) = match word.char_indices().next_back() {
            Some((at, last)) if !last.is_ascii_alphanumeric() => word.split_at(at),
            _ => (word, ""),
        };
        alike.push_str(if word.contains(|it: char| it.is_ascii_digit()) { "#" } else { word });
        alike.push_str(end);
    }
    alike
}

/// Holds what a run left behind against the reference; changes nothing.
///
/// # Errors
/// What the server answers to the harness's own questions.
pub fn check(
    replica: &Replica,
    outcome: &Outcome,
    reference: &Reference,
) -> Result<Vec<Violation>, AskingError> {
    look(replica, outcome, reference).map(|(_, violations)| violations)
}

/// The same, with what the catalogue is.
///
/// # Errors
/// What the server answers to the harness's own questions.
pub fn look(
    replica: &Replica,
    outcome: &Outcome,
    reference: &Reference,
) -> Result<(Version, Vec<Violation>), AskingError> {
    let mut violations = Vec::new();
    if outcome.exit.is_none() {
        violations.push(Violation::of(Property::Truthful, "the upgrader did not end and had to be killed"));
    }
    let mut client = replica.superuser()?;
    await_end_of_sessions(&mut client)?;
    let version = version(&mut client)?;
    match &version {
        Version::Old => violations.extend(check_old(&mut client, replica, reference)?),
        Version::New => violations.extend(check_new(&mut client, reference)?),
        Version::Other(seen) => {
            let seen = format!("sch_chameleon is neither 1.7 nor 2.0.10: {seen}");
            violations.push(Violation::of(Property::Atomic, seen));
        }
    }
    violations.extend(check_exit(outcome, &version));
    Ok((version, violations))
}

fn check_old(
    client: &mut Client,
    replica: &Replica,
    reference: &Reference,
) -> Result<Option<Violation>, AskingError> {
    let found = match replayed(client, replica) {
        Ok(found) => found.without_schema("_sch_chameleon_version2"),
        Err(error) => {
            let seen = format!("1.7 can't replay what waits: {error}");
            return Ok(Some(Violation::of(Property::Reversible, seen)));
        }
    };
    let expected = reference.replayed.clone().without_schema("_sch_chameleon_version2");
    let found = reference.comparable(found, &expected);
    Ok((found != expected).then(|| {
        let seen = format!("the 1.7 catalogue is not what it was:\n{}", expected.diff(&found));
        Violation::of(Property::Atomic, seen)
    }))
}

fn check_new(client: &mut Client, reference: &Reference) -> Result<Vec<Violation>, AskingError> {
    let mut violations = Vec::new();
    let dropped = dropped(client)?;
    if dropped > 0 {
        let seen = format!("{dropped} tables of 1.7 are not in 2.0");
        violations.push(Violation::of(Property::NothingDropped, seen));
    }
    let Some(upgraded) = &reference.upgraded else { return Ok(violations) };
    let found = reference.comparable(record(client)?, upgraded);
    if found != *upgraded {
        let seen = format!("the 2.0 catalogue is not that of an undisturbed run:\n{}", upgraded.diff(&found));
        let property = if dropped > 0 { Property::Atomic } else { Property::NoEventLostOrDoubled };
        violations.push(Violation::of(property, seen));
    }
    Ok(violations)
}

/// How many tables of the old catalogue the new one lacks; none where there is no old one to compare with.
fn dropped(client: &mut Client) -> Result<i64, postgres::Error> {
    let old = "SELECT to_regclass('_sch_chameleon_version1.t_replica_tables') IS NOT NULL";
    if !client.query_one(old, &[])?.try_get(0)? {
        return Ok(0);
    }
    let lacking = "SELECT count(*) FROM _sch_chameleon_version1.t_replica_tables o
                   WHERE NOT EXISTS (SELECT FROM sch_chameleon.t_replica_tables n
                                     WHERE n.v_schema_name = o.v_schema_name AND n.v_table_name = o.v_table_name)";
    client.query_one(lacking, &[])?.try_get(0)
}

/// §exit-codes: 0 only with 2.0; 2, 3 and 4 only with 1.7. With a second upgrader the first may find
/// the work done.
pub(crate) fn check_exit(outcome: &Outcome, version: &Version) -> Option<Violation> {
    let code = outcome.code();
    let by_another = outcome.second == Some(0);
    let honest = match (code, version) {
        (None, _) => outcome.killed() || outcome.exit.is_none(),
        (Some(0), Version::New) => true,
        (Some(2..=4), Version::Old) => true,
        (Some(3 | 4), Version::New) => by_another,
        // Not known, and it says so: allowed only when the server could not be asked.
        (Some(5), _) => outcome.transcript.unreachable > 0,
        _ => false,
    };
    (!honest).then(|| {
        let what = match version {
            Version::Old => "1.7",
            Version::New => "2.0.10",
            Version::Other(_) => "neither 1.7 nor 2.0.10",
        };
        let code = code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
        let last = outcome.output.trim_end().lines().last().unwrap_or_default();
        let last: String = last.chars().take(SHOWN_OF_A_LINE).collect();
        Violation::of(
            Property::Truthful,
            format!("{code} while the catalogue is {what}; the last line: {last}"),
        )
    })
}

/// Makes way for the next attempt: drops the leftover and gives back what a fault has taken away.
///
/// # Errors
/// What the server answers.
pub fn clear_for_retry(replica: &Replica) -> Result<(), ServerError> {
    let drop = "DROP SCHEMA IF EXISTS _sch_chameleon_version2 CASCADE";
    let mut client = replica.superuser()?;
    client.batch_execute(drop).map_err(|source| ServerError::Sql { doing: "clear up".to_owned(), source })?;
    give_back_privileges(replica)
}

/// Gives back what a fault has taken away.
///
/// # Errors
/// What the server answers.
pub fn give_back_privileges(replica: &Replica) -> Result<(), ServerError> {
    let grant = format!("GRANT CREATE ON DATABASE {} TO {}", replica.database.name(), replica.role().user);
    let mut client = replica.superuser()?;
    let failed = |source| ServerError::Sql { doing: "give back a privilege".to_owned(), source };
    client.batch_execute(&grant).map_err(failed)
}

/// Holds a second run, without faults, against the reference: all that is wrong with it is one property.
///
/// # Errors
/// What the server answers to the harness's own questions.
pub fn check_retry(
    replica: &Replica,
    outcome: &Outcome,
    reference: &Reference,
) -> Result<Vec<Violation>, AskingError> {
    let mut violations = check(replica, outcome, reference)?;
    if outcome.code() != Some(0) {
        let seen = format!("exit code {:?}: {}", outcome.code(), running::shown(&outcome.output));
        violations.push(Violation::of(Property::Repeatable, seen));
    }
    let repeated = |violation: Violation| {
        Violation::of(Property::Repeatable, format!("run again without fault, {violation}"))
    };
    Ok(violations.into_iter().map(repeated).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_in_numbers_are_alike() {
        let one = "row of t_sources: (1,shop,2026-11-26 08:00:00.1) at cut_after@17";
        let other = "row of t_sources: (2,shop,2026-11-27 09:10:00.25) at cut_after@180";
        assert_eq!(alike(one), alike(other));
        assert_ne!(alike(one), alike(&one.replace("shop", "stock")));
        assert_eq!(alike("md5 d41d8cd98f é1"), "# # é#");
    }
}
