//! The live scenarios: each file of scenarios/live is a test of its own on the real MariaDB and on Oracle's real MySQL,
//! with the real pg_chameleon 1.8.2 and the real 2.0.21: `mariadb/NAME` and `mysql/NAME`; and `gtids/NAME` on a
//! MySQL with GTIDs, from which the daemon of 2.0.21 starts. `back/NAME` takes those that end with the daemon back to
//! 1.8.2, on MariaDB, whatever state of the 1.7 replica they began with.

mod cases;

use chameleon_harness::live::{self, Programs, ReplicaServer, Scenario};
use chameleon_harness::process::tools;
use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::scenario::ScenarioFile;
use chameleon_harness::server::mysql::MySqlKind;
use chameleon_harness::server::{self, LocalOptions, LocalServer, Server, ServerError};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::json;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// `all`: on MySQL all scenarios too, not only those of the core. So does whoever names some.
const LIVE: &str = "CHAMELEON_LIVE";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let all = arguments.filter.is_some() || env::var_os(LIVE).is_some_and(|value| value == "all");
    let files = cases::read("scenarios/live");
    let of = |server| trials_on(&files, server, false, all);
    let mut trials: Vec<_> = MySqlKind::ALL.into_iter().flat_map(of).collect();
    trials.extend(trials_on(&files, MySqlKind::MySql, true, all));
    let mariadb = Arc::new(Programs::find(MySqlKind::MariaDb).map_err(|missing| missing.to_string()));
    trials.extend(trials_back(&files, &mariadb, all));
    trials.extend(trials_of_sizes(&mariadb, all));
    let names = files.iter().map(|file| file.name.clone()).collect();
    trials.push(Trial::test("docs_name_scenarios", || docs_name_scenarios(names).map_err(Failed::from)));
    let conclusion = cases::run(arguments, Some(cases::WITH_REAL_PROGRAMS), trials);
    println!(
        "live: {} tables compared with MySQL row by row, {} tables unequal",
        COMPARED.load(Ordering::Relaxed),
        UNEQUAL.load(Ordering::Relaxed)
    );
    if let Some(longest) = longest() {
        println!("live: the longest took {longest}");
    }
    conclusion.exit_code()
}

/// The tables that were compared at the end of scenarios, but for those that show a damage.
static COMPARED: AtomicUsize = AtomicUsize::new(0);
/// Those that didn't equal their sources.
static UNEQUAL: AtomicUsize = AtomicUsize::new(0);

/// How long each took, in seconds.
static TOOK: Mutex<Vec<(u64, String)>> = Mutex::new(Vec::new());

/// The longest of them, by name; none when none was run.
fn longest() -> Option<String> {
    let mut took = TOOK.lock().unwrap_or_else(PoisonError::into_inner).clone();
    took.sort_unstable_by(|one, other| other.cmp(one));
    let named = took.iter().take(12).map(|(seconds, name)| format!("{name} {seconds} s"));
    (!took.is_empty()).then(|| named.collect::<Vec<_>>().join(", "))
}

/// The scenarios that can be true of this server, with GTIDs or without: all of them, or those that are always run on it.
fn trials_on(files: &[ScenarioFile<Scenario>], server: MySqlKind, gtids: bool, all: bool) -> Vec<Trial> {
    let programs = Programs::find(server).map_err(|missing| missing.to_string());
    let programs = Arc::new(if gtids { programs.map(Programs::with_gtids) } else { programs });
    let is_of = |it: &Scenario| {
        it.only.is_none_or(|only| only == server) && it.gtids.is_none_or(|about| about == gtids)
    };
    let is_always =
        |it: &Scenario| if gtids { it.core_with_gtids } else { it.core || it.only.is_some() && !it.slow };
    let of_it = files.iter().filter(|file| is_of(&file.scenario));
    of_it
        .map(|file| {
            let is_short = !file.scenario.slow && server == MySqlKind::MariaDb;
            let always = all || is_short || is_always(&file.scenario);
            let name = format!("{}/{}", if gtids { "gtids" } else { server.name() }, file.name);
            trial(name, &file.scenario, &programs, always)
        })
        .collect()
}

/// The scenarios that end with the daemon, each with the way back behind it: only where all are run.
fn trials_back(
    files: &[ScenarioFile<Scenario>],
    programs: &Arc<Result<Programs, String>>,
    all: bool,
) -> Vec<Trial> {
    let scenarios = files.iter().filter_map(|file| Some((&file.name, file.scenario.and_back()?)));
    scenarios.map(|(name, back)| trial(format!("back/{name}"), &back, programs, all)).collect()
}

/// Tables, and row events that wait: the sizes of the replicas whose stand-still is forecast, and then measured, from the start of the
/// upgrade to the first sessions of the daemon.
const SIZES: [(u32, u32); 10] = [
    (1, 0),
    (10, 100),
    (10, 20_000),
    (50, 1_000),
    (100, 0),
    (100, 50_000),
    (200, 5_000),
    (400, 0),
    (400, 100_000),
    (800, 10_000),
];

/// A rehearsal of a replica of each size, with the real daemon, and then the day: only where all are run.
fn trials_of_sizes(programs: &Arc<Result<Programs, String>>, all: bool) -> Vec<Trial> {
    let of_size = |&(tables, events): &(u32, u32)| {
        let scenario = of_size(tables, events);
        trial(format!("stand_still/{tables}_tables_{events}_events"), &scenario, programs, all)
    };
    SIZES.iter().map(of_size).collect()
}

#[expect(clippy::expect_used, reason = "what is written here")]
fn of_size(tables: u32, events: u32) -> Scenario {
    let created: String = (1..=tables)
        .map(|number| format!("CREATE TABLE t{number} (id int PRIMARY KEY, data varchar(50)); "))
        .collect();
    let waits = format!("INSERT INTO t1 SELECT seq, concat('row ', seq) FROM seq_1_to_{}", events.max(1));
    let mut steps = vec![
        json!({"mysql": {"shop": created}}),
        json!({"init_replica": ["shop"]}),
        json!({"replicate": ["shop"]}),
    ];
    if events > 0 {
        steps.extend([json!({"mysql": {"shop": waits}}), json!({"read_batch": ["shop"]})]);
    }
    steps.extend([json!({"rehearse": {"verdict": "go", "upgrades": true}}), json!({"daemon": []})]);
    let scenario = json!({
        "about": "How long the replica stands still is what the rehearsal has forecast.",
        "only": "mariadb",
        "replica": "durable",
        "sources": {"shop": {"schema": "my_shop", "dest_schema": "shop", "batch_size": 200_000}},
        "upgraded": {"upgraded": ["shop"]},
        "steps": steps,
    });
    // As the files are read.
    yaml_serde::from_str(&scenario.to_string()).expect("a scenario")
}

fn trial(name: String, scenario: &Scenario, programs: &Arc<Result<Programs, String>>, always: bool) -> Trial {
    let reason = reason_to_skip(scenario, programs);
    if let Some(reason) = &reason {
        eprintln!("{name}: skipped, {reason}");
    }
    let (scenario, programs) = (scenario.clone(), Arc::clone(programs));
    let named = name.clone();
    let test = move || {
        let began = Instant::now();
        let shown = proved(&scenario, programs.as_ref().as_ref()?);
        TOOK.lock().unwrap_or_else(PoisonError::into_inner).push((began.elapsed().as_secs(), named));
        shown
    };
    Trial::test(name, move || test().map_err(Failed::from)).with_ignored_flag(reason.is_some() || !always)
}

/// docs/ddl.md says of every scenario of DDL what it shows, and of none that isn't there.
fn docs_name_scenarios(there: BTreeSet<String>) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ddl.md");
    let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let rows = text.lines().filter(|line| line.starts_with('|')).skip(2);
    let last_cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    let named: BTreeSet<_> = last_cells
        .flat_map(|cell| cell.split(','))
        .map(|name| name.trim().trim_matches('`').to_owned())
        .collect();
    let to_be_named = there.iter().filter(|name| name.starts_with("ddl_") || name.starts_with("statements_"));
    match (named.difference(&there).next(), to_be_named.clone().find(|name| !named.contains(*name))) {
        (Some(unknown), _) => Err(format!("docs/ddl.md names {unknown:?}, which is no scenario")),
        (_, Some(missing)) => Err(format!("docs/ddl.md says nothing of {missing}")),
        _ => Ok(()),
    }
}

fn reason_to_skip(scenario: &Scenario, programs: &Result<Programs, String>) -> Option<String> {
    let awaited = scenario.awaits.as_ref().map(|what| format!("it awaits {what}"));
    let is_root = rustix::process::geteuid().is_root();
    let no_disk = (scenario.replica == ReplicaServer::SmallDisk && !is_root)
        .then(|| "root is missing: a disk is mounted, so run it as root".to_owned());
    let missing = programs.as_ref().err().cloned().or(no_disk);
    awaited.or_else(|| missing.filter(|_| !tools::everything_is_required()))
}

fn own_server(replica: ReplicaServer) -> Result<Option<LocalServer>, ServerError> {
    let (small_disk, fsync) = (replica == ReplicaServer::SmallDisk, replica == ReplicaServer::Durable);
    let options = LocalOptions { small_disk, fsync, ..LocalOptions::default() };
    Ok(if replica == ReplicaServer::Shared { None } else { Some(server::local(&options)?) })
}

fn proved(scenario: &Scenario, programs: &Programs) -> Result<(), String> {
    let shared = server::shared().map_err(ToString::to_string)?;
    let own = own_server(scenario.replica).map_err(|error| error.to_string())?;
    let server = own.as_ref().unwrap_or(shared);
    let database = server.create_database().map_err(|error| error.to_string())?;
    if scenario.replica == ReplicaServer::SmallDisk {
        database.go_to_the_small_disk().map_err(|error| error.to_string())?;
    }
    let upgrader = Upgrader::with_mysql(env!("CARGO_BIN_EXE_chameleon-upgrade"));
    let (check, shown) = live::prove(scenario, programs, &upgrader, database);
    if let Some(check) = check
        && scenario.damage.is_empty()
    {
        COMPARED.fetch_add(check.tables.len(), Ordering::Relaxed);
        UNEQUAL.fetch_add(check.unequal.len(), Ordering::Relaxed);
    }
    shown
}
