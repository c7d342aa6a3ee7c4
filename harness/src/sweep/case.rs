//! Which faults a sweep makes happen, and how a case is written so that it can be repeated alone.

use crate::fault::{FaultDescription, FaultKind, HoldAction, Place, SqlState};
use std::fmt;
use std::str::FromStr;

/// The kinds of fault that a sweep makes happen when none are named.
pub const ALL: &[&str] = &[
    "statement_fails:disk_full",
    "statement_fails:query_canceled",
    "statement_fails:deadlock_detected",
    "statement_fails:out_of_memory",
    "statement_fails:lock_not_available",
    "cut_before",
    "cut_during",
    "cut_after",
    "kill_client",
    "crash_server",
    "freeze_server",
    "hold_lock",
    "second_upgrader",
    "revoke_privilege",
];

/// A kind of fault by its name: `cut_after`, `kill_client`, `statement_fails:disk_full`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedKind(pub FaultKind);

/// A name that is no kind of fault, or no case.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UnknownCase {
    /// No such kind of fault.
    #[error("there is no fault {0:?}; there are: {known}", known = ALL.join(", "))]
    Kind(String),
    /// Not a fault at a message.
    #[error("{0:?} is no case: write FAULT@MESSAGE, such as cut_after@17, and join two with +")]
    Place(String),
}

impl NamedKind {
    /// Whether a statement is made to fail, with whatever SQLSTATE.
    #[must_use]
    pub fn is_a_failing_statement(&self) -> bool {
        matches!(self.0, FaultKind::StatementFails { .. })
    }

    /// The kinds of [`ALL`].
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().filter_map(|name| name.parse().ok())
    }
}

impl FromStr for NamedKind {
    type Err = UnknownCase;

    fn from_str(name: &str) -> Result<Self, UnknownCase> {
        let unknown = || UnknownCase::Kind(name.to_owned());
        if let Some(sqlstate) = name.strip_prefix("statement_fails:") {
            let sqlstate: SqlState = sqlstate.parse().map_err(|_| unknown())?;
            return Ok(Self(FaultKind::StatementFails { sqlstate }));
        }
        let hold = |action| FaultKind::Hold { action };
        Ok(Self(match name {
            "cut_before" => FaultKind::CutBefore,
            "cut_during" => FaultKind::CutDuring,
            "cut_after" => FaultKind::CutAfter,
            "kill_client" => hold(HoldAction::KillClient),
            "crash_server" => hold(HoldAction::CrashServer),
            "freeze_server" => hold(HoldAction::FreezeServer),
            "hold_lock" => hold(HoldAction::HoldLock),
            "second_upgrader" => hold(HoldAction::SecondUpgrader),
            "revoke_privilege" => hold(HoldAction::RevokePrivilege),
            _ => return Err(unknown()),
        }))
    }
}

impl fmt::Display for NamedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            FaultKind::StatementFails { sqlstate } => write!(f, "statement_fails:{}", sqlstate.code()),
            FaultKind::CutBefore => f.write_str("cut_before"),
            FaultKind::CutDuring => f.write_str("cut_during"),
            FaultKind::CutAfter => f.write_str("cut_after"),
            FaultKind::Hold { action } => write!(f, "{action}"),
        }
    }
}

/// One run of a sweep: a fault at a message of the run, or two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Case(Vec<(NamedKind, u64)>);

impl Case {
    /// One fault.
    #[must_use]
    pub fn one(kind: NamedKind, message: u64) -> Self {
        Self(vec![(kind, message)])
    }

    /// A fault, and a second one while the first is being undone.
    #[must_use]
    pub fn pair(first: (NamedKind, u64), second: (NamedKind, u64)) -> Self {
        Self(vec![first, second])
    }

    /// The faults as the proxy takes them.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultDescription> {
        let fault = |(kind, message): &(NamedKind, u64)| FaultDescription {
            kind: kind.0.clone(),
            at: Place::message(*message),
        };
        self.0.iter().map(fault).collect()
    }

    /// The message of the first fault; a second one may come at a message that only the undoing has.
    #[must_use]
    pub fn message(&self) -> u64 {
        self.0.first().map_or(0, |(_, message)| *message)
    }

    /// Under which name the table counts it.
    #[must_use]
    pub fn group(&self) -> String {
        if self.0.len() > 1 {
            return "pairs".to_owned();
        }
        self.0.first().map(|(kind, _)| kind.to_string()).unwrap_or_default()
    }
}

impl FromStr for Case {
    type Err = UnknownCase;

    fn from_str(text: &str) -> Result<Self, UnknownCase> {
        let fault = |part: &str| {
            let place = || UnknownCase::Place(text.to_owned());
            let (kind, message) = part.split_once('@').ok_or_else(place)?;
            let message = message.parse().ok().filter(|&number| number > 0).ok_or_else(place)?;
            Ok((kind.parse()?, message))
        };
        text.split('+').map(fault).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (kind, message)) in self.0.iter().enumerate() {
            let joint = if place > 0 { "+" } else { "" };
            write!(f, "{joint}{kind}@{message}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_reads_as_it_is_written() {
        for text in ["cut_after@17", "kill_client@1", "statement_fails:53100@40+crash_server@42"] {
            assert_eq!(text.parse::<Case>().unwrap().to_string(), text);
        }
        for kind in ALL {
            let case: Case = format!("{kind}@3").parse().unwrap();
            assert_eq!(case.to_string().parse::<Case>().unwrap(), case);
        }
        assert!("cut_after".parse::<Case>().is_err());
        assert!("cut_after@0".parse::<Case>().is_err());
        assert!("burn_down@3".parse::<Case>().is_err());
    }
}
