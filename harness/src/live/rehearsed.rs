//! A rehearsal of the replica as it is now, and how the real upgrade then holds to what it said.

use super::LiveError;
use super::run::LiveRun;
use super::scenario::Rehearse;
use crate::chameleon::sessions;
use crate::chameleon::version2::Chameleon2;
use crate::process::group::StartedProgram;
use crate::process::tools;
use crate::record::Record;
use crate::rehearsal::dump::Rows;
use crate::rehearsal::report::{Forecast, Range, RehearsalReport, StepName};
use crate::rehearsal::{self, Daemon, From, Rehearsal, Told, tables};
use crate::replica::upgrader::Upgrader;
use crate::server::Kind;
use chameleon_upgrade::config::Configuration;
use mysql::prelude::Queryable;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a daemon may run, where it does not catch up before.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a session of a daemon may outlive it on MySQL.
const GOING: Duration = Duration::from_secs(10);
/// How long a rehearsal may take whose MySQL answers nothing any more.
const UNANSWERED: Duration = Duration::from_secs(240);
/// The exit code of a verdict that says so.
const NO_GO: i32 = 1;
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Names a file for the report of each rehearsal; the last one stays.
const KEPT: &str = "CHAMELEON_KEEP_REHEARSAL";
/// Of replicas, which read the binary log.
const REPLICAS: &str =
    "SELECT count(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'";

/// How many there were, and one of those that write.
const STATEMENTS: &str = "
    SELECT count(*), max(CASE WHEN argument REGEXP '^[[:space:]]*(insert|update|delete|replace|create|alter|drop|truncate|rename|grant|lock|flush)'
                              THEN argument END)
    FROM mysql.general_log WHERE command_type IN ('Query', 'Execute', 'Prepare')";

/// How the program comes to its end.
#[derive(Debug, Clone, Copy)]
enum End {
    Interrupted,
    Killed,
    WithoutMySql,
}

impl<'a> LiveRun<'a> {
    pub(super) fn rehearse(&mut self, rehearse: &'a Rehearse) -> Result<(), LiveError> {
        let upgraded = rehearse.upgraded.as_ref().unwrap_or(&self.scenario.upgraded);
        let value = self.configuration(upgraded, &rehearse.with)?;
        // As a file that is written by hand has it.
        let text = yaml_serde::to_string(&value).map_err(|error| LiveError::Scenario(error.to_string()))?;
        let folder = self.processes.folder().join("rehearsed");
        let file = folder.join("production.yml");
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, &text))
            .map_err(LiveError::io("write a configuration"))?;
        let wrong = |error: &dyn std::error::Error| LiveError::Scenario(error.to_string());
        let chameleon2 = if rehearse.earlier_daemon {
            tools::chameleon2_earlier().map_err(|error| wrong(&error))?
        } else {
            self.programs.chameleon2.clone()
        };
        let rehearsal = Rehearsal {
            from: From::Production(if rehearse.with_data { Rows::All } else { Rows::Waiting }),
            configuration: rehearsal::configuration::of(&file).map_err(|error| wrong(&error))?,
            of_production: Configuration::load(&file.display().to_string(), &folder)
                .map_err(|error| wrong(&error))?,
            server: Kind::default(),
            upgrader: self.upgrader().clone(),
            offline: rehearse.offline,
            daemon: Daemon::Program { named: Some(chameleon2.join("bin/chameleon")), longest: LONGEST },
            accept: rehearse.accept.clone(),
            faults: rehearse.faults.iter().filter_map(|fault| fault.parse().ok()).collect(),
            spread: crate::sweep::Spread::InTurn,
            only: vec![],
            jobs: 2,
            repeat: "chameleon-harness rehearse".to_owned(),
        };
        let before = self.record()?;
        for step in &rehearse.ended_in {
            self.ended_in(step, &file, End::Interrupted)?;
            self.ended_in(step, &file, End::Killed)?;
        }
        for step in &rehearse.mysql_hangs_in {
            self.ended_in(step, &file, End::WithoutMySql)?;
        }
        for mysql in self.mysql_servers() {
            mysql.run(None, "SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON")?;
        }
        let rehearsed = rehearsal
            .run(&Told { step: &|_| {}, runs: &|_, _| {} })
            .map_err(|error| LiveError::Findings(vec![format!("there was no rehearsal: {error}")]))?;
        if let Some(file) = std::env::var_os(KEPT) {
            fs::write(file, format!("{:#}", serde_json::json!(rehearsed)))
                .map_err(LiveError::io("keep the report of a rehearsal"))?;
        }
        let mut wrong = shown(rehearse, &rehearsed);
        if before != self.record()? {
            wrong.push("production is not what it was".to_owned());
        }
        wrong.extend(self.replicas_left()?);
        wrong.extend(self.written_on_mysql()?);
        if rehearse.upgrades {
            wrong.extend(self.holds_to(&rehearsed)?);
        }
        if wrong.is_empty() { Ok(()) } else { Err(LiveError::Findings(wrong)) }
    }

    /// The program itself, which ends in this step or because of what happens in it: nothing of it is left.
    fn ended_in(&mut self, step: &str, configuration: &Path, end: End) -> Result<(), LiveError> {
        let places = tempfile::tempdir_in(self.processes.folder()).map_err(LiveError::io("make a folder"))?;
        let Upgrader::Ours { program, .. } = self.upgrader() else { return Ok(()) };
        let mut command = Command::new(program.with_file_name("chameleon-harness"));
        command.args(["rehearse", "--sweep", "none", "--config"]).arg(configuration);
        command.arg("--daemon").arg(self.programs.chameleon2.join("bin/chameleon"));
        command.arg("--upgrader").arg(program).env("TMPDIR", places.path()).stdin(Stdio::null());
        // The folder that a server of another account can come to.
        fs::set_permissions(places.path(), Permissions::from_mode(0o777))
            .map_err(LiveError::io("open a folder"))?;
        let mut running = self.processes.start("chameleon-harness rehearse", command)?;
        let begun = format!("{step} …");
        let seen = |program: &StartedProgram| Ok::<_, LiveError>(program.output().contains(&begun));
        running.wait_until(&begun, LONGEST, seen)?;
        // In the middle of it.
        sleep(Duration::from_secs(1));
        match end {
            End::Killed => running.kill()?,
            End::Interrupted => {
                running.interrupt();
                running.wait(GOING)?;
            }
            End::WithoutMySql => self.ends_without_mysql(&mut running)?,
        }
        let deadline = Instant::now() + GOING * 3;
        loop {
            let left = self.left_behind(places.path())?;
            match left {
                None => return Ok(()),
                Some(left) if Instant::now() > deadline => {
                    let what = format!("{end:?} in the step {step} it leaves {left}");
                    return Err(LiveError::Findings(vec![what]));
                }
                Some(_) => sleep(POLL_INTERVAL),
            }
        }
    }

    /// The servers are there again afterwards.
    fn ends_without_mysql(&self, running: &mut StartedProgram) -> Result<(), LiveError> {
        for mysql in self.mysql_servers() {
            mysql.freeze();
        }
        let ended = running.wait(UNANSWERED);
        for mysql in self.mysql_servers() {
            mysql.thaw();
        }
        let output = running.output();
        if ended?.code() == Some(NO_GO) && output.contains("No go") {
            return Ok(());
        }
        Err(LiveError::Findings(vec![format!("without MySQL it is no no go: {output}")]))
    }

    /// A file, a process, a session on either server.
    fn left_behind(&mut self, places: &Path) -> Result<Option<String>, LiveError> {
        if let Some(file) =
            fs::read_dir(places).map_err(LiveError::io("look into a folder"))?.flatten().next()
        {
            return Ok(Some(file.path().display().to_string()));
        }
        let of_it = places.display().to_string();
        for process in fs::read_dir("/proc").map_err(LiveError::io("look at processes"))?.flatten() {
            for file in ["cmdline", "environ"] {
                let text = fs::read(process.path().join(file)).unwrap_or_default();
                if String::from_utf8_lossy(&text).contains(&of_it) {
                    let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
                    return Ok(Some(format!("a process: {}", String::from_utf8_lossy(&command))));
                }
            }
        }
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                        AND backend_type = 'client backend'";
        let sessions = self.client.query_one(sessions, &[]).map_err(LiveError::sql("look for sessions"))?;
        if sessions.get::<_, i64>(0) > 0 {
            return Ok(Some("a session on production".to_owned()));
        }
        for mysql in self.mysql_servers() {
            let left: Option<u64> =
                mysql.connect(None)?.query_first(REPLICAS).map_err(LiveError::mysql("look for replicas"))?;
            if left.unwrap_or_default() > 0 {
                return Ok(Some("a replica on MySQL".to_owned()));
            }
        }
        Ok(None)
    }

    fn record(&mut self) -> Result<Record, LiveError> {
        Record::of_database(&mut self.client).map_err(LiveError::sql("record production"))
    }

    /// Nothing of ours reads MySQL's log any more.
    fn replicas_left(&self) -> Result<Option<String>, LiveError> {
        let deadline = Instant::now() + GOING;
        for mysql in self.mysql_servers() {
            let mut session = mysql.connect(None)?;
            loop {
                let left: Option<u64> =
                    session.query_first(REPLICAS).map_err(LiveError::mysql("look for replicas"))?;
                match left {
                    Some(0) | None => break,
                    Some(left) if Instant::now() > deadline => {
                        return Ok(Some(format!("{left} replicas still read MySQL's log")));
                    }
                    Some(_) => sleep(POLL_INTERVAL),
                }
            }
        }
        Ok(None)
    }

    /// By MySQL's own list of statements.
    fn written_on_mysql(&self) -> Result<Vec<String>, LiveError> {
        let mut wrong = Vec::new();
        for mysql in self.mysql_servers() {
            mysql.run(None, "SET GLOBAL general_log = OFF")?;
            let mut session = mysql.connect(None)?;
            let asked = |error| LiveError::mysql("read what was asked")(error);
            let (all, written): (u64, Option<String>) =
                session.query_first(STATEMENTS).map_err(asked)?.unwrap_or_default();
            if all == 0 {
                wrong.push("nothing was asked of MySQL".to_owned());
            }
            wrong.extend(written.map(|written| format!("MySQL was written to: {written}")));
            mysql.run(None, "TRUNCATE mysql.general_log")?;
        }
        Ok(wrong)
    }

    /// The real upgrade, with the same outcome and the same coordinates; then the daemons.
    fn holds_to(&mut self, rehearsed: &RehearsalReport) -> Result<Vec<String>, LiveError> {
        let began = Instant::now();
        self.upgrade(&super::scenario::Upgrade::default())?;
        let upgrade = began.elapsed().as_secs_f64();
        let mut wrong = Vec::new();
        let tables = tables::read(&mut self.client).map_err(LiveError::sql("read the tables"))?;
        if tables != rehearsed.tables {
            wrong.push(format!("the tables are {tables:?}, and were to be {:?}", rehearsed.tables));
        }
        let daemons = self.daemons_begin()?;
        match &rehearsed.forecast {
            Some(forecast) => show_stand_still(forecast, upgrade, daemons),
            None => wrong.push("there is no forecast".to_owned()),
        }
        Ok(wrong)
    }

    /// How long the daemons of all sources take, as they are in service, until they are connected to PostgreSQL, in seconds.
    fn daemons_begin(&mut self) -> Result<f64, LiveError> {
        let home = self.home(&self.scenario.upgraded)?;
        let chameleon2 = Chameleon2::new(&self.programs.chameleon2, self.processes, &home);
        let began = Instant::now();
        let mut daemons = Vec::new();
        for source in self.scenario.upgraded.keys() {
            daemons.push((source, chameleon2.start_in_service(source, true)?));
        }
        let sources = daemons.len();
        let has_ended =
            || Ok(daemons.iter_mut().any(|(_, daemon)| daemon.ended().is_ok_and(|it| it.is_some())));
        let have_begun = sessions::of_daemons_begin(&mut self.client, sources, has_ended)
            .map_err(LiveError::sql("look for the sessions of daemons"))?;
        let seconds = began.elapsed().as_secs_f64();
        for (source, mut daemon) in daemons {
            if have_begun {
                // A source is found consistent when the batch after the one that passed its point has been read.
                self.catch_up(source, &mut daemon)?;
                self.catch_up(source, &mut daemon)?;
                self.come_to_rest(source, &mut daemon)?;
            }
            self.ended(Some(daemon), &chameleon2, source)?;
        }
        if have_begun {
            return Ok(seconds);
        }
        Err(LiveError::Findings(vec!["the daemons have not come to PostgreSQL".to_owned()]))
    }
}

/// It is judged by nobody: this machine does other things too.
fn show_stand_still(forecast: &Forecast, upgrade: f64, daemons: f64) {
    let shown = |Range { low, likely, high }: &Range| format!("{likely:.2} s ({low:.2} to {high:.2})");
    let it_was = upgrade + daemons;
    println!(
        "stand-still: {} by the forecast; it was {it_was:.2} s, {:+.0} %: upgrade {upgrade:.2}, daemons {daemons:.2}",
        shown(&forecast.total),
        (it_was / forecast.total.likely - 1.0) * 100.0
    );
    let parts = forecast.parts.iter().map(|it| format!("{} {}", it.part, shown(&it.seconds)));
    println!("    {}", parts.collect::<Vec<_>>().join(", "));
}

/// In what it is not what it was to be.
fn shown(rehearse: &Rehearse, rehearsed: &RehearsalReport) -> Vec<String> {
    let mut wrong = Vec::new();
    let verdict = serde_json::json!(rehearsed.verdict);
    if verdict != rehearse.verdict.as_str() {
        wrong.push(format!("the verdict was to be {}, and is {verdict}", rehearse.verdict));
    }
    let text = format!(
        "{:#}",
        serde_json::json!({
            "because": rehearsed.because, "findings": rehearsed.findings, "steps": rehearsed.steps,
        })
    );
    let missing = rehearse.says.iter().filter(|said| !text.contains(*said));
    wrong.extend(missing.map(|said| format!("{said:?} was not said")));
    let told = rehearse.silent.iter().filter(|said| text.contains(*said));
    wrong.extend(told.map(|said| format!("{said:?} was said")));
    let daemon = rehearsed.steps.iter().any(|it| it.step == StepName::Daemon);
    if daemon && rehearsed.daemons.iter().any(|it| it.server_id < 3_000_000_000) {
        wrong.push("a daemon had a server id of somebody's".to_owned());
    }
    if !wrong.is_empty() {
        let daemons = serde_json::json!(rehearsed.daemons);
        let output = rehearsed.upgrade.as_ref().map(|it| it.output.as_str()).unwrap_or_default();
        wrong.push(format!("all of it: {text}\n{daemons:#}\n{output}"));
    }
    wrong
}
