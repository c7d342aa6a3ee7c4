//! A daemon of 2.0.21 that runs for longer than a step.

use crate::chameleon::home::Home;
use crate::process::group::StartedProgram;

/// The daemon, with the home of its configuration.
pub(crate) struct InService {
    pub(super) home: Home,
    pub(super) daemon: StartedProgram,
}
