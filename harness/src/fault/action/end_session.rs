//! An administrator ends the upgrader's sessions with `pg_terminate_backend`.

use super::definition::Definition;
use crate::fault::Resume;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

const END: &str = "
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend'";

/// Between two looks whether they have ended.
const PAUSE: Duration = Duration::from_millis(5);

pub(super) static DEFINITION: Definition = Definition {
    name: "end_session",
    about: "An administrator ends the upgrader's sessions, and the server tells it so.",
    stops_the_server: false,
    prepare: |run| {
        let run = Arc::clone(run);
        let mut other = run.superuser()?;
        Ok(Box::new(move || {
            while other.query_one(END, &[&run.role()])?.get::<_, i64>(0) > 0 {
                sleep(PAUSE);
            }
            Ok(Resume::Forward)
        }))
    },
};
