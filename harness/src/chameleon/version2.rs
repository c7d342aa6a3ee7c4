//! pg_chameleon 2.0.21: the daemon that must run on our result, and the original upgrade.

use super::barrier::{Commit, CommitBarrier};
use super::home::{CONFIGURATION, Home};
use super::launcher::launched;
use super::{ChameleonError, sessions};
use crate::process::ProcessError;
use crate::process::group::{ProcessGroup, StartedProgram};
use postgres::Client;
use std::ffi::OsStr;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What it writes when it is stopped by a signal, and only then.
const CAUGHT_THE_SIGNAL: &str = "Caught stop replica signal";

/// The place at which it then fails when the signal found it connecting to PostgreSQL, or disconnecting: the handler of
/// the signal sets the status by the same connection.
const HANDLER: &str = "in terminate_replica";

/// Reads what is new, as its reading process does in each round, until it has listed a batch; and applies nothing of it. A
/// round may close a batch without rows.
const READ_BATCH: &str = "
import argparse
import sys
from pg_chameleon import replica_engine
every = dict.fromkeys(['schema', 'tables', 'logid'], '*')
engine = replica_engine(argparse.Namespace(
    command='start_replica', config=sys.argv[1], source=sys.argv[2], debug=True, full=False, rollbar_level='info', **every))
engine.pg_engine.connect_db()
engine.pg_engine.set_source_id()
engine.pg_engine.clean_not_processed_batches()
engine.mysql_source.keep_existing_schema = False
engine.mysql_source.gtid_enable = engine.config['sources'][sys.argv[2]].get('gtid_enable', False)

def listed():
    engine.pg_engine.connect_db()
    engine.pg_engine.pgsql_cur.execute('SELECT count(*) FROM sch_chameleon.t_batch_events')
    return engine.pg_engine.pgsql_cur.fetchone()[0]

before = listed()
for _ in range(20):
    engine.mysql_source.read_replica()
    if listed() > before:
        break
else:
    sys.exit('there is nothing to read')
engine.pg_engine.set_source_status('stopped')
";

/// pg_chameleon 2.0.21 with a home folder and its configuration.
#[derive(Debug)]
pub struct Chameleon2<'a> {
    environment: &'a Path,
    processes: &'a ProcessGroup,
    home: &'a Home,
}

impl<'a> Chameleon2<'a> {
    /// With the configuration of `home`.
    #[must_use]
    pub fn new(environment: &'a Path, processes: &'a ProcessGroup, home: &'a Home) -> Self {
        Self { environment, processes, home }
    }

    /// Runs a command such as `show_status` to its end, and returns what it says.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it fails.
    pub fn run(&self, command: &str, more: &[&str]) -> Result<String, ProcessError> {
        let arguments = [&[command, "--config", CONFIGURATION], more].concat();
        self.processes.run(&title(&arguments), self.command(&arguments), COMMAND_TIMEOUT)
    }

    /// Starts its own upgrade, `upgrade_replica_schema`, and answers YES.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn upgrade(&self) -> Result<StartedProgram, ProcessError> {
        let arguments = ["upgrade_replica_schema", "--config", CONFIGURATION];
        let mut answer = tempfile::tempfile().map_err(ProcessError::io("create a file"))?;
        answer.write_all(b"YES\n").map_err(ProcessError::io("write a file"))?;
        answer.rewind().map_err(ProcessError::io("read a file from its beginning"))?;
        let mut command = self.command(&arguments);
        command.stdin(Stdio::from(answer));
        self.processes.start(&title(&arguments), command)
    }

    /// Starts the replica daemon of a source in the foreground.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn start(&self, source: &str) -> Result<StartedProgram, ProcessError> {
        let arguments = ["start_replica", "--config", CONFIGURATION, "--source", source, "--debug"];
        let mut command = self.command(&arguments);
        command.stdin(Stdio::null());
        self.processes.start(&title(&arguments), command)
    }

    /// Starts the replica daemon of a source as it is in service: with its log in a file, and the status `error` when it ends by
    /// itself. It only stays in the foreground, so that it doesn't outlive the tests. `as_it_is`: nothing is answered for it.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn start_in_service(&self, source: &str, as_it_is: bool) -> Result<StartedProgram, ProcessError> {
        let arguments = ["start_replica", "--config", CONFIGURATION, "--source", source];
        let mut command = self.command(&arguments);
        command.stdin(Stdio::null()).env("LAUNCHED_IN_THE_FOREGROUND", "1");
        if as_it_is {
            command.env("LAUNCHED_AS_IT_IS", "1").env_remove("SSL_CERT_FILE");
        }
        self.processes.start(&title(&arguments), command)
    }

    /// Reads a batch of what is new on MySQL for a source, and applies nothing of it.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it fails.
    pub fn read_batch(&self, source: &str) -> Result<(), ProcessError> {
        let mut command = python(self.environment, self.home);
        command.args(["-c", READ_BATCH, CONFIGURATION, source]);
        self.processes.run(&title(&["read", source]), command, COMMAND_TIMEOUT).map(drop)
    }

    /// Starts the daemon of a source, and kills it when it is about to do `commit`.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it doesn't come to that.
    pub fn kill_before(
        &self,
        source: &str,
        commit: Commit,
        mut barrier: CommitBarrier<'_>,
    ) -> Result<(), ChameleonError> {
        let mut daemon = self.start(source)?;
        let waiting_for = format!("the commit {commit:?}");
        daemon.wait_until(&waiting_for, COMMAND_TIMEOUT, |_| barrier.session_waits())?;
        daemon.kill()?;
        barrier.remove()
    }

    /// Stops the daemons of these sources in good order: the statuses of the sources are `stopped` afterwards.
    ///
    /// A daemon connects to PostgreSQL anew in every round. When ctrl-C finds it in the middle of that, its handler of the
    /// signal has no cursor to set the status with, and dies of it: the status stays at running. What its administrator
    /// does then is done here: `enable_replica`. Nothing else is taken for that event than what it says.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when one doesn't end, or ended otherwise.
    pub fn stop(
        &self,
        daemons: Vec<(&str, StartedProgram)>,
        client: &mut Client,
    ) -> Result<(), ChameleonError> {
        // SIGTERM would end the parents alone.
        daemons.iter().for_each(|(_, daemon)| daemon.interrupt());
        let mut ended = Vec::new();
        for (source, mut daemon) in daemons {
            let status = daemon.wait(STOP_TIMEOUT)?;
            if !daemon.output().contains(CAUGHT_THE_SIGNAL) {
                return Err(daemon.failure("ended without having been stopped").into());
            }
            ended.push((source, daemon, status));
        }
        sessions::wait_for_the_end(client)?;
        for (source, daemon, status) in ended {
            if status.success() {
                continue;
            }
            if !failed_in_its_handler(&daemon.output()) {
                return Err(daemon.failure(&format!("ended with {status} when it was stopped")).into());
            }
            self.enable_replica(source)?;
        }
        Ok(())
    }

    /// `enable_replica` for a source whose daemon has ended and left its status at running.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] when it fails.
    pub fn enable_replica(&self, source: &str) -> Result<(), ProcessError> {
        self.run("enable_replica", &["--source", source]).map(drop)
    }

    fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        command(self.environment, self.home, arguments)
    }
}

/// pg_chameleon 2.0.21 with these arguments and the home's configuration.
pub(crate) fn command(environment: &Path, home: &Home, arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = python(environment, home);
    command.arg(environment.join("bin/chameleon")).args(arguments);
    command
}

/// Its Python, with the home's configuration.
fn python(environment: &Path, home: &Home) -> Command {
    let mut command = launched(environment);
    command.current_dir(home.path()).env("HOME", home.path()).env("TZ", "UTC");
    command
}

/// Whether nothing went wrong before the signal, and then the handler did not come to its end.
fn failed_in_its_handler(output: &str) -> bool {
    output
        .split_once(CAUGHT_THE_SIGNAL)
        .is_some_and(|(before, after)| !before.contains("Traceback") && after.contains(HANDLER))
}

fn title(arguments: &[&str]) -> String {
    format!("pg_chameleon 2.0.21: {}", arguments.join(" "))
}
