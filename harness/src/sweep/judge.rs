//! What a run must have left, and said: of an upgrade by the six properties, of any other verb by the two states that it may
//! leave.

use super::{SweepError, Work};
use crate::record::Record;
use crate::record::properties::{
    self, AskingError, Blindness, Property, Reference, Version, Violation, await_end_of_sessions,
};
use crate::replica::Replica;
use crate::replica::attempt::Outcome;
use crate::server::ServerError;

/// Which state stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// That from before the verb.
    Before,
    /// That which the verb makes.
    Done,
    /// Neither, with what was seen.
    Neither(String),
}

impl From<Version> for Standing {
    fn from(version: Version) -> Self {
        match version {
            Version::Old => Self::Before,
            Version::New => Self::Done,
            Version::Other(seen) => Self::Neither(seen),
        }
    }
}

/// What undisturbed runs have shown.
pub(super) enum Judge {
    /// Of an upgrade.
    Upgrade(Reference),
    /// Of another verb.
    Verb(States),
}

/// The two states that a verb may leave: everything in the database, but for when it was written.
#[derive(Debug, Clone)]
pub(super) struct States {
    before: Record,
    done: Record,
    server_crashed: bool,
}

impl Judge {
    /// By what an undisturbed run has made of `before`.
    pub(super) fn of(work: &Work, before: &Replica, done: &Replica) -> Result<Self, AskingError> {
        Ok(match work {
            Work::Upgrade => Self::Upgrade(Reference::of(before, Some(done))?),
            Work::Verb { .. } => Self::Verb(States {
                before: properties::record(&mut before.superuser()?)?,
                done: properties::record(&mut done.superuser()?)?,
                server_crashed: false,
            }),
        })
    }

    /// This one, when another undisturbed run has come to the same.
    pub(super) fn agreed(self, other: &Self) -> Result<Self, Blindness> {
        match (self, other) {
            (Self::Upgrade(one), Self::Upgrade(other)) => one.agreed(other).map(Self::Upgrade),
            (Self::Verb(one), Self::Verb(other)) => {
                if one.before == other.before && one.done == other.done {
                    return Ok(Self::Verb(one));
                }
                Err(Blindness::of(one.before.diff(&other.before) + &one.done.diff(&other.done)))
            }
            (one, _) => Ok(one),
        }
    }

    /// What a run has left, but for what the next attempt clears away.
    pub(super) fn left(&self, replica: &Replica) -> Result<Record, AskingError> {
        match self {
            Self::Upgrade(_) => properties::left(replica),
            Self::Verb(_) => {
                let mut client = replica.superuser()?;
                await_end_of_sessions(&mut client)?;
                Ok(properties::record(&mut client)?)
            }
        }
    }

    /// The same for what `outcome` and later runs have left.
    pub(super) fn after(&self, outcome: &Outcome) -> Self {
        match self {
            Self::Upgrade(reference) => Self::Upgrade(reference.after(outcome)),
            Self::Verb(states) => Self::Verb(States {
                server_crashed: states.server_crashed || outcome.server_crashed,
                ..states.clone()
            }),
        }
    }

    /// Holds what a run left against what it may leave; changes nothing.
    pub(super) fn look(
        &self,
        replica: &Replica,
        outcome: &Outcome,
    ) -> Result<(Standing, Vec<Violation>), AskingError> {
        match self {
            Self::Upgrade(reference) => properties::look(replica, outcome, reference)
                .map(|(version, violations)| (version.into(), violations)),
            Self::Verb(states) => {
                let standing = states.standing(self.left(replica)?);
                let mut violations: Vec<_> = check_exit(outcome, &standing).into_iter().collect();
                if let Standing::Neither(seen) = &standing {
                    violations.push(Violation { property: Property::Atomic, seen: seen.clone() });
                }
                Ok((standing, violations))
            }
        }
    }

    /// Whether the exit code says which state stands.
    pub(super) fn check_exit(&self, outcome: &Outcome, standing: &Standing) -> Option<Violation> {
        match (self, standing) {
            (Self::Upgrade(_), Standing::Before) => properties::check_exit(outcome, &Version::Old),
            (Self::Upgrade(_), Standing::Done) => properties::check_exit(outcome, &Version::New),
            (Self::Upgrade(_), Standing::Neither(seen)) => {
                properties::check_exit(outcome, &Version::Other(seen.clone()))
            }
            (Self::Verb(_), _) => check_exit(outcome, standing),
        }
    }

    /// Makes way for the next attempt.
    pub(super) fn clear_for_retry(&self, replica: &Replica) -> Result<(), ServerError> {
        match self {
            Self::Upgrade(_) => properties::clear_for_retry(replica),
            Self::Verb(_) => properties::give_back_privileges(replica),
        }
    }

    /// Holds a second run, without faults, against what it must leave.
    pub(super) fn check_retry(
        &self,
        replica: &Replica,
        outcome: &Outcome,
    ) -> Result<Vec<Violation>, SweepError> {
        match self {
            Self::Upgrade(reference) => Ok(properties::check_retry(replica, outcome, reference)?),
            Self::Verb(_) => {
                let (standing, mut violations) = self.look(replica, outcome)?;
                if outcome.code() != Some(0) || standing != Standing::Done {
                    let seen = format!("exit code {:?}, {standing:?}: {}", outcome.code(), outcome.output);
                    violations.push(Violation { property: Property::Repeatable, seen });
                }
                Ok(violations)
            }
        }
    }
}

impl States {
    fn standing(&self, found: Record) -> Standing {
        let is = |expected: &Record, found: Record| {
            let found = if self.server_crashed { found.as_if_not_crashed(expected) } else { found };
            (found == *expected, found)
        };
        let (done, found) = is(&self.done, found);
        if done {
            return Standing::Done;
        }
        let (before, found) = is(&self.before, found);
        if before {
            return Standing::Before;
        }
        let differences = [self.before.diff(&found), self.done.diff(&found)];
        let nearer = differences.iter().min_by_key(|it| it.len()).map(String::as_str).unwrap_or_default();
        Standing::Neither(format!("it is neither what it was nor what the verb makes:\n{nearer}"))
    }
}

/// §exit-codes: 0 only when it is done; 3 and 4 only when nothing was.
fn check_exit(outcome: &Outcome, standing: &Standing) -> Option<Violation> {
    let honest = match (outcome.code(), standing) {
        (None, Standing::Before | Standing::Done) => outcome.killed(),
        (Some(0), Standing::Done) | (Some(2..=4), Standing::Before) => true,
        // Not known, and it says so: allowed only when the server could not be asked.
        (Some(5), Standing::Before | Standing::Done) => outcome.transcript.unreachable > 0,
        _ => false,
    };
    (!honest).then(|| {
        let last = outcome.output.trim_end().lines().last().unwrap_or_default();
        Violation {
            property: Property::Truthful,
            seen: format!("exit code {:?} while it is {standing:?}; the last line: {last}", outcome.code()),
        }
    })
}
