//! What of production is set for the database and the role, and its event triggers: no dump of schemas has them.

use super::report::{StepFinding, StepName};
use crate::replica::dumped::EventTrigger;
use crate::replica::report::Severity;
use tokio_postgres::{Client, Error};

/// Those of the database before those of the role, which count for more.
const SETTINGS: &str = "
    SELECT pg_catalog.unnest(s.setconfig)
    FROM pg_catalog.pg_db_role_setting s
    WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
      AND s.setrole IN (0, (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = current_user))
    ORDER BY (s.setrole <> 0)::pg_catalog.int4 * 2 + (s.setdatabase <> 0)::pg_catalog.int4";

/// Those that fire in an ordinary session, but for those of extensions, which bring them along; and of each the schema of its
/// function, where that is no extension's, and whether all of it can be dumped.
const EVENT_TRIGGERS: &str = "
    SELECT e.evtname::text, e.evtevent::text, e.evttags, pg_catalog.format('%I.%I', n.nspname, p.proname),
           CASE WHEN x.objid IS NULL THEN n.nspname::text END,
           x.objid IS NOT NULL
           OR pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_class c
               WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
                 AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT'))
    FROM pg_catalog.pg_event_trigger e
    JOIN pg_catalog.pg_proc p ON p.oid = e.evtfoid
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    LEFT JOIN pg_catalog.pg_depend x
      ON x.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND x.objid = p.oid AND x.deptype = 'e'
    WHERE e.evtenabled IN ('O', 'A') AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass AND d.objid = e.oid AND d.deptype = 'e')
    ORDER BY 1";

/// What is set on production.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Names and values, the later ones before the earlier.
    pub set: Vec<(String, String)>,
    /// The event triggers that can be taken along.
    pub event_triggers: Vec<EventTrigger>,
    /// The names of those whose function stands beside what the role may not read.
    unreadable: Vec<String>,
}

/// The event triggers of production, each with the schema that its function needs, where that is no extension's; and the names of
/// those whose function stands beside what the role may not read.
///
/// # Errors
/// What production's server answers.
pub async fn event_triggers(
    client: &Client,
) -> Result<(Vec<(EventTrigger, Option<String>)>, Vec<String>), Error> {
    let (mut readable, mut unreadable) = (Vec::new(), Vec::new());
    for row in client.query(EVENT_TRIGGERS, &[]).await? {
        let tags: Option<Vec<String>> = row.get(2);
        let name: String = row.get(0);
        if row.get(5) {
            let trigger = EventTrigger {
                name,
                event: row.get(1),
                tags: tags.unwrap_or_default(),
                function: row.get(3),
            };
            readable.push((trigger, row.get(4)));
        } else {
            unreadable.push(name);
        }
    }
    Ok((readable, unreadable))
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
        let (event_triggers, unreadable) = event_triggers(client).await?;
        Ok(Self {
            set: set.iter().filter_map(split).collect(),
            event_triggers: event_triggers.into_iter().map(|(trigger, _)| trigger).collect(),
            unreadable,
        })
    }

    /// The event triggers that don't come along.
    pub fn left_out(&self) -> Option<StepFinding> {
        (!self.unreadable.is_empty()).then(|| StepFinding {
            step: StepName::Restore,
            check: "event-triggers".to_owned(),
            severity: Severity::Warning,
            found: format!(
                "Production has event triggers whose functions stand beside what the role may not read. They may fire on the day, and \
                 are not on the throwaway server: {}.",
                self.unreadable.join(", ")
            ),
            remedy: Some(
                "See that they take CREATE SCHEMA, CREATE TABLE, ALTER SCHEMA and GRANT by the role of the configuration: a dry run of \
                 the upgrade on production shows it (chameleon-upgrade upgrade --dry-run)."
                    .to_owned(),
            ),
        })
    }
}
