//! The server stands still for a while; the message waits in its socket.

use super::definition::{Definition, WHILE};
use crate::fault::Resume;
use std::sync::Arc;
use std::thread;

pub(super) static DEFINITION: Definition = Definition {
    name: "freeze_server",
    about: "The server is frozen and, later, thawed.",
    stops_the_server: true,
    prepare: |run| {
        let server = Arc::clone(run).server().clone();
        Ok(Box::new(move || {
            server.lock().freeze()?;
            thread::spawn(move || {
                thread::sleep(WHILE);
                drop(server.lock().thaw());
            });
            Ok(Resume::Forward)
        }))
    },
};
