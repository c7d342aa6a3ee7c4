//! What can be done while a message is held. Each is a file of its own; [`HoldAction::ALL`] names them.

mod crash_server;
mod freeze_server;
mod hold_lock;
mod kill_client;
mod revoke_privilege;
mod second_upgrader;

use super::{Action, ActionError};
use crate::server::{ServerError, SharedServer};
use postgres::Client;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// How long a frozen server stays frozen, and how long another session holds its lock: longer than the lock timeout of a
/// run with faults.
const WHILE: Duration = Duration::from_millis(700);

/// Something that can be done while a message is held.
#[derive(Clone, Copy)]
pub struct HoldAction(&'static Definition);

/// What makes an action.
struct Definition {
    /// As scenarios and the command line write it.
    name: &'static str,
    /// What happens, in a sentence.
    about: &'static str,
    /// Whether the server stops, which then can't be shared.
    stops_the_server: bool,
    /// Makes it ready before the run; what it returns runs while the message is held.
    prepare: fn(&Arc<dyn Surroundings>) -> Result<Action, ActionError>,
}

impl HoldAction {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self(&kill_client::DEFINITION),
        Self(&crash_server::DEFINITION),
        Self(&freeze_server::DEFINITION),
        Self(&hold_lock::DEFINITION),
        Self(&second_upgrader::DEFINITION),
        Self(&revoke_privilege::DEFINITION),
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

/// A run and its server, as far as an action touches them.
pub trait Surroundings: Send + Sync {
    /// Kills the program that is run, with SIGKILL.
    ///
    /// # Errors
    /// What the system answers.
    fn kill_client(&self) -> io::Result<()>;

    /// The server.
    fn server(&self) -> &SharedServer;

    /// Notes that the server has been crashed.
    fn server_has_crashed(&self);

    /// A session as the server's superuser on the database of the run, past the proxy.
    ///
    /// # Errors
    /// [`ServerError`] when the server can't be reached.
    fn superuser(&self) -> Result<Client, ServerError>;

    /// The name of the database.
    fn database(&self) -> &str;

    /// The role of the program that is run.
    fn role(&self) -> &str;

    /// Runs a second upgrader on the same database to its end, past the proxy, and notes its exit code.
    ///
    /// # Errors
    /// What the system answers.
    fn run_second_upgrader(&self) -> io::Result<()>;

    /// Waits for the end of the run, for at most `longest`.
    fn wait_for_the_end(&self, longest: Duration);
}

/// A name that is no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no action {0:?}")]
pub struct NoAction(String);

impl FromStr for HoldAction {
    type Err = NoAction;

    fn from_str(name: &str) -> Result<Self, NoAction> {
        Self::ALL.into_iter().find(|action| action.name() == name).ok_or_else(|| NoAction(name.to_owned()))
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
            "oneOf": Self::ALL.map(one),
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
            let read: HoldAction = serde_yaml::from_str(action).unwrap();
            assert_eq!(read.to_string(), action);
        }
        for action in HoldAction::ALL {
            assert_eq!(action.to_string().parse(), Ok(action));
        }
    }
}
