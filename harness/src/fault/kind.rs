//! The kinds of fault and their names: in scenarios, on the command line, in lists and in reports.

use super::action::HoldAction;
use super::{Effect, SqlState};
use std::fmt;
use std::str::FromStr;

/// A kind of fault. It is read from and written as `cut_after`, `kill_client` or `statement_fails:disk_full`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// [`super::Fault::statement_fails`].
    StatementFails {
        /// The error that the server raises.
        sqlstate: SqlState,
    },
    /// [`super::Fault::cut_before`].
    CutBefore,
    /// [`super::Fault::cut_during`].
    CutDuring,
    /// [`super::Fault::cut_after`].
    CutAfter,
    /// [`super::Fault::hold`].
    Hold {
        /// What is done meanwhile.
        action: HoldAction,
    },
}

/// The kind that takes an SQLSTATE.
pub(super) const STATEMENT_FAILS: &str = "statement_fails";
/// The kind that takes an action.
pub(super) const HOLD: &str = "hold";
/// Those that take nothing.
const CUTS: [(&str, FaultKind); 3] = [
    ("cut_before", FaultKind::CutBefore),
    ("cut_during", FaultKind::CutDuring),
    ("cut_after", FaultKind::CutAfter),
];
/// What scenario files write as `kind`.
pub(super) const WRITTEN: [&str; 5] = [STATEMENT_FAILS, CUTS[0].0, CUTS[1].0, CUTS[2].0, HOLD];

/// The errors of a failing statement that are tried when none are named.
const SQLSTATES: [&str; 5] =
    ["disk_full", "query_canceled", "deadlock_detected", "out_of_memory", "lock_not_available"];

/// A name that is no kind of fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault {0:?}; there are: {known}", known = FaultKind::names().join(", "))]
pub struct NoFaultKind(String);

impl FaultKind {
    /// The names of the kinds that are tried when none are named.
    #[must_use]
    pub fn names() -> Vec<String> {
        let failing = SQLSTATES.iter().map(|sqlstate| format!("{STATEMENT_FAILS}:{sqlstate}"));
        let cuts = CUTS.iter().map(|(name, _)| (*name).to_owned());
        failing.chain(cuts).chain(HoldAction::ALL.iter().map(|action| action.name().to_owned())).collect()
    }

    /// The kinds that are tried when none are named.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::names().into_iter().filter_map(|name| name.parse().ok())
    }

    /// The kind of this name that takes neither an SQLSTATE nor an action.
    pub(super) fn cut(name: &str) -> Option<Self> {
        CUTS.into_iter().find(|(known, _)| *known == name).map(|(_, kind)| kind)
    }

    /// What scenario files write as `kind`.
    pub(super) fn written(&self) -> &'static str {
        match self {
            Self::StatementFails { .. } => STATEMENT_FAILS,
            Self::Hold { .. } => HOLD,
            cut => CUTS.iter().find(|(_, kind)| kind == cut).map_or("", |(name, _)| *name),
        }
    }

    /// Whether a statement is made to fail, with whatever SQLSTATE.
    #[must_use]
    pub fn is_a_failing_statement(&self) -> bool {
        matches!(self, Self::StatementFails { .. })
    }

    /// Whether the server stops, which then can't be shared.
    #[must_use]
    pub fn stops_the_server(&self) -> bool {
        matches!(self, Self::Hold { action } if action.stops_the_server())
    }
}

impl FromStr for FaultKind {
    type Err = NoFaultKind;

    fn from_str(name: &str) -> Result<Self, NoFaultKind> {
        let unknown = || NoFaultKind(name.to_owned());
        if let Some((STATEMENT_FAILS, sqlstate)) = name.split_once(':') {
            let sqlstate = sqlstate.parse().map_err(|_| unknown())?;
            return Ok(Self::StatementFails { sqlstate });
        }
        if let Some(cut) = Self::cut(name) {
            return Ok(cut);
        }
        name.parse().map(|action| Self::Hold { action }).map_err(|_| unknown())
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StatementFails { sqlstate } => write!(f, "{STATEMENT_FAILS}:{}", sqlstate.code()),
            Self::Hold { action } => write!(f, "{action}"),
            cut => f.write_str(cut.written()),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StatementFails(sqlstate) => write!(f, "{STATEMENT_FAILS} ({sqlstate})"),
            Self::CutBefore => FaultKind::CutBefore.fmt(f),
            Self::CutDuring => FaultKind::CutDuring.fmt(f),
            Self::CutAfter => FaultKind::CutAfter.fmt(f),
            Self::Hold { name, .. } => write!(f, "{HOLD} ({name})"),
        }
    }
}
