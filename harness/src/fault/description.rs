//! Faults as they are written in scenario files and reports: data without the closures that carry them out.

use super::action::{HoldAction, Surroundings};
use super::kind::{FaultKind, HOLD, STATEMENT_FAILS, WRITTEN};
use super::{ActionError, Effect, Fault, Place, SqlState};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::sync::Arc;

/// A fault in writing: `{kind: statement_fails, sqlstate: disk_full, at: {step: install, message: 2}}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
pub struct FaultDescription {
    /// What happens.
    pub kind: FaultKind,
    /// Where.
    pub at: Place,
}

impl FaultDescription {
    /// The fault itself, for a run in these surroundings.
    ///
    /// # Errors
    /// What its action needs isn't there.
    pub fn fault(&self, surroundings: &Arc<dyn Surroundings>) -> Result<Fault, ActionError> {
        let effect = match &self.kind {
            FaultKind::StatementFails { sqlstate } => Effect::StatementFails(sqlstate.clone()),
            FaultKind::CutBefore => Effect::CutBefore,
            FaultKind::CutDuring => Effect::CutDuring,
            FaultKind::CutAfter => Effect::CutAfter,
            FaultKind::Hold { action } => {
                Effect::Hold { name: action.to_string(), action: action.prepare(surroundings)? }
            }
        };
        Ok(Fault { at: self.at.clone(), effect })
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

/// What is written as `kind`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct WrittenKind(&'static str);

impl Serialize for WrittenKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for WrittenKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = WRITTEN.iter().find(|known| **known == name);
        known.map(|known| Self(known)).ok_or_else(|| de::Error::unknown_variant(&name, &WRITTEN))
    }
}

impl JsonSchema for WrittenKind {
    fn schema_name() -> Cow<'static, str> {
        "WrittenKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": WRITTEN})
    }
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
        let Written { kind: WrittenKind(name), sqlstate, action, at } = written;
        if sqlstate.is_some() && name != STATEMENT_FAILS {
            return Err(Misfit::SqlState);
        }
        if action.is_some() && name != HOLD {
            return Err(Misfit::Action);
        }
        let kind = match FaultKind::cut(name) {
            Some(cut) => cut,
            None if name == HOLD => FaultKind::Hold { action: action.ok_or(Misfit::NoAction)? },
            None => FaultKind::StatementFails { sqlstate: sqlstate.ok_or(Misfit::NoSqlState)? },
        };
        Ok(Self { kind, at })
    }
}

impl From<FaultDescription> for Written {
    fn from(FaultDescription { kind, at }: FaultDescription) -> Self {
        let name = WrittenKind(kind.written());
        let (sqlstate, action) = match kind {
            FaultKind::StatementFails { sqlstate } => (Some(sqlstate), None),
            FaultKind::Hold { action } => (None, Some(action)),
            _ => (None, None),
        };
        Self { kind: name, sqlstate, action, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<FaultDescription, String> {
        yaml_serde::from_str(yaml).map_err(|error| error.to_string())
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
                FaultKind::Hold { action: "kill_client".parse().unwrap() },
            ),
        ] {
            let description = read(yaml).unwrap();
            assert_eq!(description, FaultDescription { kind, at: Place::message(7) }, "{yaml}");
            let json = serde_json::to_string(&description).unwrap();
            assert_eq!(serde_json::from_str::<FaultDescription>(&json).unwrap(), description, "{json}");
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
