//! The two servers that a replica may read from, MariaDB and Oracle's MySQL: where each is found, how it is started as
//! a source, and the data folder that every server of its kind starts on a copy of.
//!
//! Making a data folder takes seconds, so it is done once and kept under the checkout's target folder.

use crate::process::tools::{self, Missing};
use crate::server::ServerError;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MySqlKind {
    /// MariaDB.
    MariaDb,
    /// Oracle's.
    MySql,
}

impl MySqlKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::MariaDb, Self::MySql];

    /// As scenarios and tests write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
        }
    }

    /// As its users write it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        }
    }

    /// What has to be done on a new server: MySQL 9.7 has MD5 in a component only, which 2.0.21 calls when it copies a
    /// table.
    pub(super) fn first_statement(self) -> &'static str {
        match self {
            Self::MariaDb => "",
            Self::MySql => "INSTALL COMPONENT 'file://component_classic_hashing';\n",
        }
    }

    /// The statement that is answered with the place in the binary log. MySQL 8.4 has taken the older one away.
    pub(super) fn where_it_writes(self) -> &'static str {
        match self {
            Self::MariaDb => "SHOW MASTER STATUS",
            Self::MySql => "SHOW BINARY LOG STATUS",
        }
    }
}

impl fmt::Display for MySqlKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// As a source of a replica must be. What it holds may be lost with the machine.
const AS_A_SOURCE: [&str; 11] = [
    "--no-defaults",
    "--server-id=1",
    "--log-bin=mysql-bin",
    "--binlog-format=ROW",
    "--binlog-row-image=FULL",
    // mysql-replication 1.0, which 2.0.21 brings, needs the names of the columns.
    "--binlog-row-metadata=FULL",
    "--character-set-server=utf8mb4",
    "--default-time-zone=+00:00",
    "--skip-name-resolve",
    "--innodb-flush-log-at-trx-commit=0",
    "--sync-binlog=0",
];

/// What makes a MariaDB small and quick.
const MARIADB_SETTINGS: [&str; 8] = [
    // Both versions of pg_chameleon take their place in the log from the events of a transaction, which 11.4 and later leave out.
    "--loose-binlog-legacy-event-pos=ON",
    "--skip-external-locking",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=4M",
    "--skip-innodb-doublewrite",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=1M",
];

/// The same for a MySQL, and nothing beside its port and its folder.
const MYSQL_SETTINGS: [&str; 9] = [
    // Without the NO_ZERO_DATE of its default, with which 1.8.2 copies no row of a table with dates, in silence.
    "--sql-mode=STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=32M",
    "--innodb-redo-log-capacity=8M",
    "--innodb-doublewrite=OFF",
    "--innodb-log-writer-threads=OFF",
    "--innodb-fast-shutdown=2",
    "--mysqlx=0",
    "--secure-file-priv=NULL",
];

/// A server that is installed here.
#[derive(Debug, Clone)]
pub struct MySqlSoftware {
    kind: MySqlKind,
    program: PathBuf,
}

impl MySqlSoftware {
    /// Finds it.
    ///
    /// # Errors
    /// [`Missing`] when it isn't there, with how to get it.
    pub fn find(kind: MySqlKind) -> Result<Self, Missing> {
        let program = match kind {
            MySqlKind::MariaDb => tools::mariadbd()?,
            MySqlKind::MySql => tools::mysqld()?,
        };
        // It is run in another folder.
        let program = program.canonicalize().unwrap_or(program);
        Ok(Self { kind, program })
    }

    /// Which of the two it is.
    #[must_use]
    pub fn kind(&self) -> MySqlKind {
        self.kind
    }

    /// The server.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Its options as a source of a replica.
    pub(super) fn options(&self) -> Vec<String> {
        let settings: &[&str] = match self.kind {
            MySqlKind::MariaDb => &MARIADB_SETTINGS,
            MySqlKind::MySql => &MYSQL_SETTINGS,
        };
        let mut options: Vec<_> =
            AS_A_SOURCE.iter().chain(settings).map(|option| (*option).to_owned()).collect();
        if self.kind == MySqlKind::MySql {
            options.extend(self.folders());
        }
        options
    }

    /// Where a MySQL that isn't installed in the system finds its own files, and that root may run it.
    fn folders(&self) -> Vec<String> {
        let folder = self.program.ancestors().nth(2).unwrap_or(Path::new("/")).display();
        let mut options = vec![
            format!("--basedir={folder}"),
            format!("--plugin-dir={folder}/plugin"),
            format!("--lc-messages-dir={folder}/share"),
            format!("--character-sets-dir={folder}/share/charsets"),
        ];
        if rustix::process::geteuid().is_root() {
            options.push("--user=root".to_owned());
        }
        options
    }

    /// The folder that servers with these options are copied from, made at its first use.
    pub(super) fn template(&self, options: &[String]) -> Result<PathBuf, ServerError> {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        let lasting = options.iter().find(|option| self.is_lasting(option));
        let suffix = lasting.map(|option| option.replace(['=', '-'], "")).unwrap_or_default();
        let template = target.join(format!("{}-{}{suffix}", self.kind.name(), self.version()?));
        if template.is_dir() {
            return Ok(template);
        }
        let new = tempfile::Builder::new()
            .prefix(&format!("{}-new-", self.kind.name()))
            .tempdir_in(&target)
            .map_err(ServerError::io(format!("create a folder in {}", target.display())))?;
        let data = new.path().join("data");
        let mut command = match self.kind {
            MySqlKind::MariaDb => self.mariadb_install_db(&data)?,
            MySqlKind::MySql => self.mysql_initialize(&data),
        };
        command.args(lasting);
        self.install(&mut command)?;
        if self.kind == MySqlKind::MySql {
            // It holds the identity of the server, of which each is to have its own.
            let identity = data.join("auto.cnf");
            fs::remove_file(&identity).map_err(ServerError::io(format!("remove {}", identity.display())))?;
        }
        match fs::rename(&data, &template) {
            // Another run was quicker.
            Err(_) if template.is_dir() => Ok(template),
            Err(error) => Err(ServerError::io(format!("create {}", template.display()))(error)),
            Ok(()) => Ok(template),
        }
    }

    /// Whether a data folder is made with an option once and for all.
    fn is_lasting(&self, option: &str) -> bool {
        self.kind == MySqlKind::MySql && option.starts_with("--lower-case-table-names")
    }

    fn mariadb_install_db(&self, data: &Path) -> Result<Command, ServerError> {
        let program = tools::on_path("mariadb-install-db").ok_or_else(|| {
            ServerError::Impossible(format!(
                "{} is installed without mariadb-install-db: install the whole package mariadb-server",
                self.program.display()
            ))
        })?;
        let mut command = Command::new(program);
        command.arg("--no-defaults").arg(format!("--datadir={}", data.display())).args([
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--innodb-log-file-size=4M",
        ]);
        if rustix::process::geteuid().is_root() {
            command.arg("--user=root");
        }
        Ok(command)
    }

    fn mysql_initialize(&self, data: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--no-defaults", "--initialize-insecure", "--secure-file-priv=NULL"])
            .args(["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF"])
            .args(self.folders())
            .arg(format!("--datadir={}", data.display()));
        command
    }

    fn install(&self, command: &mut Command) -> Result<(), ServerError> {
        let output =
            command.output().map_err(ServerError::io(format!("make a data folder of {}", self.kind)))?;
        if output.status.success() {
            return Ok(());
        }
        Err(ServerError::NotStarted {
            server: self.kind.title(),
            what: "its data folder could not be made".to_owned(),
            log: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        })
    }

    /// `10.11.19-MariaDB-0+deb12u1` of `mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (…)`.
    fn version(&self) -> Result<String, ServerError> {
        let output = Command::new(&self.program)
            .args(["--no-defaults", "--version"])
            .output()
            .map_err(ServerError::io(format!("run {}", self.program.display())))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_once(" Ver ").and_then(|(_, rest)| rest.split_ascii_whitespace().next());
        version.map(str::to_owned).ok_or_else(|| {
            ServerError::Impossible(format!(
                "{} --version doesn't say which one it is: {text}",
                self.program.display()
            ))
        })
    }
}
