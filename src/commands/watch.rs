//! `watch`: whether the 2.0 replica is alive, moving and whole. §after-watch

use super::interruption::any_signal;
use super::session;
use crate::binlog::BinaryLogs;
use crate::catalogue::v1::read;
use crate::catalogue::{v2, version};
use crate::cli::{Watch, WatchFormat};
use crate::config::{Configuration, NewSource, location};
use crate::ending::Ending;
use crate::facts::postgres::CatalogueVersion;
use crate::finding::{Finding, Severity, has_errors};
use crate::postgres::{self, Session};
use crate::report::console::Console;
use crate::report::output;
use crate::report::place::Place;
use crate::report::watching::{JSON_FILE, Look, PROMETHEUS_FILE, Shown};
use crate::source;
use crate::watch::ahead::{Ahead, Reading};
use crate::watch::log_file::{self, Log};
use crate::watch::replica::{self, LastLogged, Seen, Source};
use crate::watch::{self, Health, Known, Memory, SourceSeen};
use crate::wording::counted;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, Error};

/// How often, and how far apart, sessions are looked for where there are none: the daemon may be connecting.
const LOOKS: u32 = 8;
const APART: Duration = Duration::from_millis(250);

/// How long a source may be down for that it is being started.
const STARTING: Duration = Duration::from_secs(15);

/// Watches.
pub async fn run(arguments: &Watch, console: &Console) -> Ending {
    watch(arguments, console).await.unwrap_or_else(|ending| ending)
}

async fn watch(arguments: &Watch, console: &Console) -> Result<Ending, Ending> {
    let configuration = session::configuration(&arguments.config.name)?;
    place(arguments)?;
    let session =
        session::connect(&configuration).await.map_err(|finding| session::as_the_last_line(&finding))?;
    let since = begun(session.client(), &configuration, arguments).await?;
    let mut watching = Watching {
        arguments,
        console,
        pg_chameleons_name: location::name_or_stem(&configuration.path, &location::home()),
        configuration: &configuration,
        session: Some(session),
        since,
        memory: Memory::default(),
        down: None,
        read: BTreeMap::new(),
        shown: Shown::default(),
        began: Instant::now(),
    };
    let ended = watching.on().await;
    if let Some(session) = watching.session {
        session.close().await;
    }
    ended
}

/// Looks whether there is something to watch. How far the logs of the catalogue go.
async fn begun(
    client: &Client,
    configuration: &Configuration,
    arguments: &Watch,
) -> Result<LastLogged, Ending> {
    postgres::at_one_moment(client, configuration.lock_timeout()).await.map_err(session::not_read)?;
    let server = read::server(client).await.map_err(session::not_read)?;
    match version::as_anyone(client, &server).await.map_err(session::not_read)? {
        CatalogueVersion::V2_0_10 => {}
        CatalogueVersion::V1_7 => {
            return Err(session::not_shown(&format!(
                "The catalogue is 1.7: watch looks at a replica of {}. See chameleon-upgrade status.",
                v2::VERSION
            )));
        }
        other => return Err(session::not_known(&other, "watch")),
    }
    let since = replica::last_logged(client).await.map_err(session::not_read)?;
    let seen = replica::look(client, since).await.map_err(session::not_read)?;
    client.batch_execute("ROLLBACK").await.map_err(session::not_read)?;
    let names: Vec<_> = seen.sources.into_iter().map(|source| source.name).collect();
    session::chosen(arguments.source.as_deref(), &names)?;
    if arguments.log.is_some() && arguments.source.is_none() && names.len() > 1 {
        return Err(Ending::WrongUse(
            "--log is the log of one source: name it with --source. Nothing was done.".to_owned(),
        ));
    }
    Ok(since)
}

/// What goes to a file finds a place for it.
fn place(arguments: &Watch) -> Result<Option<Place>, Ending> {
    let Some(path) = &arguments.file else { return Ok(None) };
    let kind = match arguments.format {
        WatchFormat::Text => {
            return Err(Ending::WrongUse("--file takes JSON or what Prometheus reads: give --format json or prometheus. Nothing was done.".to_owned()));
        }
        WatchFormat::Json => JSON_FILE,
        WatchFormat::Prometheus => PROMETHEUS_FILE,
    };
    Place::at(path, kind).map(Some).map_err(|error| Ending::WrongUse(format!("{error}. Nothing was done.")))
}

/// What was seen at one moment.
struct Seeing {
    sources: Vec<SourceSeen>,
    findings: Vec<Finding>,
}

impl Seeing {
    fn is_well(&self) -> bool {
        !has_errors(&self.findings)
    }

    fn is_consistent(&self) -> bool {
        self.is_well() && self.sources.iter().all(|source| source.consistent)
    }

    fn is_down(&self) -> bool {
        self.sources.iter().any(|source| source.health == Health::Down)
    }
}

/// A watch that goes on.
struct Watching<'a> {
    arguments: &'a Watch,
    console: &'a Console,
    configuration: &'a Configuration,
    /// The configuration, as pg_chameleon's command line names it.
    pg_chameleons_name: String,
    /// None while PostgreSQL can't be reached.
    session: Option<Session>,
    since: LastLogged,
    memory: Memory,
    /// Since when a source has been down.
    down: Option<Duration>,
    /// What is known of the log ahead of each source.
    read: BTreeMap<i64, Reading>,
    shown: Shown,
    began: Instant,
}

impl Watching<'_> {
    /// Looks until it is time to end.
    async fn on(&mut self) -> Result<Ending, Ending> {
        let mut signal = std::pin::pin!(any_signal());
        loop {
            let seeing = tokio::select! {
                seeing = self.look() => seeing,
                _ = &mut signal => return Ok(Ending::Done("Interrupted before the first look had ended. Nothing was changed.".to_owned())),
            };
            let elapsed = self.began.elapsed();
            let waits = self.arguments.until.is_some();
            // Who has just been started may not have come to say so.
            self.down = seeing.is_down().then(|| self.down.unwrap_or(elapsed));
            let is_down = self.down.is_some_and(|since| elapsed - since >= STARTING);
            let goes_on = match (waits, self.arguments.time) {
                (true, _) if seeing.is_consistent() || is_down => false,
                (true, None) => true,
                (_, Some(time)) => elapsed + self.arguments.every <= time,
                (false, None) => false,
            };
            self.show(&seeing, goes_on || elapsed > self.arguments.every)?;
            if !goes_on {
                return Ok(ending(&seeing, waits, elapsed));
            }
            tokio::select! {
                () = tokio::time::sleep(self.arguments.every) => {}
                _ = &mut signal => return Ok(ending(&seeing, waits, elapsed)),
            }
        }
    }

    fn show(&mut self, seeing: &Seeing, goes_on: bool) -> Result<(), Ending> {
        let now = chrono::Utc::now();
        let look = Look::new(now, &seeing.sources, &seeing.findings);
        let text = match self.arguments.format {
            WatchFormat::Text => None,
            WatchFormat::Json => Some(look.json() + "\n"),
            WatchFormat::Prometheus => Some(look.prometheus(now)),
        };
        match (text, place(self.arguments)?) {
            (Some(text), None) => {
                output::line(text.trim_end());
                return Ok(());
            }
            (Some(text), Some(place)) => place.write(text.as_bytes()).map_err(|error| {
                Ending::Unexpected(format!(
                    "What was seen could not be written: {error}. Nothing was changed."
                ))
            })?,
            (None, _) => {}
        }
        self.console.watched(&look, now.into(), goes_on, &mut self.shown);
        Ok(())
    }

    async fn look(&mut self) -> Seeing {
        let seen = match self.seen().await {
            Ok(seen) => seen,
            Err(finding) => return Seeing { sources: vec![], findings: vec![finding] },
        };
        let at = self.began.elapsed();
        let stored = seen.stored.iter().map(|stored| stored.last);
        self.since.stored = stored.fold(self.since.stored, i64::max);
        let chosen =
            |source: &&Source| self.arguments.source.as_ref().is_none_or(|name| *name == source.name);
        let chosen: Vec<_> = seen.sources.iter().filter(chosen).collect();
        let mut logs = self.binary_logs(&chosen).await;
        let (mut sources, mut findings) = (Vec::new(), Vec::new());
        for source in chosen {
            let logs = logs.remove(&source.id);
            let ahead = self.ahead(source, logs.as_ref()).await;
            let configured = configured(self.configuration, source);
            let reading = self.log_of(source, log_file::place_of_reading);
            let known = Known {
                logs: logs.as_ref(),
                ahead: &ahead,
                log: &self.log(source),
                refused: &|| log_file::refused(reading.as_deref()?),
                mappings: configured.map(|it| it.schema_mappings.as_slice()).unwrap_or_default(),
                rests: configured.map(|it| it.sleep_loop).unwrap_or_default(),
                configuration: &self.pg_chameleons_name,
            };
            let (shown, found) = self.memory.judge(source, &seen, &known, at);
            sources.push(shown);
            findings.extend(found);
        }
        findings.extend(watch::of_no_source(&seen));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Seeing { sources, findings }
    }

    /// What the catalogue says, in a session of its own when the last one was lost.
    async fn seen(&mut self) -> Result<Seen, Finding> {
        // One that can't be asked goes, and the next look opens another.
        let session = match self.session.take() {
            Some(session) => session,
            None => session::connect(self.configuration).await?,
        };
        let seen = self.settled(session.client()).await.map_err(|error| session::unreadable(&error))?;
        self.session = Some(session);
        Ok(seen)
    }

    /// Where a daemon that is said to run has no session: a moment later, for it may be connecting.
    async fn settled(&self, client: &Client) -> Result<Seen, Error> {
        let mut seen = self.at_one_moment(client).await?;
        for _ in 0..LOOKS {
            let without =
                seen.sources.iter().filter(|it| it.status == "running" && !watch::has_sessions(it, &seen));
            if without.count() == 0 {
                break;
            }
            tokio::time::sleep(APART).await;
            seen = self.at_one_moment(client).await?;
        }
        Ok(seen)
    }

    /// In a transaction of its own: what is set goes with it, and what the sessions do is asked anew.
    async fn at_one_moment(&self, client: &Client) -> Result<Seen, Error> {
        postgres::at_one_moment(client, self.configuration.lock_timeout()).await?;
        let seen = replica::look(client, self.since).await?;
        client.batch_execute("ROLLBACK").await?;
        Ok(seen)
    }

    /// MySQL's binary logs, by the ids of the sources.
    async fn binary_logs(&self, sources: &[&Source]) -> BTreeMap<i64, Result<BinaryLogs, String>> {
        let asked = sources.iter().filter_map(|source| {
            let connection = configured(self.configuration, source)?.mysql.as_ref()?;
            Some(async { (source.id, source::binary_logs(connection).await.map_err(|why| why.to_string())) })
        });
        join_all(asked).await.into_iter().collect()
    }

    /// What is ahead of a source.
    async fn ahead(&mut self, source: &Source, logs: Option<&Result<BinaryLogs, String>>) -> Ahead {
        let not_known = |why: &str| Ahead::NotKnown(why.to_owned());
        let Some(Ok(logs)) = logs else { return not_known("MySQL was not asked") };
        let configured = configured(self.configuration, source);
        let (Some(configured), Some(reads_on)) = (configured, &source.reads_on) else {
            return not_known("it has no batch");
        };
        if logs.unavailable(reads_on).is_some() {
            return not_known("the log is not there");
        }
        self.read.entry(source.id).or_default().ahead(configured, reads_on, logs).await
    }

    /// What the daemon of a source has written.
    fn log(&self, source: &Source) -> Log {
        self.log_of(source, log_file::place).map_or(Log::Elsewhere, |path| log_file::read(&path))
    }

    fn log_of(&self, source: &Source, place: fn(&Path, &str, &str) -> PathBuf) -> Option<PathBuf> {
        if let Some(path) = &self.arguments.log {
            return Some(path.clone());
        }
        let folder = self.configuration.log_folder.as_ref()?;
        let folder = match folder.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                location::home().join(rest.trim_start_matches('/'))
            }
            _ => PathBuf::from(folder),
        };
        Some(place(&folder, &self.pg_chameleons_name, &source.name))
    }
}

fn configured<'a>(configuration: &'a Configuration, source: &Source) -> Option<&'a NewSource> {
    configuration.sources.iter().find(|it| it.name == source.name)
}

fn ending(seeing: &Seeing, waits: bool, elapsed: Duration) -> Ending {
    let count = |is: fn(&SourceSeen) -> bool| seeing.sources.iter().filter(|it| is(it)).count() as u64;
    let all = seeing.sources.len() as u64;
    let (down, behind) = (count(|it| it.health == Health::Down), count(|it| it.health == Health::Behind));
    let inconsistent = count(|it| !it.consistent);
    if !seeing.is_well() {
        let errors = seeing.findings.iter().filter(|it| it.severity == Severity::Error).count() as u64;
        let mut parts = Vec::new();
        if down > 0 {
            parts.push(format!("{} of {} not running", down, counted(all, "source")));
        }
        parts.push(format!("{} above", counted(errors, "error")));
        return Ending::NotWell(format!("Not well: {}. Nothing was changed.", parts.join(", ")));
    }
    if waits && inconsistent > 0 {
        return Ending::NotWell(format!(
            "Not consistent after {} s: {} of {}. Their replicas run; don't stop them. Nothing was changed.",
            elapsed.as_secs(),
            inconsistent,
            counted(all, "source")
        ));
    }
    if all == 0 {
        return Ending::NotWell(
            "The catalogue has no source: nothing is replicated. Nothing was changed.".to_owned(),
        );
    }
    let lag = match behind {
        0 if all == 1 => "has caught up".to_owned(),
        0 => "have caught up".to_owned(),
        _ => format!("{behind} of them behind MySQL"),
    };
    let consistency = match inconsistent {
        0 => "consistent".to_owned(),
        _ => format!("{inconsistent} not consistent yet"),
    };
    Ending::Done(format!(
        "Well: {} {}, {lag}, {consistency}. Nothing was changed.",
        counted(all, "source"),
        if all == 1 { "runs" } else { "run" },
    ))
}
