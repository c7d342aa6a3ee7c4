//! Faults as they are written in scenario files and reports: data without the closures that carry them out.

use super::{Action, Effect, Fault, Place, SqlState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A fault in writing: `{kind: statement_fails, sqlstate: disk_full, at: {step: install, message: 2}}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
pub struct FaultDescription {
    /// What happens.
    pub kind: FaultKind,
    /// Where.
    pub at: Place,
}

/// The kinds of fault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// [`Fault::statement_fails`].
    StatementFails {
        /// The error that the server raises.
        sqlstate: SqlState,
    },
    /// [`Fault::cut_before`].
    CutBefore,
    /// [`Fault::cut_during`].
    CutDuring,
    /// [`Fault::cut_after`].
    CutAfter,
    /// [`Fault::hold`].
    Hold {
        /// What is done meanwhile.
        action: HoldAction,
    },
}

/// What can be done while a message is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldAction {
    /// The client is killed.
    KillClient,
    /// The server is killed and started again.
    CrashServer,
    /// The server is frozen and, later, thawed.
    FreezeServer,
    /// Another session takes a lock.
    HoldLock,
    /// A second upgrader is started.
    SecondUpgrader,
    /// The upgrader's role loses a privilege.
    RevokePrivilege,
}

impl FaultDescription {
    /// The fault itself; `action` makes what a hold runs.
    pub fn fault(&self, action: impl FnOnce(HoldAction) -> Action) -> Fault {
        let effect = match &self.kind {
            FaultKind::StatementFails { sqlstate } => Effect::StatementFails(sqlstate.clone()),
            FaultKind::CutBefore => Effect::CutBefore,
            FaultKind::CutDuring => Effect::CutDuring,
            FaultKind::CutAfter => Effect::CutAfter,
            FaultKind::Hold { action: what } => {
                Effect::Hold { name: what.to_string(), action: action(*what) }
            }
        };
        Fault { at: self.at.clone(), effect }
    }
}

impl fmt::Display for HoldAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KillClient => "kill_client",
            Self::CrashServer => "crash_server",
            Self::FreezeServer => "freeze_server",
            Self::HoldLock => "hold_lock",
            Self::SecondUpgrader => "second_upgrader",
            Self::RevokePrivilege => "revoke_privilege",
        })
    }
}

/// The same, flat, as it stands in YAML and JSON; unlike a tagged enum, it refuses unknown keys.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: WrittenKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>", extend("type" = ["string", "integer"]))]
    sqlstate: Option<SqlState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<HoldAction>,
    at: Place,
}

#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WrittenKind {
    StatementFails,
    CutBefore,
    CutDuring,
    CutAfter,
    Hold,
}

/// The keys of a fault don't fit its kind.
#[derive(Debug, thiserror::Error)]
enum Misfit {
    #[error("a fault of kind `statement_fails` needs `sqlstate`, such as `sqlstate: disk_full`")]
    NoSqlState,
    #[error("a fault of kind `hold` needs `action`, such as `action: kill_client`")]
    NoAction,
    #[error("only a fault of kind `statement_fails` takes `sqlstate`")]
    SqlState,
    #[error("only a fault of kind `hold` takes `action`")]
    Action,
}

impl TryFrom<Written> for FaultDescription {
    type Error = Misfit;

    fn try_from(written: Written) -> Result<Self, Misfit> {
        if written.sqlstate.is_some() && !matches!(written.kind, WrittenKind::StatementFails) {
            return Err(Misfit::SqlState);
        }
        if written.action.is_some() && !matches!(written.kind, WrittenKind::Hold) {
            return Err(Misfit::Action);
        }
        let kind = match written.kind {
            WrittenKind::StatementFails => {
                FaultKind::StatementFails { sqlstate: written.sqlstate.ok_or(Misfit::NoSqlState)? }
            }
            WrittenKind::CutBefore => FaultKind::CutBefore,
            WrittenKind::CutDuring => FaultKind::CutDuring,
            WrittenKind::CutAfter => FaultKind::CutAfter,
            WrittenKind::Hold => FaultKind::Hold { action: written.action.ok_or(Misfit::NoAction)? },
        };
        Ok(Self { kind, at: written.at })
    }
}

impl From<FaultDescription> for Written {
    fn from(description: FaultDescription) -> Self {
        let (kind, sqlstate, action) = match description.kind {
            FaultKind::StatementFails { sqlstate } => (WrittenKind::StatementFails, Some(sqlstate), None),
            FaultKind::CutBefore => (WrittenKind::CutBefore, None, None),
            FaultKind::CutDuring => (WrittenKind::CutDuring, None, None),
            FaultKind::CutAfter => (WrittenKind::CutAfter, None, None),
            FaultKind::Hold { action } => (WrittenKind::Hold, None, Some(action)),
        };
        Self { kind, sqlstate, action, at: description.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<FaultDescription, String> {
        serde_yaml::from_str(yaml).map_err(|error| error.to_string())
    }

    #[test]
    fn every_kind_reads_as_it_is_written() {
        for (yaml, kind) in [
            (
                "{kind: statement_fails, sqlstate: 53100, at: {message: 7}}",
                FaultKind::StatementFails { sqlstate: "disk_full".parse().unwrap() },
            ),
            ("{kind: cut_before, at: {message: 7}}", FaultKind::CutBefore),
            ("{kind: cut_during, at: {message: 7}}", FaultKind::CutDuring),
            ("{kind: cut_after, at: {message: 7}}", FaultKind::CutAfter),
            (
                "{kind: hold, action: kill_client, at: {message: 7}}",
                FaultKind::Hold { action: HoldAction::KillClient },
            ),
        ] {
            let description = read(yaml).unwrap();
            assert_eq!(description, FaultDescription { kind, at: Place::message(7) }, "{yaml}");
            let json = serde_json::to_string(&description).unwrap();
            assert_eq!(serde_json::from_str::<FaultDescription>(&json).unwrap(), description, "{json}");
        }
    }

    #[test]
    fn actions_are_written_as_they_are_shown() {
        for action in ["kill_client", "crash_server", "freeze_server", "hold_lock", "second_upgrader"] {
            let read: HoldAction = serde_yaml::from_str(action).unwrap();
            assert_eq!(read.to_string(), action);
        }
    }

    #[test]
    fn a_place_may_be_in_a_step() {
        let description = read("{kind: cut_after, at: {step: install, message: 2}}").unwrap();
        assert_eq!(description.at, Place::in_step("install", 2));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_remedy() {
        for (yaml, says) in [
            ("{kind: statement_fails, at: {message: 1}}", "needs `sqlstate`"),
            ("{kind: hold, at: {message: 1}}", "needs `action`"),
            ("{kind: cut_after, sqlstate: disk_full, at: {message: 1}}", "takes `sqlstate`"),
            ("{kind: cut_after, action: kill_client, at: {message: 1}}", "takes `action`"),
            (
                "{kind: statement_fails, sqlstate: disk_full, action: kill_client, at: {message: 1}}",
                "takes `action`",
            ),
            ("{kind: hold, sqlstate: disk_full, action: kill_client, at: {message: 1}}", "takes `sqlstate`"),
            ("{kind: statement_fails, sqlstate: diskfull, at: {message: 1}}", "disk_full"),
            ("{kind: explode, at: {message: 1}}", "statement_fails"),
            ("{kind: cut_after, at: {message: 0}}", "nonzero"),
            ("{kind: cut_after, at: {step: install}}", "message"),
            ("{kind: cut_after, at: {message: 1, stop: install}}", "stop"),
            ("{kind: cut_after, when: 1, at: {message: 1}}", "when"),
        ] {
            let refusal = read(yaml).unwrap_err();
            assert!(refusal.contains(says), "{yaml}: {refusal}");
        }
    }
}
