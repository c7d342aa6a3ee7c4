//! The server crashes, and recovers before the message reaches it.

use super::definition::Definition;
use crate::fault::Resume;
use std::sync::Arc;

pub(super) static DEFINITION: Definition = Definition {
    name: "crash_server",
    about: "The server is killed and started again.",
    stops_the_server: true,
    prepare: |run| {
        let run = Arc::clone(run);
        Ok(Box::new(move || {
            let mut server = run.server().lock();
            server.kill()?;
            run.server_has_crashed();
            server.restart()?;
            Ok(Resume::Forward)
        }))
    },
};
