//! Every file of scenarios/ is a test by its own name: `cargo test --test scenarios -- batch_orphan`.

mod cases;

use chameleon_harness::replica::upgrader::Upgrader;
use chameleon_harness::scenario::{self, Pool, ScenarioFile, VerdictKind};
use chameleon_harness::server::Kind;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let pool = Arc::new(Pool::new(Kind::default()));
    let trials = cases::read("scenarios").into_iter().map(|file| trial(file, Arc::clone(&pool)));
    let conclusion = cases::run(Arguments::from_args(), None, trials);
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
