//! What of the configuration the daemon of pg_chameleon 2.0.21 trips over, although the upgrade has no use for it: keys
//! that it can't do without, and keys that may be left out but not left empty. Measured, each on the real daemon:
//! scenarios/live/configuration_of_the_daemon.yaml.

use std::fmt;

use super::error::Problem;
use super::field::Field;
use super::postgres::MisreadPassword;

/// Without one of these no command of pg_chameleon 2.0.21 starts.
const AT_THE_TOP: [&str; 6] =
    ["log_days_keep", "log_dest", "log_dir", "log_level", "rollbar_env", "rollbar_key"];

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

/// With one of these empty the daemon ends.
const NOT_EMPTY: [&str; 4] = ["my_server_id", "replica_batch_size", "skip_events", "sleep_loop"];

/// A key that the daemon trips over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// It isn't there.
    Missing(&'static str),
    /// It is there and empty.
    Empty(&'static str),
    /// The password to PostgreSQL is another one for it.
    Password(MisreadPassword),
}

impl fmt::Display for Hindrance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(key) => write!(formatter, "{key} is missing"),
            Self::Empty(key) => write!(formatter, "{key} is empty"),
            Self::Password(misread) => misread.fmt(formatter),
        }
    }
}

pub(super) fn at_the_top(root: &Field<'_>) -> Result<Vec<Hindrance>, Problem> {
    missing(root, &AT_THE_TOP)
}

pub(super) fn of_a_source(source: &Field<'_>) -> Result<Vec<Hindrance>, Problem> {
    let mut all = missing(source, &OF_A_SOURCE)?;
    for key in NOT_EMPTY {
        if source.find(key)?.is_some_and(|field| field.is_null()) {
            all.push(Hindrance::Empty(key));
        }
    }
    Ok(all)
}

fn missing(mapping: &Field<'_>, keys: &[&'static str]) -> Result<Vec<Hindrance>, Problem> {
    let mut all = Vec::new();
    for key in keys {
        if mapping.find(key)?.is_none() {
            all.push(Hindrance::Missing(key));
        }
    }
    Ok(all)
}
