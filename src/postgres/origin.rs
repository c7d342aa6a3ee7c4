//! Where a setting of a connection was found, and what is wrong with it there.

use std::fmt;
use std::path::PathBuf;

/// Where a setting was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the configuration.
    Configuration,
    /// In a service file.
    Service(PathBuf),
    /// In a variable of the environment.
    Variable(&'static str),
    /// In a password file.
    PasswordFile(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration => f.write_str("pg_conn of the configuration"),
            Self::Service(file) => write!(f, "the service file {}", file.display()),
            Self::Variable(name) => write!(f, "{name} in the environment"),
            Self::PasswordFile(file) => write!(f, "the password file {}", file.display()),
        }
    }
}

/// Why nobody knows where to connect.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// A value that libpq doesn't take either.
    #[error("{keyword} is {value:?} in {origin}; it should be {expected}")]
    Value {
        /// libpq's keyword.
        keyword: &'static str,
        /// What was found.
        value: String,
        /// Where.
        origin: Origin,
        /// What it should be.
        expected: &'static str,
    },
    /// Something that libpq can do and this program can't.
    #[error("{what}, asked for in {origin}, is nothing that chameleon-upgrade can do")]
    Unsupported {
        /// The setting.
        what: &'static str,
        /// Where.
        origin: Origin,
        /// What to do.
        remedy: &'static str,
    },
    /// Lists of different lengths.
    #[error("{count} {what} don't go with {hosts} hosts (in {origin})")]
    Lists {
        /// What there is too much or too little of.
        what: &'static str,
        /// How many.
        count: usize,
        /// The number of hosts.
        hosts: usize,
        /// Where.
        origin: Origin,
    },
    /// A service file can't be used.
    #[error("the service file {}: {cause}", file.display())]
    ServiceFile {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// No service file knows the service.
    #[error("there is no service {name:?} in {}", listed(asked))]
    NoSuchService {
        /// The service.
        name: String,
        /// The files that were asked.
        asked: Vec<PathBuf>,
    },
}

fn listed(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl PlaceError {
    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Value { origin, .. } | Self::Lists { origin, .. } => format!("Correct it in {origin}."),
            Self::Unsupported { remedy, .. } => (*remedy).to_owned(),
            Self::ServiceFile { .. } | Self::NoSuchService { .. } => {
                "Correct the service file, or the service's name (PGSERVICE in the environment, or service in pg_conn of \
                 the configuration); psql would refuse it too."
                    .to_owned()
            }
        }
    }
}
