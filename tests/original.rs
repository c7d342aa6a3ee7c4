//! The original upgrade comparison ours: each file of scenarios/original is a test of its own, and together they are
//! docs/original.md, which must say what they show. `CHAMELEON_WRITE_DOCS=1` writes it anew.

#![expect(clippy::expect_used, reason = "without its folder the suite has nothing to run")]

use chameleon_harness::comparison::{self, Case, Comparison, document, summary};
use chameleon_harness::live::{Programs, documents};
use chameleon_harness::process::tools;
use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::server::mysql::MySqlKind;
use chameleon_harness::server::{self, Server};
use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// As of the live scenarios.
const AT_A_TIME: usize = 3;

/// What the states have shown, in the order of their files.
type Shown = Arc<Mutex<BTreeMap<PathBuf, (String, Comparison)>>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let programs = Arc::new(Programs::find(MySqlKind::MariaDb).map_err(|missing| missing.to_string()));
    let skip = programs.as_ref().as_ref().err().filter(|_| !tools::everything_is_required());
    if let Some(missing) = skip {
        eprintln!("the comparison with the original is skipped, {missing}");
    }
    let shown = Shown::default();
    let files = files();
    let trials = files.iter().map(|file| trial(file, &programs, &shown).with_ignored_flag(skip.is_some()));
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
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

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/original");
    let entries = fs::read_dir(&folder).expect("the folder of the comparison");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry of the folder").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

fn trial(file: &Path, programs: &Arc<Result<Programs, String>>, shown: &Shown) -> Trial {
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let (file, programs, shown) = (file.to_owned(), Arc::clone(programs), Arc::clone(shown));
    Trial::test(name, move || {
        let found = compare(&file, programs.as_ref()).map_err(|error| Failed::from(error.to_string()))?;
        shown.lock().unwrap_or_else(PoisonError::into_inner).insert(file, found);
        Ok(())
    })
}

fn compare(file: &Path, programs: &Result<Programs, String>) -> Result<(String, Comparison), Box<dyn Error>> {
    let case: Case = serde_yaml::from_str(&fs::read_to_string(file)?)?;
    let database = server::shared()?.create_database()?;
    let upgrader = Upgrader::with_mysql(env!("CARGO_BIN_EXE_chameleon-upgrade"));
    let comparison = comparison::run(&case, programs.as_ref().map_err(Clone::clone)?, &upgrader, database)?;
    Ok((case.state, comparison))
}

fn settle(document: &str) -> Result<(), Box<dyn Error>> {
    documents::settle(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/original.md"),
        document,
        "compare-original",
    )
}
