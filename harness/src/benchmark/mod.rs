//! Measures upgrades: ours, pg_chameleon 2.0.21's own and hand-written SQL in turn, each on a copy of the same
//! catalogue, several rounds of them. A time is that of a whole process, from its start to its end; for the SQL, that
//! of a session.

mod chart;
mod report;

use crate::chameleon::ChameleonError;
use crate::chameleon::home::{ConfiguredSource, Home};
use crate::chameleon::version2::Chameleon2;
use crate::process::ProcessError;
use crate::process::group::{ProcessGroup, StartedProgram};
use crate::process::tools::{self, Missing};
use crate::replica::report::Report;
use crate::replica::template::ReplicaTemplate;
use crate::replica::upgrader::Upgrader;
use crate::replica::{Origin, Replica, ReplicaError};
use crate::seed::{Batch, Destination, Event, Kind, Seed, Source, Table};
use crate::server::{LocalOptions, ServerError, SharedServer, local};
use chameleon_upgrade::catalogue::v2;
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use chart::chart;
pub use report::markdown;

/// What is upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// So many tables, and no events.
    Tables(u32),
    /// So many row events that wait for one table.
    Events(u32),
}

impl Size {
    /// How many tables, when it is they that count.
    #[must_use]
    pub fn tables(self) -> Option<u32> {
        if let Self::Tables(count) = self { Some(count) } else { None }
    }

    /// How many waiting events, when it is they that count.
    #[must_use]
    pub fn events(self) -> Option<u32> {
        if let Self::Events(count) = self { Some(count) } else { None }
    }
}

/// Who upgrades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// `chameleon-upgrade`.
    Ours,
    /// pg_chameleon 2.0.21's `upgrade_replica_schema`.
    Original,
    /// Hand-written SQL that knows what it will find.
    Limit,
}

impl Contender {
    /// All, in the order of their turns.
    pub const ALL: [Self; 3] = [Self::Ours, Self::Original, Self::Limit];

    /// What tables and charts call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "chameleon-upgrade",
            Self::Original => "pg_chameleon 2.0.21",
            Self::Limit => "hand-written SQL",
        }
    }
}

/// One upgrade.
#[derive(Debug, Clone)]
pub struct Run {
    /// What was upgraded.
    pub size: Size,
    /// Who upgraded.
    pub contender: Contender,
    /// How long it took.
    pub took: Duration,
    /// The most memory that its process held, in KiB; none for SQL.
    pub peak: Option<u64>,
    /// What of it took how many seconds, as far as the program tells.
    pub parts: Vec<(String, f64)>,
}

/// Why there is no benchmark.
#[derive(Debug, thiserror::Error)]
pub enum BenchmarkError {
    /// A program is missing.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The catalogue.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// A program that is measured can't be run, or fails.
    #[error(transparent)]
    Program(#[from] ProcessError),
    /// pg_chameleon.
    #[error(transparent)]
    Chameleon(#[from] ChameleonError),
    /// A statement of the harness.
    #[error("the benchmark's own SQL fails: {0}")]
    Sql(#[from] postgres::Error),
    /// A file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// An upgrade that ends well did not bring everything over.
    #[error(
        "{contender} left a catalogue {version} with {found} tables instead of {expected}, {waiting} events waiting"
    )]
    Wrong {
        /// Who upgraded.
        contender: &'static str,
        /// What the catalogue says that it is.
        version: String,
        /// The tables of the new catalogue.
        found: i64,
        /// Those of the old one.
        expected: u32,
        /// The events that were not replayed.
        waiting: i64,
    },
    /// The replayed rows are not those that the others leave.
    #[error("{contender} left other rows in the destination than the contenders before it")]
    OtherRows {
        /// Who upgraded.
        contender: &'static str,
    },
}

/// Measures every size `rounds` times with every contender, and tells `each` run.
///
/// # Errors
/// [`BenchmarkError`].
pub fn run(
    upgrader: &Upgrader,
    sizes: &[Size],
    rounds: u32,
    each: &dyn Fn(&Run),
) -> Result<(String, Vec<Run>), BenchmarkError> {
    tools::chameleon2()?;
    let server = SharedServer::new(Box::new(local(&options())?));
    let mut runs = Vec::new();
    let mut version = String::new();
    for &size in sizes {
        let template = ReplicaTemplate::new(server.clone(), &Origin::Seed(seed(size)))?;
        let mut rows = None;
        for _ in 0..rounds {
            for contender in Contender::ALL {
                let (run, left) = measure(upgrader, &template, size, contender, &mut version)?;
                if *rows.get_or_insert_with(|| left.clone()) != left {
                    return Err(BenchmarkError::OtherRows { contender: contender.name() });
                }
                each(&run);
                runs.push(run);
            }
        }
    }
    Ok((version, runs))
}

/// A server as production's: it waits for its disk, and has memory of its own.
fn options() -> LocalOptions {
    let settings = [
        ("shared_buffers", "512MB"),
        ("max_wal_size", "8GB"),
        ("checkpoint_timeout", "3600"),
        ("autovacuum", "off"),
    ];
    LocalOptions {
        fsync: true,
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ..LocalOptions::default()
    }
}

/// What is upgraded at this size: one source.
fn seed(size: Size) -> Seed {
    match size {
        Size::Tables(tables) => seed_of(1, tables, 0),
        Size::Events(events) => seed_of(1, 1, events),
    }
}

/// A replica of this many sources, `shop_1`, `shop_2`…, with their tables and waiting events shared among them. The
/// open batches are started: only from such ones does the original's upgrade bring anything over.
#[must_use]
pub fn seed_of(sources: u32, tables: u32, events: u32) -> Seed {
    let (tables, events) = (tables.div_ceil(sources), events.div_ceil(sources));
    Seed::of((1..=sources).map(|number| {
        let source = Source::new(&format!("shop_{number}"));
        let open = Batch::started("mysql-bin.000007:1234");
        if events == 0 {
            let items = Table::family("items", tables).destination(Destination::Missing);
            return source.table(items).batch(open);
        }
        let mix = [Kind::Insert, Kind::Update, Kind::Delete];
        let waiting = Batch::listed("mysql-bin.000006:4").event(Event::bulk_of("items", events, &mix));
        source.table(Table::new("items").rows(events / 3 + 1)).batch(waiting).batch(open)
    }))
}

/// The source of the configuration that all of them go into.
#[must_use]
pub fn configured(sources: u32) -> ConfiguredSource {
    let mut configured = ConfiguredSource::mysql("replica", &[]);
    configured.mappings =
        (1..=sources).map(|number| (format!("my_shop_{number}"), format!("shop_{number}"))).collect();
    configured
}

fn measure(
    upgrader: &Upgrader,
    template: &ReplicaTemplate,
    size: Size,
    contender: Contender,
    version: &mut String,
) -> Result<(Run, String), BenchmarkError> {
    let mut replica = template.replica(&vec![configured(1)].into())?;
    configure_both(&mut replica)?;
    let mut superuser = replica.superuser()?;
    *version = superuser.query_one("SHOW server_version", &[])?.get(0);
    superuser.batch_execute("CHECKPOINT")?;
    drop(superuser);
    let processes = ProcessGroup::new()?;
    let began = Instant::now();
    let (took, peak) = match contender {
        Contender::Limit => {
            by_hand(&replica, size)?;
            (began.elapsed(), None)
        }
        program => {
            let mut running = start(upgrader, &processes, &replica, program)?;
            let (status, peak) = running.wait_for_peak()?;
            let took = began.elapsed();
            if !status.success() {
                return Err(running.failure(&format!("failed ({status})")).into());
            }
            (took, Some(peak))
        }
    };
    let parts = if contender == Contender::Ours { parts(&replica, took)? } else { vec![] };
    let run = Run { size, contender, took, peak, parts };
    Ok((run, digest(&replica, size, contender)?))
}

/// The original doesn't start without keys that its upgrade makes nothing of.
fn configure_both(replica: &mut Replica) -> Result<(), BenchmarkError> {
    let mut whole: Value =
        serde_json::from_str(&fs::read_to_string(replica.home.configuration())?).map_err(io::Error::from)?;
    let source = &mut whole["sources"]["replica"];
    for key in ["limit_tables", "skip_tables"] {
        source[key] = Value::Null;
    }
    for (key, value) in [
        ("my_server_id", json!(100)),
        ("replica_batch_size", json!(10_000)),
        ("replay_max_rows", json!(10_000)),
        ("batch_retention", json!("1 day")),
        ("copy_max_memory", json!("300M")),
        ("copy_mode", json!("file")),
        ("out_dir", json!("/tmp")),
        ("lock_timeout", json!("120s")),
        ("sleep_loop", json!(1)),
        ("on_error_replay", json!("continue")),
        ("on_error_read", json!("continue")),
        ("auto_maintenance", json!("disabled")),
        ("gtid_enable", json!(false)),
        ("keep_existing_schema", json!(false)),
    ] {
        source[key] = value;
    }
    replica.home = Home::new(&whole)?;
    for folder in ["pid", "logs"] {
        fs::create_dir_all(replica.home.path().join(".pg_chameleon").join(folder))?;
    }
    Ok(())
}

fn start(
    upgrader: &Upgrader,
    processes: &ProcessGroup,
    replica: &Replica,
    program: Contender,
) -> Result<StartedProgram, BenchmarkError> {
    if program == Contender::Ours {
        let mut command = upgrader.command(&replica.home, ["upgrade", "--yes"]);
        command.arg("--report").arg(report_of(replica));
        return Ok(processes.start(program.name(), command)?);
    }
    Ok(Chameleon2::new(&tools::chameleon2()?, processes, &replica.home).upgrade()?)
}

fn report_of(replica: &Replica) -> PathBuf {
    replica.home.path().join("report.json")
}

/// The replay and the steps of our report; what is left is the start with the checks, and the end.
fn parts(replica: &Replica, took: Duration) -> Result<Vec<(String, f64)>, BenchmarkError> {
    let report = Report::read(&report_of(replica))?.unwrap_or_default();
    let mut parts = vec![("replay".to_owned(), report.replay_seconds())];
    parts.extend(report.steps.into_iter().map(|step| (step.step, step.seconds)));
    let rest = took.as_secs_f64() - parts.iter().map(|(_, seconds)| seconds).sum::<f64>();
    parts.push(("start, checks and end".to_owned(), rest));
    Ok(parts)
}

fn by_hand(replica: &Replica, size: Size) -> Result<(), BenchmarkError> {
    let mut session = replica.session()?;
    if matches!(size, Size::Events(_)) {
        session.batch_execute(include_str!("limit_events.sql"))?;
    }
    let mut transaction = session.transaction()?;
    transaction.batch_execute(
        "ALTER SCHEMA sch_chameleon RENAME TO _sch_chameleon_version1; CREATE SCHEMA sch_chameleon",
    )?;
    for (_, statements) in v2::INSTALL {
        transaction.batch_execute(statements)?;
    }
    transaction.batch_execute(include_str!("limit_tables.sql"))?;
    Ok(transaction.commit()?)
}

/// A time counts only of an upgrade that has really been done: all tables in a 2.0.10 catalogue, nothing waiting; and the
/// rows of the destination as every other contender leaves them, whose digest this is.
fn digest(replica: &Replica, size: Size, contender: Contender) -> Result<String, BenchmarkError> {
    let mut session = replica.superuser()?;
    let row = session.query_one(include_str!("done.sql"), &[])?;
    let expected = if let Size::Tables(count) = size { count } else { 1 };
    let (version, found, waiting): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
    if version != v2::VERSION || found != i64::from(expected) || waiting > 0 {
        return Err(BenchmarkError::Wrong { contender: contender.name(), found, version, expected, waiting });
    }
    if matches!(size, Size::Tables(_)) {
        return Ok(String::new());
    }
    Ok(session.query_one(include_str!("destination.sql"), &[])?.get(0))
}
