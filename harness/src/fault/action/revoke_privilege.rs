//! The role of the upgrader may no longer create schemas.

use super::definition::Definition;
use crate::fault::Resume;
use std::sync::Arc;

pub(super) static DEFINITION: Definition = Definition {
    name: "revoke_privilege",
    about: "The upgrader's role loses a privilege.",
    stops_the_server: false,
    prepare: |run| {
        let run = Arc::clone(run);
        let mut other = run.superuser()?;
        Ok(Box::new(move || {
            let revoke = format!("REVOKE CREATE ON DATABASE {} FROM {}", run.database(), run.role());
            other.batch_execute(&revoke)?;
            Ok(Resume::Forward)
        }))
    },
};
