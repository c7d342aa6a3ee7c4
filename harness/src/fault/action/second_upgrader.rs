//! Another upgrader is run on the same database to its end.

use super::definition::Definition;
use crate::fault::Resume;
use std::sync::Arc;

pub(super) static DEFINITION: Definition = Definition {
    name: "second_upgrader",
    about: "A second upgrader is started.",
    stops_the_server: false,
    prepare: |run| {
        let run = Arc::clone(run);
        Ok(Box::new(move || {
            run.run_second_upgrader()?;
            Ok(Resume::Forward)
        }))
    },
};
