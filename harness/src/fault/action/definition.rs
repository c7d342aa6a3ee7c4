//! What makes an action, and what it may touch.

use crate::fault::{Action, ActionError};
use crate::server::{ServerError, SharedServer};
use postgres::Client;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long a frozen server stays frozen, and how long another session holds its lock: longer than the lock timeout of a
/// run with faults.
pub(super) const WHILE: Duration = Duration::from_millis(700);

/// What makes an action.
pub(super) struct Definition {
    /// As scenarios and the command line write it.
    pub(super) name: &'static str,
    /// What happens, in a sentence.
    pub(super) about: &'static str,
    /// Whether the server stops, which then can't be shared.
    pub(super) stops_the_server: bool,
    /// Makes it ready before the run; what it returns runs while the message is held.
    pub(super) prepare: fn(&Arc<dyn Surroundings>) -> Result<Action, ActionError>,
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
