//! What of the configuration the daemon of pg_chameleon 2.0.21 trips over, although the upgrade has no use for it: keys
//! that it can't do without, values of another type than it works with, names that it can't write down. Every key of
//! the example was tried with every type on the real daemon; what ends it is in
//! scenarios/live/configuration_of_the_daemon.yaml, and tests/cli/configuration.rs has each of those warned of.

use super::error::Problem;
use super::field::{Field, Form};
use super::tables::{self, EVENTS};
use crate::mapping::MappingPair;

/// Without one of these no command of pg_chameleon 2.0.21 starts.
const AT_THE_TOP: [&str; 7] =
    ["log_days_keep", "log_dest", "log_dir", "log_level", "pid_dir", "rollbar_env", "rollbar_key"];

/// Without one of these in its source the daemon ends.
const OF_A_SOURCE: [&str; 8] = [
    "batch_retention",
    "limit_tables",
    "my_server_id",
    "on_error_replay",
    "replay_max_rows",
    "replica_batch_size",
    "skip_tables",
    "sleep_loop",
];

/// Whether the daemon takes a value.
type Taken = fn(&Field<'_>) -> bool;

/// With one of these values the daemon ends. Each takes the value where it is there, and says what it should be.
const VALUES: [(&str, Taken, &str); 7] = [
    (
        "auto_maintenance",
        |field| is_interval(field) || field.as_text().is_some_and(|text| text == "disabled"),
        "disabled, or a time in quotes, such as '1 day'",
    ),
    ("batch_retention", is_interval, "a time in quotes, such as '1 day'"),
    ("my_server_id", is_server_id, "a number without quotes, from 0 to 4294967295"),
    ("replay_max_rows", |field| !field.is_null(), "a number of rows, from 1 to 2147483647"),
    ("replica_batch_size", |field| field.python_number().is_some(), "a number without quotes"),
    (
        "skip_events",
        |field| ends_at_events(field).is_none(),
        "a mapping of insert, update and delete to lists; or leave it out",
    ),
    (
        "sleep_loop",
        |field| field.python_number().is_some_and(|it| it >= 0.0),
        "a number of seconds, without quotes",
    ),
];

/// What happens to whoever runs pg_chameleon 2.0.21 with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// The daemon ends, until the configuration is mended.
    Ends,
    /// The daemon ends at every start once the catalogue holds it.
    EndsForGood,
    /// init_replica, sync_tables and refresh_schema end; the daemon is well.
    CopiesEnd,
    /// None: it is about what the source doesn't have.
    None,
}

/// Something in the configuration that pg_chameleon 2.0.21 trips over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonRequirement {
    /// The line of the file.
    pub line: usize,
    /// What it is, in a clause.
    pub what: String,
    /// What comes of it.
    pub harm: Harm,
    /// What it should be.
    pub remedy: String,
}

impl DaemonRequirement {
    fn new(field: &Field<'_>, what: String, harm: Harm, remedy: impl Into<String>) -> Self {
        Self { line: field.line(), what, harm, remedy: remedy.into() }
    }
}

pub(super) fn at_the_top(root: &Field<'_>) -> Result<Vec<DaemonRequirement>, Problem> {
    let mut all = missing(root, &AT_THE_TOP)?;
    let is_known = |field: &Field<'_>| field.as_text().is_some_and(|text| text == "file" || text == "stdout");
    if let Some(field) = root.find("log_dest")?.filter(|field| !is_known(field)) {
        let what = format!("log_dest {}", field.describe());
        all.push(DaemonRequirement::new(&field, what, Harm::Ends, "It should be file or stdout."));
    }
    Ok(all)
}

pub(super) fn of_a_source(
    name: &str,
    source: &Field<'_>,
    mappings: &[MappingPair],
) -> Result<Vec<DaemonRequirement>, Problem> {
    let mut all = missing(source, &OF_A_SOURCE)?;
    if name.contains('%') {
        let what = format!("the name {name:?} has a % in it");
        all.push(DaemonRequirement::new(
            source,
            what,
            Harm::EndsForGood,
            "Give the source a name without %.",
        ));
    }
    for (key, is_well, expected) in VALUES {
        if let Some(field) = source.find(key)?.filter(|field| !is_well(field)) {
            let what = format!("{key} {}", field.describe());
            all.push(DaemonRequirement::new(&field, what, Harm::Ends, format!("It should be {expected}.")));
        }
    }
    for key in ["limit_tables", "skip_tables"] {
        let Some(field) = source.find(key)? else { continue };
        if let Some(why) = tables::ends_at(&field) {
            let what = format!("{key} {}, {why}", field.describe());
            all.push(DaemonRequirement::new(
                &field,
                what,
                Harm::Ends,
                "Write a list of schema.table, or leave it empty.",
            ));
        }
    }
    for (field, what) in tables::of_other_schemas(source, mappings)? {
        let remedy = "The source maps no such schema, so this does nothing; in pg_chameleon's example these are invented.";
        all.push(DaemonRequirement::new(&field, what, Harm::None, remedy));
    }
    all.extend(connection(source)?);
    Ok(all)
}

fn missing(mapping: &Field<'_>, keys: &[&'static str]) -> Result<Vec<DaemonRequirement>, Problem> {
    let mut missing = Vec::new();
    for key in keys {
        if mapping.find(key)?.is_none() {
            missing.push(*key);
        }
    }
    // One line for all of a place: there is one thing to do.
    let what = match missing[..] {
        [] => return Ok(vec![]),
        [key] => format!("{key} is missing"),
        [ref others @ .., last] => format!("{} and {last} are missing", others.join(", ")),
    };
    let remedy = format!(
        "Add {} as in pg_chameleon's example (config-example.yml, which set_configuration_files copies). limit_tables and \
         skip_tables may be empty.",
        if missing.len() == 1 { "it" } else { "them" }
    );
    Ok(vec![DaemonRequirement::new(mapping, what, Harm::Ends, remedy)])
}

fn connection(source: &Field<'_>) -> Result<Vec<DaemonRequirement>, Problem> {
    let mut all = Vec::new();
    let Some(db_conn) = source.get("db_conn")? else { return Ok(all) };
    if let (Some(charset), Some(copy_mode)) = (db_conn.get("charset")?, source.get("copy_mode")?) {
        let name = charset.as_text().unwrap_or_default();
        let by_file = copy_mode.as_text().is_some_and(|mode| mode == "file");
        if by_file && PYTHON_HAS_NO_CODEC.iter().any(|it| name.eq_ignore_ascii_case(it)) {
            let what = format!("charset {name} together with copy_mode file");
            let remedy = "Set copy_mode to direct (with utf8mb4 all characters are kept), or charset to utf8 (copies then have \
                          a question mark for each character of four bytes, as in 1.8.2).";
            all.push(DaemonRequirement::new(&charset, what, Harm::CopiesEnd, remedy));
        }
    }
    Ok(all)
}

/// Character sets of MySQL that are no encoding of Python's by that name, with which a file is opened (tried).
pub(super) const PYTHON_HAS_NO_CODEC: [&str; 2] = ["utf8mb3", "utf8mb4"];

fn is_server_id(field: &Field<'_>) -> bool {
    field.python_integer().is_some_and(|id| (0..=i128::from(u32::MAX)).contains(&id))
}

/// Empty, it keeps all batches. PostgreSQL judges the rest of the text.
fn is_interval(field: &Field<'_>) -> bool {
    match field.form() {
        Form::Null => true,
        Form::Text(text) => text.contains(|c: char| c.is_ascii_digit()),
        _ => false,
    }
}

/// Why the daemon ends at `skip_events`; none when it doesn't.
fn ends_at_events(field: &Field<'_>) -> Option<()> {
    match field.form() {
        Form::Null | Form::Number { .. } => Some(()),
        Form::Text(text) => EVENTS.iter().any(|event| text.contains(event)).then_some(()),
        Form::List(items) => {
            items.iter().filter_map(Field::as_text).any(|item| EVENTS.contains(&item.as_str())).then_some(())
        }
        Form::Mapping(_) => EVENTS
            .iter()
            .filter_map(|event| field.get(event).ok()?)
            .any(|skipped| matches!(skipped.form(), Form::Number { .. }))
            .then_some(()),
    }
}
