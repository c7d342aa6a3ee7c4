//! What an undisturbed replica looks like, which every other is compared with: of 1.7 when all that waits has been
//! replayed, and of the finished upgrade; without the times at which it was written.

use super::catalogue::{AskingError, await_end_of_sessions};
use crate::record::Record;
use crate::replica::Replica;
use crate::replica::attempt::Outcome;
use postgres::{Client, Transaction};

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
        Err(Blindness::of(differences))
    }

    /// The same for what `outcome` and later runs have left.
    #[must_use]
    pub fn after(&self, outcome: &Outcome) -> Self {
        Self { server_crashed: self.server_crashed || outcome.server_crashed, ..self.clone() }
    }

    /// What was found, held against `expected` of this reference.
    pub(super) fn comparable(&self, found: Record, expected: &Record) -> Record {
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

impl Blindness {
    /// With what differs.
    pub(crate) fn of(differences: String) -> Self {
        Self(differences)
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
