//! The real daemon of pg_chameleon 2 on the upgraded copy: it reads production's MySQL as a replica under a server id of its
//! own, and writes to the copy alone. What would end it on the day ends it here. How it fares is what `watch` says.

use super::program::Program;
use super::report::{DaemonRun, StepFinding, StepName};
use crate::chameleon::home::{CONFIGURATION, Configuration, Home};
use crate::chameleon::launcher::launched_as_it_is;
use crate::chameleon::{ChameleonError, sessions};
use crate::process::ProcessError;
use crate::process::group::{ProcessGroup, StartedProgram};
use crate::process::running;
use crate::replica::Replica;
use crate::replica::report::{Finding, Severity};
use crate::replica::upgrader::Upgrader;
use crate::server::ServerError;
use chameleon_upgrade::daemon::installed;
use chameleon_upgrade::watch::deaths;
use rand::RngExt;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Server ids from here on are those of nobody: who gives them by hand begins at 1, and programs that draw one have the same
/// 32 bits to draw from.
const SERVER_IDS: std::ops::Range<u32> = 3_000_000_000..4_000_000_000;
/// Its parent looks every ten rounds whether its processes live, and rounds are a second here: who lives for so long has read
/// and applied.
const SETTLED: Duration = Duration::from_secs(15);
/// A daemon that is down for so long is not only being started.
const DOWN: Duration = Duration::from_secs(16);
/// How long it may take to end.
const ENDING: Duration = Duration::from_secs(30);
/// How long Python may take to read the configuration.
const READING: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How much of its log is kept.
const KEPT_LINES: usize = 60;

/// The daemons of all sources that can be started.
pub struct Daemons<'a> {
    /// The pg_chameleon 2.
    pub program: &'a Program,
    /// Whose `watch` looks at them.
    pub upgrader: &'a Upgrader,
    /// The configuration of the copy.
    pub configuration: &'a Configuration,
    /// The sources.
    pub sources: Vec<String>,
    /// For how long they run, where they don't catch up before.
    pub longest: Duration,
}

/// What was seen of them.
#[derive(Debug, Default)]
pub struct Seen {
    /// Each.
    pub runs: Vec<DaemonRun>,
    /// What `watch` found in the end.
    pub findings: Vec<StepFinding>,
    /// How long it took until all were connected to PostgreSQL.
    pub connected_after: Option<f64>,
}

/// Why they were not run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A process.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The copy's server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A session on the copy.
    #[error(transparent)]
    Chameleon(#[from] ChameleonError),
    /// A statement on the copy.
    #[error("looking at the copy: {}", crate::server::in_full(.0))]
    Sql(#[from] postgres::Error),
    /// The system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The daemon's Python can't read the configuration.
    #[error("the Python of pg_chameleon can't read the configuration: {0}")]
    Configuration(String),
}

/// One look of `watch`.
#[derive(Debug, Clone, Deserialize)]
struct Look {
    sources: Vec<SourceSeen>,
    findings: Vec<Finding>,
}

#[derive(Debug, Clone, Deserialize)]
struct SourceSeen {
    source: String,
    health: Health,
    sessions: u64,
    reads_on: Option<String>,
    seconds_behind: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    CaughtUp,
    Behind,
    Ailing,
    Down,
}

/// Daemons at work, with all that is needed to end them.
pub struct AtWork {
    home: Home,
    processes: ProcessGroup,
    began: Instant,
    started: Vec<(String, StartedProgram)>,
}

impl Daemons<'_> {
    /// Runs them until all have caught up, or the time is over; `meanwhile` is done before they are stopped.
    ///
    /// # Errors
    /// [`DaemonError`]; a daemon that ends by itself is a finding.
    pub fn run(&self, replica: &Replica, meanwhile: &mut dyn FnMut(&Home)) -> Result<Seen, DaemonError> {
        let ids = self.server_ids();
        let mut at_work = self.start(replica, &ids)?;
        let began = at_work.began;
        let has_ended = || at_work.one_has_ended();
        let have_begun =
            sessions::of_daemons_begin(&mut replica.superuser()?, self.sources.len(), has_ended)?;
        let connected_after = have_begun.then(|| began.elapsed().as_secs_f64());
        let (looks, caught_up_after) = self.watched(&mut at_work)?;
        let last = looks.last().cloned();
        if caught_up_after.is_some() {
            meanwhile(&at_work.home);
        }
        let seconds = began.elapsed().as_secs_f64();
        let logs = at_work.end(replica)?;
        let disabled = disabled(replica)?;
        let seen = |source: &String| {
            let seen = last.iter().flat_map(|look| &look.sources).find(|it| it.source == *source);
            let is = |health: Health| seen.is_some_and(|it| it.health == health);
            DaemonRun {
                source: source.clone(),
                server_id: ids.get(source).copied().unwrap_or_default(),
                version: self.program.version.clone(),
                alive: seen.is_some_and(|it| it.sessions > 0 && it.health != Health::Down),
                caught_up: is(Health::CaughtUp),
                seconds,
                caught_up_after: caught_up_after.filter(|_| is(Health::CaughtUp)),
                position: seen.and_then(|it| it.reads_on.clone()),
                #[expect(clippy::cast_precision_loss, reason = "seconds")]
                lag_seconds: seen.and_then(|it| it.seconds_behind).map(|seconds| seconds as f64),
                disabled: disabled.get(source).cloned().unwrap_or_default(),
                log: logs.get(source).cloned().unwrap_or_default(),
            }
        };
        let finding = |it: Finding| StepFinding {
            step: StepName::Daemon,
            check: it.check,
            severity: it.severity,
            found: it.found,
            remedy: it.remedy,
        };
        let ended = self.sources.iter().map(seen).filter(|run| !run.alive).filter_map(last_words);
        let ended: Vec<_> = ended.collect();
        let of_weight = |it: &Finding| it.severity > Severity::Info;
        Ok(Seen {
            runs: self.sources.iter().map(seen).collect(),
            findings: last
                .into_iter()
                .flat_map(|it| it.findings)
                .filter(of_weight)
                .map(finding)
                .chain(ended)
                .collect(),
            connected_after,
        })
    }

    /// Each of its own.
    fn server_ids(&self) -> BTreeMap<String, u32> {
        let mut random = rand::rng();
        let first = random.random_range(SERVER_IDS);
        self.sources.iter().cloned().zip((0..).map(|number| first.wrapping_add(number))).collect()
    }

    fn start(&self, replica: &Replica, ids: &BTreeMap<String, u32>) -> Result<AtWork, DaemonError> {
        let text = self.configuration.text(replica.role(), replica.database.name());
        let mut read = Command::new(&self.program.python);
        read.args(["-c", include_str!("daemon.py"), &serde_json::json!(ids).to_string()]);
        let ended = running::start(&read, &text)?.wait(READING)?;
        if !ended.status.is_some_and(|status| status.success()) {
            let last = ended.output.trim_end().lines().next_back().unwrap_or_default();
            return Err(DaemonError::Configuration(last.to_owned()));
        }
        let home = Home::with_text(&ended.output)?;
        let processes = ProcessGroup::new()?;
        let (mut started, began) = (Vec::new(), Instant::now());
        for source in &self.sources {
            let mut command = launched_as_it_is(&self.program.python);
            command.arg(&self.program.path);
            command.args(["start_replica", "--config", CONFIGURATION, "--source", source]);
            command.current_dir(home.path()).env("HOME", home.path()).stdin(std::process::Stdio::null());
            for variable in chameleon_upgrade::config::variables() {
                command.env_remove(variable);
            }
            let title = format!("the daemon of {source}");
            started.push((source.clone(), processes.start(&title, command)?));
        }
        Ok(AtWork { home, processes, began, started })
    }

    /// The looks of `watch`, and after which time all had caught up, and had for good.
    fn watched(&self, at_work: &mut AtWork) -> Result<(Vec<Look>, Option<f64>), DaemonError> {
        let limit = format!("{}s", self.longest.as_secs().max(1));
        let arguments = ["watch", "--format", "json", "--every", "1s", "--for", limit.as_str()];
        let command = self.upgrader.command(&at_work.home, arguments);
        let mut watch = at_work.processes.start("chameleon-upgrade watch", command)?;
        let began = Instant::now();
        let (mut caught_up, mut down): (Option<Duration>, Option<Duration>) = (None, None);
        let mut known = 0;
        loop {
            let ended = watch.ended()?.is_some();
            let elapsed = began.elapsed();
            let looks = looks(&watch.output());
            if let Some(look) = looks.last().filter(|_| looks.len() > known) {
                known = looks.len();
                let is = |health: Health| move |it: &SourceSeen| it.health == health;
                let all = !look.sources.is_empty() && look.sources.iter().all(is(Health::CaughtUp));
                caught_up = if all { caught_up.or(Some(elapsed)) } else { None };
                let any = look.sources.iter().any(is(Health::Down));
                down = if any { down.or(Some(elapsed)) } else { None };
            }
            let settled = caught_up.is_some() && elapsed >= SETTLED.min(self.longest);
            let is_down = down.is_some_and(|since| elapsed - since >= DOWN);
            if settled || is_down || ended {
                if !ended {
                    watch.interrupt();
                    watch.wait(ENDING)?;
                }
                return Ok((looks, caught_up.map(|after| after.as_secs_f64())));
            }
            sleep(POLL_INTERVAL);
        }
    }
}

impl AtWork {
    fn one_has_ended(&mut self) -> Result<bool, DaemonError> {
        for (_, daemon) in &mut self.started {
            if daemon.ended()?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends all of them, and their sessions; what they have written, by source.
    fn end(mut self, replica: &Replica) -> Result<BTreeMap<String, String>, DaemonError> {
        self.started.iter().for_each(|(_, daemon)| daemon.interrupt());
        let mut logs = BTreeMap::new();
        for (source, daemon) in &mut self.started {
            // Seen of 2.0.21: now and then it hangs in its handler of the signal. Then it is killed.
            let _killed_in_the_end = daemon.wait(ENDING);
            let file = self.home.path().join(format!(".pg_chameleon/logs/{CONFIGURATION}_{source}.log"));
            let log = fs::read(file).unwrap_or_default();
            let log = format!("{}{}", String::from_utf8_lossy(&log), daemon.output());
            let lines: Vec<&str> = log.lines().collect();
            logs.insert(source.clone(), lines[lines.len().saturating_sub(KEPT_LINES)..].join("\n"));
        }
        let mut client = replica.superuser()?;
        sessions::end_of_daemons(&mut client)?;
        Ok(logs)
    }
}

/// The tables that are not replicated any more, by their sources.
fn disabled(replica: &Replica) -> Result<BTreeMap<String, Vec<String>>, DaemonError> {
    let rows = replica.superuser()?.query(
        "SELECT s.t_source::text, pg_catalog.format('%I.%I', t.v_schema_name, t.v_table_name)
         FROM sch_chameleon.t_replica_tables t JOIN sch_chameleon.t_sources s USING (i_id_source)
         WHERE NOT t.b_replica_enabled ORDER BY 1, 2",
        &[],
    )?;
    let mut disabled: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        disabled.entry(row.get(0)).or_default().push(row.get(1));
    }
    Ok(disabled)
}

/// What a daemon that does not run has said at last, where that is no end that `watch` names: it may come before there is a log.
fn last_words(run: DaemonRun) -> Option<StepFinding> {
    let said = run.log.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    if deaths::known(&run.log).is_some() {
        return None;
    }
    let remedy = said.contains(MISMATCH).then(installed::remedy);
    Some(StepFinding {
        step: StepName::Daemon,
        check: "daemon-ended".to_owned(),
        severity: Severity::Error,
        found: format!("The daemon of {} ended with the words: {said}", run.source),
        remedy,
    })
}

/// Said by a release that does not know the catalogue.
const MISMATCH: &str = "catalogue version mismatch";

/// Whatever else is said stands between them.
fn looks(output: &str) -> Vec<Look> {
    output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_read_and_nothing_else() {
        let look = r#"{"version":1,"at":"x","well":false,"sources":[{"source":"a","health":"down","status":"error","sessions":0,
            "consistent":false,"consistent_point":null,"reads_on":"b.1:4","log_end":null,"bytes_behind":null,
            "seconds_behind":3,"waiting_batches":0,"tables":1,"disabled":0}],
            "findings":[{"check":"daemon","severity":"error","found":"f","remedy":"r"}]}"#
            .replace('\n', "");
        let found = looks(&format!("{look}\nNot well\n{{\"a\":1}}\n{look}\n"));
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].sources[0].health, Health::Down);
        assert_eq!(found[1].findings[0].check, "daemon");
    }
}
