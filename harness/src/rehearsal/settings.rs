//! What of production is set for the database and the role, and its event triggers: no dump of schemas has them.

use super::report::{StepFinding, StepName};
use crate::replica::report::Severity;
use crate::replica::template::ReplicaTemplate;
use crate::server::quoting::{identifier, literal};
use tokio_postgres::{Client, Error};

/// Those of the database before those of the role, which count for more.
const SETTINGS: &str = "
    SELECT pg_catalog.unnest(s.setconfig)
    FROM pg_catalog.pg_db_role_setting s
    WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
      AND s.setrole IN (0, (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = current_user))
    ORDER BY (s.setrole <> 0)::pg_catalog.int4 * 2 + (s.setdatabase <> 0)::pg_catalog.int4";

const EVENT_TRIGGERS: &str =
    "SELECT evtname::text FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D' ORDER BY 1";

/// Settings whose values are lists of names, and stand as such in a statement.
const LISTS: [&str; 6] = [
    "search_path",
    "temp_tablespaces",
    "session_preload_libraries",
    "local_preload_libraries",
    "shared_preload_libraries",
    "unix_socket_directories",
];

/// What is set on production.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Names and values, the later ones before the earlier.
    set: Vec<(String, String)>,
    event_triggers: Vec<String>,
}

impl Settings {
    /// Those of the session's database and role.
    ///
    /// # Errors
    /// What production's server answers.
    pub async fn of(client: &Client) -> Result<Self, Error> {
        let set = client.query(SETTINGS, &[]).await?;
        let split = |row: &tokio_postgres::Row| {
            let text: String = row.get(0);
            text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let event_triggers = client.query(EVENT_TRIGGERS, &[]).await?;
        Ok(Self {
            set: set.iter().filter_map(split).collect(),
            event_triggers: event_triggers.iter().map(|row| row.get(0)).collect(),
        })
    }

    /// Sets the same for the role of the copy. What can't be is told.
    pub fn restore(&self, template: &ReplicaTemplate) -> Vec<StepFinding> {
        let finding = |check: &str, severity, found: String, remedy: Option<&str>| StepFinding {
            step: StepName::Restore,
            check: check.to_owned(),
            severity,
            found,
            remedy: remedy.map(str::to_owned),
        };
        let mut told = Vec::new();
        for (name, value) in &self.set {
            let value = if LISTS.contains(&name.as_str()) { value.clone() } else { literal(value) };
            // A name may have a dot in it.
            let quoted: Vec<_> = name.split('.').map(identifier).collect();
            let role = &template.role().user;
            let set = format!("ALTER ROLE {role} SET {} TO {value}", quoted.join("."));
            let done = template.superuser().map_err(|error| error.to_string()).and_then(|mut client| {
                client.batch_execute(&set).map_err(|error| crate::server::in_full(&error))
            });
            if let Err(why) = done {
                let found = format!("Not set on the throwaway server as on production: {name}: {why}");
                told.push(finding("not-restored", Severity::Info, found, None));
            }
        }
        if !self.event_triggers.is_empty() {
            let found = format!(
                "Production has event triggers, which may fire on the day, and are not on the throwaway server: {}.",
                self.event_triggers.join(", ")
            );
            let remedy = "See that they take CREATE SCHEMA, CREATE TABLE, ALTER SCHEMA and GRANT by the role of the configuration: a dry run of \
                          the upgrade on production shows it (chameleon-upgrade upgrade --dry-run).";
            told.push(finding("event-triggers", Severity::Warning, found, Some(remedy)));
        }
        told
    }
}
