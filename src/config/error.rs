//! What can be wrong with a configuration, always with the file, and the line, column and key where
//! there is one.

use std::path::PathBuf;

use super::yaml::{Place, YamlError};

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// `--config` is neither a name nor a path.
    #[error(
        "{0:?} is not the name of a configuration: give a name such as `default`, or the path of a .yml file"
    )]
    Name(String),
    /// No configuration has this name.
    #[error(
        "there is no configuration named {name:?}: {} does not exist ({})",
        .looked.display(),
        describe_available(.available)
    )]
    NoSuchName {
        /// The name that was asked for.
        name: String,
        /// The file that would hold it.
        looked: PathBuf,
        /// The names of those that exist in the same folder.
        available: Vec<String>,
    },
    /// The path names no file.
    #[error("there is no configuration file {}", .0.display())]
    NoSuchFile(PathBuf),
    /// The path is a folder.
    #[error("{} is a folder, not a configuration file", .0.display())]
    Folder(PathBuf),
    /// The file can't be opened or read.
    #[error("the configuration file {} can't be read: {reason}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        #[source]
        reason: std::io::Error,
    },
    /// The file is too large to be a configuration.
    #[error("{} is larger than {limit} bytes: it is no configuration file", .file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The largest size that is read, in bytes.
        limit: u64,
    },
    /// The file is not text in UTF-8.
    #[error("{}:{at}: this is not UTF-8: save the file as UTF-8", .file.display())]
    NotUtf8 {
        /// The file.
        file: PathBuf,
        /// The first byte that is no UTF-8.
        at: Place,
    },
    /// The file holds nothing, or only comments.
    #[error("{} is empty: it should hold pg_conn and sources", .0.display())]
    Empty(PathBuf),
    /// It is a configuration of pg_chameleon 1.x.
    #[error(
        "{} is a configuration of pg_chameleon 1.x, for one MySQL schema. The upgrade reads the configuration of \
         pg_chameleon 2, which names all of them: chameleon-upgrade convert-config makes it of the old ones. Or write one \
         (chameleon-upgrade init-config makes an example), and give the source of this server the line {:?}: {:?} in its \
         schema_mappings",
        .file.display(),
        .pair.0,
        .pair.1
    )]
    Version1 {
        /// The file.
        file: PathBuf,
        /// `my_database` and `dest_schema`.
        pair: (String, String),
    },
    /// The text is not the YAML 1.1 that PyYAML reads, or holds a key twice.
    #[error("{}:{at}: {reason}", .file.display())]
    Yaml {
        /// The file.
        file: PathBuf,
        /// Where reading stopped.
        at: Place,
        /// What is wrong there, and what to do.
        reason: String,
    },
    /// A key is missing, or its value is not what it should be.
    #[error("{}:{at}: {key} {found}; expected {expected}", .file.display())]
    Value {
        /// The file.
        file: PathBuf,
        /// Where the value stands; of a missing key, where the mapping stands that should hold it.
        at: Place,
        /// The keys that lead to the value, with dots between them.
        key: String,
        /// What was found, as a predicate: "is missing", "is the text …".
        found: String,
        /// What was expected.
        expected: String,
    },
}

impl ConfigurationError {
    pub(super) fn from_yaml(file: PathBuf, error: YamlError) -> Self {
        Self::Yaml { file, at: error.at, reason: error.reason }
    }

    pub(super) fn from_problem(file: PathBuf, problem: Problem) -> Self {
        let Problem { at, key, found, expected } = problem;
        Self::Value { file, at, key, found, expected }
    }
}

/// A [`ConfigurationError::Value`] before the file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub at: Place,
    pub key: String,
    pub found: String,
    pub expected: String,
}

fn describe_available(available: &[String]) -> String {
    if available.is_empty() {
        return "the folder holds no configuration: chameleon-upgrade init-config makes an example"
            .to_owned();
    }
    let names: Vec<String> = available.iter().map(|name| format!("{name:?}")).collect();
    format!("those that exist: {}", names.join(", "))
}
