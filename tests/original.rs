//! The original upgrade compared with ours: each file of scenarios/original is a test of its own, and together they are
//! docs/original.md, which must say what they show. `CHAMELEON_WRITE_DOCS=1` writes it anew.

mod cases;

use chameleon_harness::comparison::{self, Case, Comparison, document, summary};
use chameleon_harness::live::{Programs, documents};
use chameleon_harness::process::tools;
use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::scenario::ScenarioFile;
use chameleon_harness::server::mysql::MySqlKind;
use chameleon_harness::server::{self, Server};
use libtest_mimic::{Arguments, Trial};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// What the states have shown, in the order of their files.
type Shown = Arc<Mutex<BTreeMap<PathBuf, (String, Comparison)>>>;

fn main() -> ExitCode {
    let programs = Arc::new(Programs::find(MySqlKind::MariaDb).map_err(|missing| missing.to_string()));
    let skip = programs.as_ref().as_ref().err().filter(|_| !tools::everything_is_required());
    if let Some(missing) = skip {
        eprintln!("the comparison with the original is skipped, {missing}");
    }
    let shown = Shown::default();
    let files = cases::read("scenarios/original");
    let trials = files.iter().map(|file| trial(file, &programs, &shown).with_ignored_flag(skip.is_some()));
    let conclusion = cases::run(Arguments::from_args(), Some(cases::WITH_REAL_PROGRAMS), trials);
    let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
    if conclusion.has_failed() || shown.len() < files.len() {
        return conclusion.exit_code();
    }
    let all: Vec<_> = shown.values().cloned().collect();
    println!("{}", summary(&all));
    match settle(&document(&all)) {
        Ok(()) => conclusion.exit_code(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn trial(file: &ScenarioFile<Case>, programs: &Arc<Result<Programs, String>>, shown: &Shown) -> Trial {
    let (file, programs, shown) = (file.clone(), Arc::clone(programs), Arc::clone(shown));
    Trial::test(file.name.clone(), move || {
        let found = compare(&file.scenario, programs.as_ref()).map_err(|error| error.to_string())?;
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(file.path, (file.scenario.state, found));
        Ok(())
    })
}

fn compare(case: &Case, programs: &Result<Programs, String>) -> Result<Comparison, Box<dyn Error>> {
    let database = server::shared()?.create_database()?;
    let upgrader = Upgrader::with_mysql(env!("CARGO_BIN_EXE_chameleon-upgrade"));
    Ok(comparison::run(case, programs.as_ref().map_err(Clone::clone)?, &upgrader, database)?)
}

fn settle(document: &str) -> Result<(), Box<dyn Error>> {
    documents::settle(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/original.md"),
        document,
        "compare-original",
    )
}
