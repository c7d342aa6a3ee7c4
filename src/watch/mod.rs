//! Whether a 2.0 replica is alive, moving and whole: §after-watch.
//!
//! What is seen at one moment ([`replica::Seen`], and MySQL's binary logs) is judged here, together with what was seen before: pure.
//! A daemon is alive when it has sessions on PostgreSQL: both of its processes keep one, through which they ask something in every
//! round (seen of 2.0.21). Its status alone says nothing: it stays at running when the daemon is killed.

pub mod ahead;
pub mod deaths;
pub mod log_file;
mod moving;
mod past;
pub mod replica;

use crate::binlog::{BinaryLogs, BinlogCoordinate, Unavailable};
use crate::finding::Finding;
use crate::mapping::MappingPair;
use crate::shell::word;
use crate::window::Bytes;
use crate::wording::{counted, first_of};
use ahead::Ahead;
use log_file::Log;
use past::Past;
use replica::{Disabled, Logged, Seen, Session, Source};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest message of an error that is shown, in letters.
const LONGEST: usize = 300;

/// How the replica of a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It runs, and has applied all that MySQL has.
    CaughtUp,
    /// It runs, and has something to read or to apply.
    Behind,
    /// It runs, and something is not as it should be.
    Ailing,
    /// It does not run.
    Down,
}

/// A source as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SourceSeen {
    /// Its name.
    pub source: String,
    /// How it is.
    pub health: Health,
    /// Its status in the catalogue.
    pub status: String,
    /// How many sessions its daemon has on PostgreSQL.
    pub sessions: u64,
    /// Whether all its tables stand at one point.
    pub consistent: bool,
    /// From where on they will.
    pub consistent_point: Option<BinlogCoordinate>,
    /// Where it reads on.
    pub reads_on: Option<BinlogCoordinate>,
    /// Where MySQL's log ends; none when that is not known.
    pub log_end: Option<BinlogCoordinate>,
    /// How many bytes of the log lie between the two; 0 when nothing of its schemas is among them.
    pub bytes_behind: Option<u64>,
    /// For how many seconds it has stood where it is, with something ahead.
    pub seconds_behind: Option<u64>,
    /// How many batches wait to be applied.
    pub waiting_batches: u64,
    /// How many tables are replicated.
    pub tables: u64,
    /// How many tables are disabled.
    pub disabled: u64,
}

/// What else is known of a source.
pub struct Known<'a> {
    /// MySQL's binary logs, or why they are not known; none for a source that the configuration lacks.
    pub logs: Option<&'a Result<BinaryLogs, String>>,
    /// What is ahead of it there.
    pub ahead: &'a Ahead,
    /// What its daemon has written.
    pub log: &'a Log,
    /// Reads what PostgreSQL has refused it last, as its log says.
    pub refused: &'a dyn Fn() -> Option<String>,
    /// Its schema mappings.
    pub mappings: &'a [MappingPair],
    /// How long the daemon rests between two rounds.
    pub rests: Duration,
    /// The configuration, as pg_chameleon's command line names it.
    pub configuration: &'a str,
}

/// What was seen from the beginning on.
#[derive(Debug, Default)]
pub struct Memory(BTreeMap<i64, Past>);

impl Memory {
    /// Judges a source, `at` so long after the beginning.
    pub fn judge(
        &mut self,
        source: &Source,
        seen: &Seen,
        known: &Known<'_>,
        at: Duration,
    ) -> (SourceSeen, Vec<Finding>) {
        let past = self.0.entry(source.id).or_insert_with(|| Past::beginning(at));
        let stored = seen.stored.iter().find(|stored| stored.source == source.id);
        past.note(source, stored.and_then(|stored| stored.until.as_ref()), at);
        let looked = Looked { source, sessions: of_source(source, &seen.sessions), known };
        let alone = !seen.sources.iter().any(|other| other.id != source.id && other.status == "running");
        let mut findings = looked.of_the_daemon(alone);
        let runs = findings.is_empty();
        findings.extend(looked.of_mysql());
        if runs {
            findings.extend(looked.stuck(past, at, alone));
        }
        findings.extend(looked.disabled(&seen.disabled));
        findings
            .extend(seen.logged.iter().filter(|it| it.source == Some(source.id)).map(|it| looked.logged(it)));
        let health = match (runs, crate::finding::has_errors(&findings)) {
            (false, _) => Health::Down,
            (true, true) => Health::Ailing,
            (true, false) if looked.has_all() => Health::CaughtUp,
            (true, false) => Health::Behind,
        };
        findings.extend(looked.of_consistency());
        let behind = looked.bytes_behind();
        let shown = SourceSeen {
            source: source.name.clone(),
            health,
            status: source.status.clone(),
            sessions: looked.sessions.len() as u64,
            consistent: source.consistent,
            consistent_point: source.consistent_point.clone(),
            reads_on: source.reads_on.clone(),
            log_end: looked.logs().map(|logs| logs.current.clone()),
            bytes_behind: behind,
            seconds_behind: behind.filter(|bytes| *bytes > 0).map(|_| (at - past.since).as_secs()),
            waiting_batches: source.waiting,
            tables: source.replicated,
            disabled: source.disabled,
        };
        (shown, findings)
    }
}

/// What was logged of no source that is known: rows whose batch is gone.
#[must_use]
pub fn of_no_source(seen: &Seen) -> Vec<Finding> {
    let of_none = seen.logged.iter().filter(|it| it.source.is_none());
    of_none.map(|it| logged_finding("a source", it)).collect()
}

/// Whether the daemon of a source has a session.
#[must_use]
pub fn has_sessions(source: &Source, seen: &Seen) -> bool {
    !of_source(source, &seen.sessions).is_empty()
}

/// The sessions of this source's daemon: those that say so, and those that don't say whose they are.
fn of_source<'a>(source: &Source, sessions: &'a [Session]) -> Vec<&'a Session> {
    let named = |session: &Session| {
        let name = session.application_name.split_once("source: ")?.1;
        Some(name.rsplit_once(", action").map_or(name, |(name, _)| name).to_owned())
    };
    let of_it = |session: &&Session| match named(session) {
        Some(name) => name == source.name,
        None => id_in(&session.query).is_none_or(|id| id == source.id),
    };
    sessions.iter().filter(of_it).collect()
}

/// The source that a statement of a daemon is about, by the condition in it.
fn id_in(query: &str) -> Option<i64> {
    let (_, after) = query.split_once("i_id_source")?;
    let digits = after.trim_start().strip_prefix('=')?.trim_start();
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// A source at one moment.
struct Looked<'a> {
    source: &'a Source,
    sessions: Vec<&'a Session>,
    known: &'a Known<'a>,
}

impl Looked<'_> {
    fn logs(&self) -> Option<&BinaryLogs> {
        self.known.logs.and_then(|logs| logs.as_ref().ok())
    }

    fn bytes_behind(&self) -> Option<u64> {
        let (logs, reads_on) = (self.logs()?, self.source.reads_on.as_ref()?);
        if *self.known.ahead == Ahead::Nothing {
            return Some(0);
        }
        Some(if *reads_on >= logs.current { 0 } else { logs.bytes_between(reads_on, &logs.current) })
    }

    fn has_all(&self) -> bool {
        self.bytes_behind() == Some(0) && self.source.waiting == 0
    }

    fn options(&self) -> String {
        format!("--config {} --source {}", word(self.known.configuration), word(&self.source.name))
    }

    /// The commands that start it again. `enable`: after it has ended by itself.
    fn start(&self, enable: bool) -> String {
        let options = self.options();
        let start = format!("`chameleon start_replica {options}`");
        if enable { format!("`chameleon enable_replica {options}` {start}") } else { start }
    }

    /// Whether a daemon is at work, and why not. `alone`: no other source has a daemon.
    fn of_the_daemon(&self, alone: bool) -> Vec<Finding> {
        let Source { name, status, .. } = self.source;
        // Seen: it takes the status once MySQL has answered it.
        let before = match status.as_str() {
            "stopped" => Some("is stopped"),
            "running" | "error" | "initialising" | "syncing" => None,
            _ => Some("was never started"),
        };
        if let (Some(before), true, false) = (before, alone, self.sessions.is_empty()) {
            return vec![Finding::error(
                "daemon",
                format!(
                    "The replica of {name} {before}, by its status, and a program of pg_chameleon has a session with PostgreSQL: its \
                     daemon is being started or ended, or hangs at its start, as it does while MySQL does not answer."
                ),
                format!(
                    "Look again in a minute, and whether MySQL answers, before another one is started. If it stays so: kill its \
                     processes, then {}",
                    self.start(false)
                ),
            )];
        }
        let found = match status.as_str() {
            "running" if self.sessions.is_empty() => {
                // What it has written, if it ended by itself and has not come to say so.
                let ended = self.ended().unwrap_or_else(|| self.says_nothing_of_its_parent());
                format!(
                    "The status of {name} is running, and its daemon has no session with PostgreSQL: it was killed, or has just \
                     ended.{ended}"
                )
            }
            "running" => return vec![],
            "error" => {
                let ended = self.ended().unwrap_or_else(|| format!(" {}", self.says_nothing()));
                format!("The replica of {name} has ended by an error.{ended}")
            }
            "stopped" => {
                let ended = self.ended().unwrap_or_default();
                format!("The replica of {name} is stopped.{ended}")
            }
            "initialising" | "syncing" => {
                return vec![Finding::error(
                    "daemon",
                    format!(
                        "The tables of {name} are being copied (status {status}): its replica does not run meanwhile."
                    ),
                    format!("When the copy has ended, start the replica: {}", self.start(false)),
                )];
            }
            _ => format!("The replica of {name} was never started (status {status})."),
        };
        let again = self.start(matches!(status.as_str(), "running" | "error"));
        let remedy = match (self.death(), status.as_str()) {
            (Some(death), _) => format!("{} Then: {again}", death.remedy),
            (None, "running") => {
                format!(
                    "Make sure that no process of it is left on its machine, then start it again: {again}"
                )
            }
            (None, _) => format!("Start it: {again}"),
        };
        vec![Finding::error("daemon", found, remedy)]
    }

    fn death(&self) -> Option<&'static deaths::Death> {
        match self.known.log {
            Log::Read(Some(ended)) => deaths::known(&ended.trace),
            _ => None,
        }
    }

    /// How it ended, as its log says.
    fn ended(&self) -> Option<String> {
        let Log::Read(Some(ended)) = self.known.log else { return None };
        let what = match deaths::known(&ended.trace) {
            Some(death) => format!("{} ({})", death.what, death.id),
            None if ended.trace.contains("Traceback") => "in a way that is not known here".to_owned(),
            // Seen: its parent may look before the other process has handed it on.
            None => "it has lost why, and may say it when it ends again".to_owned(),
        };
        Some(format!(" It ended at {}: {what}. Its log: {}", ended.when, shortened(&ended.error)))
    }

    fn says_nothing(&self) -> String {
        match self.known.log {
            Log::Read(_) => "Its log does not say why.".to_owned(),
            Log::Unreadable(why) => format!("Why, its log would say, which can't be read here ({why})."),
            Log::Elsewhere => {
                "Why, its log would say, which goes to its standard output: name a file of it with --log."
                    .to_owned()
            }
        }
    }

    /// Seen: what ends the process that starts the other two is not written into its log.
    fn says_nothing_of_its_parent(&self) -> String {
        let Log::Read(None) = self.known.log else { return String::new() };
        let program = word(&format!("{}_replica", self.source.name));
        format!(
            " Its log does not say why; what ended the process that starts the other two, the log of the system may say: \
             `journalctl -t {program}`"
        )
    }

    fn of_mysql(&self) -> Option<Finding> {
        let name = &self.source.name;
        let logs = match self.known.logs {
            None => {
                return Some(Finding::warning(
                    "mysql",
                    format!(
                        "The configuration has no source {name}: MySQL was not asked how far it is behind."
                    ),
                    "Name the configuration that the daemon has.",
                ));
            }
            Some(Err(why)) => {
                return Some(Finding::error(
                    "mysql",
                    format!("MySQL does not say where its log ends, for {name}: {why}."),
                    "Make sure that MySQL is up, and can be reached from here with db_conn of the source.",
                ));
            }
            Some(Ok(logs)) => logs,
        };
        let reads_on = self.source.reads_on.as_ref()?;
        let why = match logs.unavailable(reads_on)? {
            Unavailable::Purged(first) => format!("MySQL has purged that file (its first is {first})"),
            Unavailable::OtherServer { has } => format!("this server's files have other names ({has})"),
            Unavailable::Ahead(last) => format!("this server has not come so far (its last file is {last})"),
            Unavailable::PastTheEnd(size) => format!("that file has {size} bytes only"),
            Unavailable::NoneListed => "this server lists no such file".to_owned(),
        };
        Some(Finding::error(
            "binlog",
            format!(
                "{name} reads on at {reads_on}, and {why}: its daemon ends there, or reads what is not its own."
            ),
            "See whether db_conn of the source leads to the server that it has replicated from. If it does, what was in the log is lost \
             to the replica: copy all tables anew with init_replica.",
        ))
    }

    fn disabled(&self, disabled: &[Disabled]) -> Option<Finding> {
        let number = self.source.disabled;
        if number == 0 {
            return None;
        }
        let of_it: Vec<_> = disabled.iter().filter(|table| table.source == self.source.id).collect();
        let names: Vec<_> = of_it.iter().map(|table| format!("{}.{}", table.schema, table.name)).collect();
        let message = of_it.iter().find_map(|table| table.message.as_deref());
        let why =
            message.map(|message| format!(" The last error: {}", shortened(message))).unwrap_or_default();
        // pg_chameleon names them by their schemas on MySQL.
        let on_mysql: Vec<_> = of_it.iter().map(|table| self.on_mysql(table)).collect();
        let titles = if on_mysql.is_empty() { "SCHEMA.TABLE".to_owned() } else { on_mysql.join(",") };
        Some(Finding::error(
            "disabled-tables",
            format!(
                "{} of {} no longer replicated: {}.{why}",
                counted(number, "table"),
                if number == 1 {
                    format!("{} is", self.source.name)
                } else {
                    format!("{} are", self.source.name)
                },
                first_of(&names, number)
            ),
            format!(
                "Mend what the error names, then copy the tables anew, while the replica is stopped: `chameleon stop_replica --config \
                 {0} --source {1}` `chameleon sync_tables --config {0} --source {1} --tables {2}` `chameleon start_replica --config {0} \
                 --source {1}`",
                word(self.known.configuration),
                word(&self.source.name),
                word(&titles)
            ),
        ))
    }

    fn on_mysql(&self, table: &Disabled) -> String {
        let pair = self.known.mappings.iter().find(|pair| pair.dest_schema == table.schema);
        format!("{}.{}", pair.map_or(&table.schema, |pair| &pair.source_schema), table.name)
    }

    fn logged(&self, logged: &Logged) -> Finding {
        logged_finding(&self.source.name, logged)
    }

    fn of_consistency(&self) -> Option<Finding> {
        if self.source.consistent {
            return None;
        }
        let point = self.source.consistent_point.as_ref()?;
        let name = &self.source.name;
        let left = match (self.logs(), &self.source.reads_on) {
            (Some(logs), Some(reads_on)) if reads_on < point => {
                format!("{} of MySQL's log before it", Bytes(logs.bytes_between(reads_on, point)))
            }
            _ => "it passes it when something is changed in one of its schemas".to_owned(),
        };
        Some(Finding::info(
            "not-consistent",
            format!(
                "{name} is not consistent yet: its point is {point}; {left}. Don't stop its replica until then."
            ),
        ))
    }
}

fn logged_finding(name: &str, logged: &Logged) -> Finding {
    let last = shortened(logged.message.as_deref().unwrap_or("it says nothing"));
    if logged.errors {
        Finding::error(
            "replay-errors",
            format!(
                "{} logged for {name} since this began. The last: {last}",
                if logged.number == 1 {
                    "1 error was".to_owned()
                } else {
                    format!("{} errors were", logged.number)
                }
            ),
            "See sch_chameleon.t_error_log. Where on_error_replay is continue the table is disabled: disabled-tables says what to do; \
             where it is exit, the daemon ends.",
        )
    } else {
        Finding::error(
            "discarded-rows",
            format!(
                "{} of {name} could not be stored since this began, and {} lost to the replica. The last is of {last}.",
                counted(logged.number, "row"),
                if logged.number == 1 { "is" } else { "are" }
            ),
            "See sch_chameleon.t_discarded_rows, and compare the table with chameleon-upgrade verify.",
        )
    }
}

/// A message in one line, and not too long.
fn shortened(message: &str) -> String {
    let words = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests;
