//! What an administrator has at home: a folder with a configuration of pg_chameleon 2 in it.

use crate::process::scratch;
use crate::server::Address;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The name of the configuration that a home holds.
pub const CONFIGURATION: &str = "upgraded";

/// A source of a configuration of pg_chameleon 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredSource {
    /// Its name.
    pub name: String,
    /// `type`.
    pub kind: String,
    /// `schema_mappings`: the schema on MySQL and the one on PostgreSQL.
    pub mappings: Vec<(String, String)>,
    /// Further keys of the source.
    pub more: Vec<(String, Value)>,
}

impl ConfiguredSource {
    /// A MySQL source.
    #[must_use]
    pub fn mysql(name: &str, mappings: &[(&str, &str)]) -> Self {
        let mappings = mappings.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        Self { name: name.to_owned(), kind: "mysql".to_owned(), mappings, more: vec![] }
    }

    /// With one more key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.more.push((key.to_owned(), value.into()));
        self
    }

    /// As the example of pg_chameleon 2 has it, but for what every user must change: hosts, accounts, mappings, and
    /// the tables in its lists, which nobody has.
    fn settings(&self, server_id: usize) -> Value {
        let mappings: serde_json::Map<String, Value> =
            self.mappings.iter().map(|(from, to)| (from.clone(), to.clone().into())).collect();
        let mut settings = json!({
            "db_conn": {
                "host": "127.0.0.1", "port": "3306", "user": "usr_replica", "password": "replica",
                "charset": "utf8", "connect_timeout": 10,
            },
            "schema_mappings": mappings,
            "limit_tables": null,
            "skip_tables": null,
            "grant_select_to": ["usr_readonly"],
            "lock_timeout": "120s",
            "my_server_id": server_id,
            "replica_batch_size": 10000,
            "replay_max_rows": 10000,
            "batch_retention": "1 day",
            "copy_max_memory": "300M",
            "copy_mode": "file",
            "out_dir": "/tmp",
            "sleep_loop": 1,
            "on_error_replay": "continue",
            "on_error_read": "continue",
            "auto_maintenance": "disabled",
            "gtid_enable": false,
            "type": self.kind,
            "skip_events": {"insert": null, "delete": null, "update": null},
            "keep_existing_schema": false,
            "net_read_timeout": 600,
        });
        for (key, value) in &self.more {
            settings[key] = value.clone();
        }
        settings
    }
}

/// `my_server_id` of the example. A second source on the same server needs another.
const FIRST_SERVER_ID: usize = 100;

/// A configuration of pg_chameleon 2: the keys and values of the example that comes with it, which tests/configuration.rs
/// compares where it is installed. What its programs say goes to standard output, where it is read. JSON is YAML
/// too, so any name can be written safely.
#[must_use]
pub fn configuration(address: &Address, database: &str, sources: &[ConfiguredSource]) -> Value {
    let sources: serde_json::Map<String, Value> = sources
        .iter()
        .zip(FIRST_SERVER_ID..)
        .map(|(source, server_id)| (source.name.clone(), source.settings(server_id)))
        .collect();
    json!({
        "pid_dir": "~/.pg_chameleon/pid/", "log_dir": "~/.pg_chameleon/logs/", "log_dest": "stdout",
        "log_level": "info", "log_days_keep": 10, "rollbar_key": "", "rollbar_env": "",
        "type_override": {"tinyint(1)": {"override_to": "boolean", "override_tables": ["*"]}},
        "pg_conn": connection(address, database),
        "sources": sources,
        "fillfactor": {"30": {"tables": ["foo.bar"]}, "40": {"tables": ["foo.foobar"]}},
    })
}

fn connection(address: &Address, database: &str) -> Value {
    json!({
        "host": address.host, "port": address.port.to_string(), "user": address.user,
        "password": address.password.expose_secret(), "database": database, "charset": "utf8",
    })
}

/// What the configuration of a run says, but for how its database is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Configuration {
    /// These sources.
    Sources(Vec<ConfiguredSource>),
    /// This text, in which `${host}`, `${port}`, `${user}`, `${password}` and `${database}` stand for the database
    /// of the run.
    Text(String),
    /// A text whose connection has been taken out, from between these two.
    Around {
        /// What stands before it.
        before: String,
        /// What stands after it.
        after: String,
    },
}

impl Configuration {
    /// The configuration's text for a database.
    #[must_use]
    pub fn text(&self, address: &Address, database: &str) -> String {
        match self {
            Self::Sources(sources) => format!("{:#}", configuration(address, database, sources)),
            Self::Text(text) => text
                .replace("${host}", &address.host)
                .replace("${port}", &address.port.to_string())
                .replace("${user}", &address.user)
                .replace("${password}", address.password.expose_secret())
                .replace("${database}", database),
            Self::Around { before, after } => {
                format!("{before}{}{after}", connection(address, database))
            }
        }
    }

    /// The same with this lock timeout in every source; a text stays as it is.
    #[must_use]
    pub fn with_lock_timeout(&self, timeout: &str) -> Self {
        match self {
            Self::Sources(sources) => {
                let patient =
                    |source: &ConfiguredSource| source.more.iter().any(|(key, _)| key == LOCK_TIMEOUT);
                let with = |source: &ConfiguredSource| {
                    if patient(source) { source.clone() } else { source.clone().with(LOCK_TIMEOUT, timeout) }
                };
                Self::Sources(sources.iter().map(with).collect())
            }
            Self::Text(_) | Self::Around { .. } => self.clone(),
        }
    }
}

const LOCK_TIMEOUT: &str = "lock_timeout";

impl From<Vec<ConfiguredSource>> for Configuration {
    fn from(sources: Vec<ConfiguredSource>) -> Self {
        Self::Sources(sources)
    }
}

/// A home folder with `.pg_chameleon/configuration/upgraded.yml` in it, removed when it goes out of scope, or with the
/// program.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// Makes the folder and writes the configuration.
    ///
    /// # Errors
    /// What the system answers.
    pub fn new(configuration: &Value) -> io::Result<Self> {
        Self::with_text(&format!("{configuration:#}"))
    }

    /// Makes the folder within `parent` and writes the configuration.
    ///
    /// # Errors
    /// What the system answers.
    pub fn within(parent: &Path, configuration: &Value) -> io::Result<Self> {
        Self::make(parent, &format!("{configuration:#}"))
    }

    /// Makes the folder and writes `text` as the configuration, whatever it is.
    ///
    /// # Errors
    /// What the system answers.
    pub fn with_text(text: &str) -> io::Result<Self> {
        Self::make(&scratch::folder()?, text)
    }

    fn make(parent: &Path, text: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("chameleon-home-").tempdir_in(parent)?;
        let home = Self { folder };
        for folder in ["configuration", "logs", "pid"] {
            fs::create_dir_all(home.path().join(".pg_chameleon").join(folder))?;
        }
        fs::write(home.configuration(), text)?;
        Ok(home)
    }

    /// The configuration's file.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.path().join(".pg_chameleon/configuration").join(format!("{CONFIGURATION}.yml"))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}
