//! What stands in the way of the maintenance upgrade, before it and again under the lock.

use super::structure::{self, Copy, Found};
use crate::checks::{Check, replica_stopped};
use crate::facts::postgres::{Dependent, Server, Session};
use crate::finding::{Finding, Severity};
use crate::names::{SCHEMA, VERSION2, quote_identifier};
use crate::wording::first_of;

/// How many things of one kind are named; the rest are counted.
const NAMED: usize = 10;

/// All that is looked at.
#[derive(Debug)]
pub struct Examined {
    /// The server, and which schemas are on it.
    pub server: Server,
    /// What `v_version` says.
    pub version: String,
    /// Sessions of pg_chameleon.
    pub sessions: Vec<Session>,
    /// The sources whose status says that they are at work.
    pub at_work: Vec<String>,
    /// `--assume-stopped`.
    pub assume_stopped: bool,
    /// Objects in other schemas that refer to the catalogue.
    pub dependents: Vec<Dependent>,
    /// What the schema holds.
    pub found: Found,
    /// How each table is copied, or what is otherwise than in any 2.0 catalogue.
    pub copies: Result<Vec<Copy>, Vec<String>>,
    /// Columns, with their tables, that hold names longer than 2.0.10 takes.
    pub too_long: Vec<(String, &'static str)>,
    /// Log tables with rows that belong to no source.
    pub strays: Vec<String>,
}

/// Every check, in the order in which findings are shown.
pub const CHECKS: &[Check<Examined>] =
    &[ROLE, REPLICA_STOPPED, LEFTOVERS, STRUCTURE, OWN_OBJECTS, DEPENDENTS];

/// What is in the way, with what to do about it. Nothing but warnings: the upgrade may be done.
#[must_use]
pub fn run(examined: &Examined) -> Vec<Finding> {
    CHECKS.iter().flat_map(|check| check.findings(examined)).collect()
}

const ROLE: Check<Examined> = Check {
    id: "role",
    about: "The role of the configuration owns the catalogue and may create schemas",
    rule: "§maintenance",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: |examined| {
        let Server { role, database, schema_owner, .. } = &examined.server;
        if !(role.owns_schema && role.not_owned.is_empty()) {
            let owner = schema_owner.as_deref().unwrap_or("its owner");
            return vec![ROLE.error(
                format!("The role {} does not own all of {SCHEMA}.", role.name),
                format!("Set pg_conn.user in the configuration to {owner}, the role that the replica uses."),
            )];
        }
        if role.may_create_schemas {
            return vec![];
        }
        vec![ROLE.error(
            format!("The role {} may not create schemas in the database {database}.", role.name),
            format!(
                "Run GRANT CREATE ON DATABASE {} TO {};",
                quote_identifier(database),
                quote_identifier(&role.name)
            ),
        )]
    },
};

const REPLICA_STOPPED: Check<Examined> = Check {
    id: "replica-stopped",
    about: "No pg_chameleon is at work on the catalogue",
    rule: "§maintenance",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: |examined| match examined.sessions.as_slice() {
        [] => killed(examined).into_iter().collect(),
        sessions => sessions
            .iter()
            .map(|it| replica_stopped::at_work(&REPLICA_STOPPED, it, replica_stopped::STOP))
            .collect(),
    },
};

const LEFTOVERS: Check<Examined> = Check {
    id: "leftovers",
    about: "The name that the catalogue of today is kept under is free",
    rule: "§maintenance",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: |examined| {
        let taken = examined.server.leftovers.iter().filter(|schema| *schema == VERSION2);
        taken
            .map(|_| {
                LEFTOVERS.error(
                    format!("The schema {VERSION2} is left over, and the catalogue of today is to be kept under this name."),
                    "Drop or rename it: chameleon-upgrade cleanup --schema version2, with --drop or --rename-to NAME.",
                )
            })
            .collect()
    },
};

const STRUCTURE: Check<Examined> = Check {
    id: "catalogue",
    about: "The catalogue has the tables and columns of a 2.0 catalogue, and its rows fit into 2.0.10",
    rule: "§maintenance",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run: structure,
};

const OWN_OBJECTS: Check<Examined> = Check {
    id: "own-objects",
    about: "Nothing in the catalogue's schema is anybody else's",
    rule: "§maintenance",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run: |examined| {
        let strangers = structure::strangers(&examined.found);
        if strangers.is_empty() {
            return vec![];
        }
        let first: Vec<_> = strangers.iter().take(NAMED).map(|&it| it.to_owned()).collect();
        vec![OWN_OBJECTS.warning(
            format!("Tables in {SCHEMA} are none of pg_chameleon's: {}.", first_of(&first, strangers.len() as u64)),
            format!("They go aside with the catalogue of today, into {VERSION2}: give them another schema before, or afterwards."),
        )]
    },
};

const DEPENDENTS: Check<Examined> = Check {
    id: "dependents",
    about: "No object of another schema depends on the catalogue",
    rule: "§maintenance",
    worst: Severity::Warning,
    acceptable: false,
    asks_mysql: false,
    run: |examined| {
        let follows = |dependent: &Dependent| {
            DEPENDENTS.warning(
                format!("{} depends on {} of the catalogue.", dependent.object, dependent.depends_on),
                format!("It will follow the catalogue of today into {VERSION2}: create it anew afterwards."),
            )
        };
        examined.dependents.iter().map(follows).collect()
    },
};

fn killed(examined: &Examined) -> Option<Finding> {
    let sources = &examined.at_work;
    if sources.is_empty() {
        return None;
    }
    let first: Vec<_> = sources.iter().take(NAMED).cloned().collect();
    let found = format!(
        "The status of {} says that its replica is at work, and no session of it is connected: it was killed, or is about to \
         connect again.",
        first_of(&first, sources.len() as u64)
    );
    let remedy = replica_stopped::STOP_OR_ASSUME;
    Some(replica_stopped::said_to_be_at_work(&REPLICA_STOPPED, found, remedy, examined.assume_stopped))
}

fn structure(examined: &Examined) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(otherwise) = &examined.copies {
        let first: Vec<_> = otherwise.iter().take(NAMED).cloned().collect();
        findings.push(STRUCTURE.error(
            format!(
                "The catalogue says that it is {}, and is none of a known 2.0 version: {}.",
                examined.version,
                first_of(&first, otherwise.len() as u64)
            ),
            "Undo what was changed in it, or restore it from a backup of before, and run again.",
        ));
    }
    let too_long = examined.too_long.iter().map(|(table, column)| {
        STRUCTURE.error(
            format!("{table}.{column} holds names of more than 64 letters, which 2.0.10 does not take and MySQL does not have."),
            format!(
                "See what they are, delete them, and run again: SELECT * FROM {SCHEMA}.{table} WHERE length({column}) > 64;"
            ),
        )
    });
    findings.extend(too_long);
    let strays = examined.strays.iter().map(|log| {
        STRUCTURE.error(
            format!("The log table {log} has rows, and no source names it (t_sources.v_log_table)."),
            format!(
                "When they are of no more use: DROP TABLE {SCHEMA}.{}; and run again.",
                quote_identifier(log)
            ),
        )
    });
    findings.extend(strays);
    findings
}
