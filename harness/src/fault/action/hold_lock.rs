//! Another session holds a lock on a table of the catalogue for a while.

use super::definition::{Definition, WHILE};
use crate::fault::Resume;
use std::sync::{Arc, mpsc};
use std::thread;

/// Behind the upgrader's own locks it waits its turn, as another session would.
const LOCK: &str = "
    BEGIN;
    SET LOCAL lock_timeout = '100ms';
    LOCK TABLE sch_chameleon.t_sources IN SHARE ROW EXCLUSIVE MODE";

pub(super) static DEFINITION: Definition = Definition {
    name: "hold_lock",
    about: "Another session takes a lock.",
    stops_the_server: false,
    prepare: |run| {
        let run = Arc::clone(run);
        let mut other = run.superuser()?;
        Ok(Box::new(move || {
            let (ready, taken) = mpsc::channel();
            thread::spawn(move || {
                let locked = other.batch_execute(LOCK);
                let _ = ready.send(());
                if locked.is_ok() {
                    run.wait_for_the_end(WHILE);
                }
                drop(other.batch_execute("ROLLBACK"));
            });
            taken.recv()?;
            Ok(Resume::Forward)
        }))
    },
};
