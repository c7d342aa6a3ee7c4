//! What can be done while a message is held. Each is a file of its own; [`HoldAction::ALL`] names them.

mod crash_server;
mod definition;
mod end_session;
mod freeze_server;
mod hold_lock;
mod kill_client;
mod revoke_privilege;
mod second_upgrader;

use super::{Action, ActionError};
use definition::Definition;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

pub use definition::Surroundings;

/// Something that can be done while a message is held.
#[derive(Clone, Copy)]
pub struct HoldAction(&'static Definition);

impl HoldAction {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self(&kill_client::DEFINITION),
        Self(&crash_server::DEFINITION),
        Self(&freeze_server::DEFINITION),
        Self(&hold_lock::DEFINITION),
        Self(&second_upgrader::DEFINITION),
        Self(&revoke_privilege::DEFINITION),
        Self(&end_session::DEFINITION),
    ];

    /// As scenarios and the command line write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Whether it stops the server, which then can't be shared.
    #[must_use]
    pub fn stops_the_server(self) -> bool {
        self.0.stops_the_server
    }

    /// Makes it ready for a run.
    ///
    /// # Errors
    /// What it needs isn't there.
    pub fn prepare(self, surroundings: &Arc<dyn Surroundings>) -> Result<Action, ActionError> {
        (self.0.prepare)(surroundings)
    }
}

/// A name that is no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no action {0:?}")]
pub struct NoAction(String);

impl FromStr for HoldAction {
    type Err = NoAction;

    fn from_str(name: &str) -> Result<Self, NoAction> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.name() == name)
            .ok_or_else(|| NoAction(name.to_owned()))
    }
}

impl fmt::Display for HoldAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for HoldAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for HoldAction {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for HoldAction {}

impl Hash for HoldAction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl Serialize for HoldAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for HoldAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const NAMES: [&str; HoldAction::ALL.len()] = {
            let mut names = [""; HoldAction::ALL.len()];
            let mut at = 0;
            while at < names.len() {
                names[at] = HoldAction::ALL[at].0.name;
                at += 1;
            }
            names
        };
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(|NoAction(name)| de::Error::unknown_variant(&name, &NAMES))
    }
}

impl JsonSchema for HoldAction {
    fn schema_name() -> Cow<'static, str> {
        "HoldAction".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = |it: Self| json_schema!({"type": "string", "const": it.name(), "description": it.0.about});
        json_schema!({
            "oneOf": Self::ALL.iter().copied().map(one).collect::<Vec<_>>(),
            "description": "What can be done while a message is held.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_written_as_they_are_shown() {
        for action in ["kill_client", "crash_server", "freeze_server", "hold_lock", "second_upgrader"] {
            let read: HoldAction = yaml_serde::from_str(action).unwrap();
            assert_eq!(read.to_string(), action);
        }
        for action in HoldAction::ALL {
            assert_eq!(action.to_string().parse(), Ok(*action));
        }
    }
}
