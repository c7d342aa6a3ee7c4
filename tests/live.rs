//! The live scenarios: each file of scenarios/live is a test of its own on the real MariaDB and on Oracle's real MySQL,
//! with the real pg_chameleon 1.8.2 and the real 2.0.21: `mariadb/NAME` and `mysql/NAME`; and `gtids/NAME` on a
//! MySQL with GTIDs, from which the daemon of 2.0.21 starts.

#![expect(clippy::expect_used, reason = "without its folder the suite has nothing to run")]

use chameleon_harness::live::{self, LiveError, Programs, Scenario};
use chameleon_harness::process::tools;
use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::server::mysql::MySqlKind;
use chameleon_harness::server::{self, Server};
use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `all`: on MySQL all scenarios too, not only those of the core. So does whoever names some.
const LIVE: &str = "CHAMELEON_LIVE";

/// Two cores are enough for three: a scenario is three or four processes, one after the other, that wait now and then.
const AT_A_TIME: usize = 3;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let all = arguments.filter.is_some() || env::var_os(LIVE).is_some_and(|value| value == "all");
    let of = |server| trials_on(server, false, all);
    let mut trials: Vec<_> = MySqlKind::ALL.into_iter().flat_map(of).collect();
    trials.extend(trials_on(MySqlKind::MySql, true, all));
    trials.push(Trial::test("docs_name_scenarios", || docs_name_scenarios().map_err(Failed::from)));
    let conclusion = libtest_mimic::run(&arguments, trials);
    println!(
        "live: {} tables compared with MySQL row by row, {} tables unequal",
        COMPARED.load(Ordering::Relaxed),
        UNEQUAL.load(Ordering::Relaxed)
    );
    conclusion.exit_code()
}

/// The tables that were compared at the end of scenarios, but for those that show a damage.
static COMPARED: AtomicUsize = AtomicUsize::new(0);
/// Those that didn't equal their sources.
static UNEQUAL: AtomicUsize = AtomicUsize::new(0);

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/live");
    let entries = fs::read_dir(&folder).expect("the folder of the live scenarios");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry of the folder").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// The scenarios that can be true of this server, with GTIDs or without: all of them, or those that are always run on it.
fn trials_on(server: MySqlKind, gtids: bool, all: bool) -> Vec<Trial> {
    let programs = Programs::find(server).map_err(|missing| missing.to_string());
    let programs = Arc::new(if gtids { programs.map(Programs::with_gtids) } else { programs });
    files().iter().filter_map(|file| trial(file, server, gtids, all, &programs)).collect()
}

fn trial(
    file: &Path,
    server: MySqlKind,
    gtids: bool,
    all: bool,
    programs: &Arc<Result<Programs, String>>,
) -> Option<Trial> {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = format!("{}/{stem}", if gtids { "gtids" } else { server.name() });
    let scenario = read(file);
    let is_of = |it: &Scenario| {
        it.only.is_none_or(|only| only == server) && it.gtids.is_none_or(|about| about == gtids)
    };
    if scenario.as_ref().is_ok_and(|it| !is_of(it)) {
        return None;
    }
    let is_always = |it: &Scenario| if gtids { it.core_with_gtids } else { it.core || it.only.is_some() };
    let always = all || server == MySqlKind::MariaDb || scenario.as_ref().is_ok_and(is_always);
    let reason = reason_to_skip(&scenario, programs);
    if let Some(reason) = &reason {
        eprintln!("{name}: skipped, {reason}");
    }
    let programs = Arc::clone(programs);
    let test = move || played(&scenario?, programs.as_ref().as_ref()?).map_err(|error| error.to_string());
    let ignored = reason.is_some() || !always;
    Some(Trial::test(name, move || test().map_err(Failed::from)).with_ignored_flag(ignored))
}

fn read(file: &Path) -> Result<Scenario, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    serde_yaml::from_str(&text).map_err(|error| error.to_string())
}

/// docs/ddl.md says of every scenario of DDL what it shows, and of none that isn't there.
fn docs_name_scenarios() -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ddl.md");
    let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let rows = text.lines().filter(|line| line.starts_with('|')).skip(2);
    let last_cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    let named: BTreeSet<_> = last_cells
        .flat_map(|cell| cell.split(','))
        .map(|name| name.trim().trim_matches('`').to_owned())
        .collect();
    let there: BTreeSet<_> =
        files().iter().filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned())).collect();
    let to_be_named = there.iter().filter(|name| name.starts_with("ddl_") || name.starts_with("statements_"));
    match (named.difference(&there).next(), to_be_named.clone().find(|name| !named.contains(*name))) {
        (Some(unknown), _) => Err(format!("docs/ddl.md names {unknown:?}, which is no scenario")),
        (_, Some(missing)) => Err(format!("docs/ddl.md says nothing of {missing}")),
        _ => Ok(()),
    }
}

fn reason_to_skip(
    scenario: &Result<Scenario, String>,
    programs: &Result<Programs, String>,
) -> Option<String> {
    let awaited = scenario.as_ref().ok().and_then(|scenario| scenario.awaits.clone());
    awaited.map(|what| format!("it awaits {what}")).or_else(|| {
        let missing = programs.as_ref().err().filter(|_| !tools::everything_is_required());
        missing.cloned()
    })
}

fn played(scenario: &Scenario, programs: &Programs) -> Result<(), Box<dyn Error>> {
    let database = server::shared()?.create_database()?;
    let upgrader = Upgrader::with_mysql(env!("CARGO_BIN_EXE_chameleon-upgrade"));
    let wrong = match live::run(scenario, programs, &upgrader, database) {
        Ok(verdict) => {
            assert!(verdict.tables > 0, "no table was compared");
            if scenario.damage.is_empty() {
                COMPARED.fetch_add(verdict.tables, Ordering::Relaxed);
                UNEQUAL.fetch_add(verdict.unequal.len(), Ordering::Relaxed);
            }
            LiveError::Findings(verdict.findings()).to_string()
        }
        Err(error) => error.to_string(),
    };
    if scenario.damage.is_empty() {
        return if wrong.is_empty() { Ok(()) } else { Err(wrong.into()) };
    }
    match scenario.damage.iter().find(|damage| !wrong.contains(*damage)) {
        Some(damage) => Err(format!("the damage was to be {damage:?}, and it was: {wrong}").into()),
        None => Ok(()),
    }
}
