//! The six properties (§atomic, §truthful, §exactly-once, §complete, §reversible, §repeatable), held against what a run
//! left behind.
//!
//! Two records are made of the undisturbed replica: of 1.7 with everything replayed by its own
//! `fn_process_batch`, and of the finished upgrade. After a run, with or without faults, the database must be one
//! of the two, once 1.7's own function has finished what the run left to replay.

use crate::process::running;
use crate::record::Record;
use crate::replica::Replica;
use crate::replica::attempt::Outcome;
use crate::server::{ServerError, in_full};
use postgres::{Client, Transaction};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the server may take to notice that an upgrader is gone.
const SESSIONS_END: Duration = Duration::from_secs(60);

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// What `sch_chameleon` says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// 1.7.
    Old,
    /// 2.0.10.
    New,
    /// Anything else, also nothing.
    Other(String),
}

/// What an undisturbed replica looks like before and after the upgrade.
#[derive(Debug, Clone)]
pub struct Reference {
    /// 1.7 with everything replayed.
    pub replayed: Record,
    /// After the upgrade; none when the run to look at is itself the undisturbed one.
    pub upgraded: Option<Record>,
    /// Whether the server has crashed since, which takes sequences a little further.
    pub server_crashed: bool,
}

impl Reference {
    /// Of `old` when all that waits in it has been replayed by its own function, and of `upgraded` as it is.
    ///
    /// # Errors
    /// What the server answers.
    pub fn of(old: &Replica, upgraded: Option<&Replica>) -> Result<Self, AskingError> {
        let replayed = replayed(&mut old.superuser()?, old)?;
        let upgraded = match upgraded {
            Some(upgraded) => Some(record(&mut upgraded.superuser()?)?),
            None => None,
        };
        Ok(Self { replayed, upgraded, server_crashed: false })
    }

    /// This one, when another undisturbed run has come to the same.
    ///
    /// # Errors
    /// [`Blindness`] when it has not.
    pub fn agreed(self, other: &Self) -> Result<Self, Blindness> {
        let upgraded = |it: &Self| it.upgraded.clone().unwrap_or_default();
        let pairs = [(&self.replayed, &other.replayed), (&upgraded(&self), &upgraded(other))];
        let differences: String = pairs.iter().map(|(one, other)| one.diff(other)).collect();
        if self.replayed == other.replayed && self.upgraded == other.upgraded {
            return Ok(self);
        }
        Err(Blindness(differences))
    }

    /// The same for what `outcome` and later runs have left.
    #[must_use]
    pub fn after(&self, outcome: &Outcome) -> Self {
        Self { server_crashed: self.server_crashed || outcome.server_crashed, ..self.clone() }
    }

    /// What was found, held against `expected` of this reference.
    fn comparable(&self, found: Record, expected: &Record) -> Record {
        if self.server_crashed { found.as_if_not_crashed(expected) } else { found }
    }
}

/// Two undisturbed runs on copies of the same replica do not leave the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the harness is blind here: two undisturbed runs on copies of the same replica do not leave the same, so nothing can \
     be said about what a disturbed one leaves. This is no fault of the upgrader. Something writes another value each \
     time, such as a trigger or default with the time or a random number. What differs:\n{0}"
)]
pub struct Blindness(String);

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

/// The harness got no answer to a question of its own; says what the server said.
#[derive(Debug, thiserror::Error)]
#[error("the server does not answer the harness: {0}")]
pub struct AskingError(String);

impl From<postgres::Error> for AskingError {
    fn from(error: postgres::Error) -> Self {
        Self(in_full(&error))
    }
}

impl From<ServerError> for AskingError {
    fn from(error: ServerError) -> Self {
        Self(error.to_string())
    }
}

/// What a run has left, but for what the next attempt clears away, once its sessions have ended.
///
/// # Errors
/// What the server answers.
pub fn left(replica: &Replica) -> Result<Record, AskingError> {
    let mut client = replica.superuser()?;
    await_end_of_sessions(&mut client)?;
    Ok(record(&mut client)?.without_schema("_sch_chameleon_version2"))
}

/// What the 1.7 replica is when its own function has replayed all that waits: done by the replica's role, recorded,
/// and rolled back.
///
/// # Errors
/// What the server answers.
pub fn replayed(client: &mut Client, replica: &Replica) -> Result<Record, AskingError> {
    let mut transaction = client.transaction()?;
    transaction.batch_execute(&format!("SET LOCAL ROLE {}", replica.role().user))?;
    finish_replay(&mut transaction)?;
    transaction.batch_execute("RESET ROLE")?;
    forget_times(&mut transaction)?;
    Ok(Record::within(&mut transaction)?)
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

/// What the catalogue says that it is.
///
/// # Errors
/// What the server answers.
pub fn version(client: &mut Client) -> Result<Version, postgres::Error> {
    let schemas = client
        .query_one(
            "SELECT coalesce(string_agg(nspname, ', '), 'no schema') FROM pg_namespace WHERE nspname LIKE '%chameleon%'",
            &[],
        )?
        .get::<_, String>(0);
    let there = client.query_one("SELECT to_regclass('sch_chameleon.v_version') IS NOT NULL", &[])?;
    if !there.get::<_, bool>(0) {
        return Ok(Version::Other(format!("it has no v_version (there are: {schemas})")));
    }
    let row = client.query_opt("SELECT t_version::text FROM sch_chameleon.v_version", &[])?;
    Ok(match row.map(|row| row.get::<_, String>(0)).as_deref() {
        Some("1.7") => Version::Old,
        Some("2.0.10") => Version::New,
        other => Version::Other(format!("v_version says {other:?} (there are: {schemas})")),
    })
}

/// Waits until no session of an upgrader is left: a server notices a lost client in its own time.
///
/// # Errors
/// What the server answers.
pub fn await_end_of_sessions(client: &mut Client) -> Result<(), postgres::Error> {
    let began = Instant::now();
    loop {
        let left: i64 = client
            .query_one(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
                   AND application_name <> 'chameleon-harness'",
                &[],
            )?
            .get(0);
        if left == 0 || began.elapsed() > SESSIONS_END {
            return Ok(());
        }
        sleep(Duration::from_millis(5));
    }
}

/// As many events as a call replays; more than wait in any batch of a seed.
const EVENTS_A_CALL: i32 = 1_000_000;

/// 1.7's own function, for every source, until nothing waits, or as far as an event that can't be replayed: both
/// the original and the upgrade stop there.
fn finish_replay(transaction: &mut Transaction<'_>) -> Result<(), postgres::Error> {
    let sources =
        transaction.query("SELECT i_id_source::int FROM sch_chameleon.t_sources ORDER BY 1", &[])?;
    for source in sources {
        let id: i32 = source.get(0);
        let mut events = EVENTS_A_CALL;
        loop {
            match process_batch(transaction, events, id) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.as_db_error().is_none() => return Err(error),
                Err(_) if events > 1 => events = 1,
                Err(_) => break,
            }
        }
    }
    Ok(())
}

/// A call that fails is undone.
fn process_batch(transaction: &mut Transaction<'_>, events: i32, id: i32) -> Result<bool, postgres::Error> {
    let mut savepoint = transaction.transaction()?;
    let more = savepoint.query_one("SELECT sch_chameleon.fn_process_batch($1, $2)", &[&events, &id])?.get(0);
    savepoint.commit()?;
    Ok(more)
}

/// Makes way for the next attempt: drops the leftover and gives back what a fault has taken away.
///
/// # Errors
/// What the server answers.
pub fn clear_for_retry(replica: &Replica) -> Result<(), ServerError> {
    let again = format!(
        "DROP SCHEMA IF EXISTS _sch_chameleon_version2 CASCADE; GRANT CREATE ON DATABASE {} TO {}",
        replica.database.name(),
        replica.role().user
    );
    let mut client = replica.superuser()?;
    client.batch_execute(&again).map_err(|source| ServerError::Sql { doing: "clear up".to_owned(), source })
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

/// Everything in the database, but for when it was written.
///
/// # Errors
/// What the server answers.
pub fn record(client: &mut Client) -> Result<Record, postgres::Error> {
    let mut transaction = client.transaction()?;
    forget_times(&mut transaction)?;
    Record::within(&mut transaction)
}

fn forget_times(transaction: &mut Transaction<'_>) -> Result<(), postgres::Error> {
    transaction.batch_execute(
        "SET LOCAL session_replication_role = replica;
         DO $$
         DECLARE batches regclass;
         BEGIN
             FOREACH batches IN ARRAY ARRAY[to_regclass('sch_chameleon.t_replica_batch'),
                                            to_regclass('_sch_chameleon_version1.t_replica_batch')] LOOP
                 IF batches IS NOT NULL THEN
                     EXECUTE format('UPDATE %s SET ts_replayed = CASE WHEN ts_replayed IS NULL THEN NULL ELSE ''epoch''::timestamp END', batches);
                 END IF;
             END LOOP;
             IF to_regclass('sch_chameleon.t_last_received') IS NOT NULL THEN
                 UPDATE sch_chameleon.t_replica_batch
                 SET ts_created = 'epoch'::timestamp + i_id_batch * interval '1 second';
             END IF;
         END
         $$",
    )
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
