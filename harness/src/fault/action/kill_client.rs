//! The program that is run is killed, and its connection is gone with it.

use super::definition::Definition;
use crate::fault::Resume;
use std::sync::Arc;

pub(super) static DEFINITION: Definition = Definition {
    name: "kill_client",
    about: "The client is killed.",
    stops_the_server: false,
    prepare: |run| {
        let run = Arc::clone(run);
        Ok(Box::new(move || {
            run.kill_client()?;
            Ok(Resume::Cut)
        }))
    },
};
