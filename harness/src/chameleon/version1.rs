//! pg_chameleon 1.8.2, which makes and runs the 1.7 catalogue: run as its users run it, a configuration for each source
//! in a home folder of its own.

use super::ChameleonError;
use super::barrier::{Commit, CommitBarrier};
use super::launcher::launched;
use crate::process::ProcessError;
use crate::process::group::{ProcessGroup, StartedProgram};
use crate::server::Database;
use crate::server::mysql::{self, MySqlServer};
use postgres::Client;
use secrecy::ExposeSecret;
use serde_json::json;
use std::ffi::OsStr;
use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(120);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What it writes at the end of each round of reading and replaying.
const END_OF_ROUND: &str = "batch complete. sleeping";

/// How far a source has come. A round that changes none of it has read nothing and replayed nothing.
const PROGRESS: &str = "
    SELECT format('%s %s %s', max(b.i_id_batch), count(*) FILTER (WHERE NOT b.b_replayed),
                  (SELECT count(*) FROM sch_chameleon.t_log_replica l
                   JOIN sch_chameleon.t_replica_batch USING (i_id_batch)
                   WHERE i_id_source = s.i_id_source))
    FROM sch_chameleon.t_sources s LEFT JOIN sch_chameleon.t_replica_batch b USING (i_id_source)
    WHERE s.t_source = $1
    GROUP BY s.i_id_source";

/// Reads a batch, and replays nothing of it.
const READ_BATCH: &str = "
import sys
from pg_chameleon import replica_engine
replica = replica_engine(sys.argv[1], False, False)
replica.pg_eng.set_source_id('running')
replica.my_eng.run_replica(replica.pg_eng)
replica.pg_eng.set_source_id('stopped')
";

/// pg_chameleon 1.8.2 with a home folder.
#[derive(Debug)]
pub struct Chameleon1<'a> {
    environment: &'a Path,
    processes: &'a ProcessGroup,
    home: PathBuf,
}

/// A source of the 1.7 catalogue.
#[derive(Debug, Clone, Copy)]
pub struct SourceSettings<'a> {
    /// `source_name`, and the name of its configuration.
    pub name: &'a str,
    /// `my_database`.
    pub schema: &'a str,
    /// `dest_schema`.
    pub dest_schema: &'a str,
    /// Its MySQL server.
    pub mysql: &'a MySqlServer,
    /// `my_server_id`, unlike that of any other replica of the server.
    pub server_id: u32,
    /// `replica_batch_size`: how many rows a batch takes.
    pub batch_size: u32,
    /// `batch_retention`: how long it keeps batches that were replayed.
    pub retention: &'a str,
}

impl<'a> Chameleon1<'a> {
    /// With an empty home folder.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn new(environment: &'a Path, processes: &'a ProcessGroup) -> Result<Self, ProcessError> {
        let home = processes.folder().join("home-of-1.8.2");
        fs::create_dir_all(home.join(".pg_chameleon/config"))
            .map_err(ProcessError::io(format!("create {}", home.display())))?;
        Ok(Self { environment, processes, home })
    }

    /// The home folder.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Writes the configuration of a source that goes to `database`.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn configure(&self, source: &SourceSettings<'_>, database: &Database) -> Result<(), ProcessError> {
        let address = database.address();
        let home = &self.home;
        // JSON is YAML too.
        let configuration = json!({
            "source_name": source.name,
            "my_database": source.schema,
            "dest_schema": source.dest_schema,
            "my_server_id": source.server_id,
            "my_charset": "utf8",
            "mysql_conn": {
                "host": source.mysql.host().to_string(), "port": mysql::PORT, "user": mysql::USER,
                "passwd": source.mysql.password().expose_secret(),
            },
            "pg_database": database.name(),
            "pg_charset": "utf8",
            "pg_conn": {
                "host": address.host, "port": address.port, "user": address.user,
                "password": address.password.expose_secret(),
            },
            "replica_batch_size": source.batch_size,
            "batch_retention": source.retention,
            "sleep_loop": 0,
            "pause_on_reindex": false,
            "sleep_on_reindex": 1,
            "reindex_app_names": [],
            "copy_mode": "file",
            "copy_max_memory": "300M",
            "out_dir": home,
            "tables_limit": null,
            "type_override": {"tinyint(1)": {"override_to": "boolean", "override_tables": ["*"]}},
            "hexify": ["blob", "tinyblob", "mediumblob", "longblob", "binary", "varbinary", "geometry"],
            "pid_dir": format!("{}/", home.display()),
            "log_dir": format!("{}/", home.display()),
            "log_level": "info",
            "log_dest": "stdout",
            "log_days_keep": 1,
        });
        let path = home.join(".pg_chameleon/config").join(format!("{}.yaml", source.name));
        fs::write(&path, format!("{configuration:#}"))
            .map_err(ProcessError::io(format!("write {}", path.display())))
    }

    /// Runs a command such as `init_replica` with a source's configuration, to its end.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it fails.
    pub fn run(&self, command: &str, source: &str, more: &[&str]) -> Result<String, ProcessError> {
        let arguments = [&[command, "--config", source], more].concat();
        self.processes.run(&title(&arguments), self.command(&arguments), COMMAND_TIMEOUT)
    }

    /// The same for a command that asks for YES.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it fails.
    pub fn run_with_yes(&self, command: &str, source: &str) -> Result<(), ProcessError> {
        let arguments = [command, "--config", source];
        let mut answer = tempfile::tempfile().map_err(ProcessError::io("create a file"))?;
        answer.write_all(b"YES\n").map_err(ProcessError::io("write a file"))?;
        answer.rewind().map_err(ProcessError::io("read a file from its beginning"))?;
        let mut command = self.command(&arguments);
        command.stdin(Stdio::from(answer));
        let mut running = self.processes.start(&title(&arguments), command)?;
        let status = running.wait(COMMAND_TIMEOUT)?;
        if status.success() { Ok(()) } else { Err(running.failure(&format!("ended with {status}"))) }
    }

    /// Reads a batch of what is new on MySQL, and replays nothing of it. A batch ends at the end of the binary log, at its
    /// size, or behind a DDL statement.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it fails.
    pub fn read_batch(&self, source: &str) -> Result<(), ProcessError> {
        let mut command = self.python();
        command.args(["-c", READ_BATCH, source]);
        self.processes.run(&title(&["read", source]), command, COMMAND_TIMEOUT).map(drop)
    }

    /// Starts the replica of a source.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn start(&self, source: &str) -> Result<Replica<'_>, ProcessError> {
        // A replica that was killed has left it behind; its administrator removes it.
        let _it_may_be_missing = fs::remove_file(self.file(source, "pid"));
        let arguments = ["start_replica", "--config", source];
        let running = self.processes.start(&title(&arguments), self.command(&arguments))?;
        Ok(Replica { chameleon: self, source: source.to_owned(), running })
    }

    fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = self.python();
        command.arg(self.environment.join("bin/chameleon.py")).args(arguments);
        command
    }

    fn python(&self) -> Command {
        let mut command = launched(self.environment);
        // The rows of the binary log come in the time zone of the process.
        command.current_dir(&self.home).env("HOME", &self.home).env("TZ", "UTC");
        command
    }

    fn file(&self, source: &str, extension: &str) -> PathBuf {
        self.home.join(format!("{source}.{extension}"))
    }
}

fn title(arguments: &[&str]) -> String {
    format!("pg_chameleon 1.8.2: {}", arguments.join(" "))
}

/// A running replica of 1.8.2.
#[derive(Debug)]
pub struct Replica<'a> {
    chameleon: &'a Chameleon1<'a>,
    source: String,
    running: StartedProgram,
}

impl Replica<'_> {
    /// Waits until it has read and replayed all that is on MySQL now.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it ends before that, or doesn't come to it.
    pub fn catch_up(&mut self, client: &mut Client) -> Result<(), ChameleonError> {
        let mut before = None;
        let source = self.source.clone();
        self.running.wait_until("a round without anything new", CATCH_UP_TIMEOUT, |running| {
            let rounds = running.output().matches(END_OF_ROUND).count();
            if rounds == 0 {
                return Ok(false);
            }
            let now = progress(client, &source)?;
            match &before {
                // The round that was under way and a whole one after it.
                Some((then, seen)) if *seen == now && rounds >= then + 2 => Ok(true),
                Some((_, seen)) if *seen == now => Ok(false),
                _ => {
                    before = Some((rounds, now));
                    Ok(false)
                }
            }
        })
    }

    /// Stops it in good order: its status is `stopped` afterwards.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it doesn't end.
    pub fn stop(mut self) -> Result<(), ProcessError> {
        // The command stop_replica writes this file, and then looks every five seconds whether the replica is gone.
        let file = self.chameleon.file(&self.source, "lock");
        fs::write(&file, "").map_err(ProcessError::io(format!("write {}", file.display())))?;
        let status = self.running.wait(STOP_TIMEOUT)?;
        fs::remove_file(&file).map_err(ProcessError::io(format!("remove {}", file.display())))?;
        if status.success() { Ok(()) } else { Err(self.running.failure(&format!("ended with {status}"))) }
    }

    /// Kills it: its status stays `running`, and its session is left.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn kill(mut self) -> Result<(), ProcessError> {
        self.running.kill()
    }

    /// Kills it when it is about to do `commit`.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it doesn't come to that.
    pub fn kill_before(
        mut self,
        commit: Commit,
        mut barrier: CommitBarrier<'_>,
    ) -> Result<(), ChameleonError> {
        let waiting_for = format!("the commit {commit:?}");
        self.running.wait_until(&waiting_for, CATCH_UP_TIMEOUT, |_| barrier.session_waits())?;
        self.running.kill()?;
        barrier.remove()
    }
}

fn progress(client: &mut Client, source: &str) -> Result<String, ChameleonError> {
    let row = client
        .query_one(PROGRESS, &[&source])
        .map_err(ChameleonError::sql(format!("look how far the source {source} has come")))?;
    Ok(row.get(0))
}
