//! Every file of scenarios/ is a test by its own name: `cargo test --test scenarios -- batch_orphan`.
#![allow(clippy::expect_used, reason = "a test may end there")]

use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::scenario::{self, Pool, ScenarioFile, VerdictKind};
use chameleon_harness::server::Kind;
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = ScenarioFile::read_all(&[folder]).expect("scenarios that can be read");
    let pool = Arc::new(Pool::new(Kind::default()));
    let trials = files.into_iter().map(|file| trial(file, Arc::clone(&pool))).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The servers end before the program does: an exit runs no destructors.
    drop(pool);
    conclusion.exit_code()
}

fn trial(file: ScenarioFile, pool: Arc<Pool>) -> Trial {
    Trial::test(file.name.clone(), move || {
        let upgrader = Upgrader::new(env!("CARGO_BIN_EXE_chameleon-upgrade"));
        let verdict = scenario::run(&file, &pool, &upgrader, false)?;
        match verdict.kind {
            VerdictKind::Passed => Ok(()),
            VerdictKind::Failed(what)
            | VerdictKind::Wrong(what)
            | VerdictKind::Blind(what)
            | VerdictKind::Skipped(what) => Err(Failed::from(what)),
        }
    })
}
