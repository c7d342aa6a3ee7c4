//! The real pg_chameleon 2.0.21: runs its commands on a database of the test's server.

use std::fs;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::process::Command;

use chameleon_harness::process::tools::{self, Missing};
use chameleon_harness::server::Database;
use libtest_mimic::Failed;
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// The command refuses root, which the account of a build container often is. It asks the interpreter who it runs
/// as; this answers in its place.
const LAUNCHER: &str = "
import os, runpy, sys
os.geteuid = lambda: 1000
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
";

/// pg_chameleon with a configuration of its own that has one source.
pub struct Chameleon {
    environment: PathBuf,
    home: TempDir,
    source: String,
}

/// Whether pg_chameleon 2.0.21 can be run here.
pub fn missing() -> Option<Missing> {
    tools::chameleon2().err()
}

impl Chameleon {
    /// Configures it for `database` and a source called `source`.
    pub fn on(database: &Database, source: &str) -> Result<Self, Failed> {
        let home = tempfile::Builder::new().prefix("chameleon-home-").tempdir()?;
        let folder = home.path().join(".pg_chameleon");
        for name in ["configuration", "logs", "pid"] {
            fs::create_dir_all(folder.join(name))?;
        }
        fs::write(folder.join("configuration/test.yml"), configuration(database, source)?)?;
        Ok(Self { environment: tools::chameleon2()?, home, source: source.to_owned() })
    }

    /// Creates the replica catalogue. The command fails, with exit code 0, when a source is named.
    pub fn create_replica_schema(&self) -> Result<String, Failed> {
        self.run(&["create_replica_schema"])
    }

    /// Runs `command` for the source and returns what it printed.
    pub fn run_for_source(&self, command: &str) -> Result<String, Failed> {
        self.run(&[command, "--source", &self.source])
    }

    /// Runs a command, with YES for an answer if it asks. Errors don't show in its exit code.
    fn run(&self, arguments: &[&str]) -> Result<String, Failed> {
        let mut answer = tempfile::tempfile()?;
        answer.write_all(b"YES\n")?;
        answer.rewind()?;
        let output = Command::new(self.environment.join("bin/python"))
            .args(["-W", "ignore", "-c", LAUNCHER])
            .arg(self.environment.join("bin/chameleon"))
            .args(arguments)
            .args(["--config", "test", "--debug"])
            .env("HOME", self.home.path())
            .current_dir(self.home.path())
            .stdin(answer)
            .output()?;
        let printed =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() && !printed.contains("Traceback") && !printed.contains("ERROR") {
            Ok(printed)
        } else {
            Err(format!("chameleon {arguments:?} failed:\n{printed}").into())
        }
    }
}

fn configuration(database: &Database, source: &str) -> Result<String, Failed> {
    let address = database.address();
    let configuration = serde_json::json!({
        "pid_dir": "~/.pg_chameleon/pid/",
        "log_dir": "~/.pg_chameleon/logs/",
        "log_dest": "stdout",
        "log_level": "info",
        "log_days_keep": 10,
        "rollbar_key": "",
        "rollbar_env": "",
        "type_override": {},
        "pg_conn": {
            "host": address.host,
            "port": address.port.to_string(),
            "user": address.user,
            "password": address.password.expose_secret(),
            "database": database.name(),
            "charset": "utf8",
        },
        "sources": {
            source: {
                "db_conn": {
                    "host": "127.0.0.1",
                    "port": "3306",
                    "user": "nobody",
                    "password": "",
                    "charset": "utf8",
                    "connect_timeout": 10,
                },
                "schema_mappings": { "mysql_a": "dest_a", "mysql_b": "dest_b" },
                "limit_tables": null,
                "skip_tables": null,
                "grant_select_to": null,
                "lock_timeout": "10s",
                "my_server_id": 100,
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
                "type": "mysql",
            },
        },
    });
    // Every JSON text is YAML.
    Ok(serde_json::to_string_pretty(&configuration)?)
}
