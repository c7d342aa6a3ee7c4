//! Every file of a folder of scenarios as tests by its own name.

#![allow(clippy::expect_used, reason = "a test may end there")]

use chameleon_harness::scenario::{Case, ScenarioFile};
use libtest_mimic::{Arguments, Conclusion, Trial};
use std::path::Path;

/// Two cores are enough for five scenarios with the real programs: each is three or four processes, one after the other,
/// that wait most of the time (measured: three at a time leave a core idle).
#[allow(dead_code, reason = "for those alone")]
pub const WITH_REAL_PROGRAMS: usize = 5;

/// The files of `folder`, in the order of their names.
pub fn read<C: Case>(folder: &str) -> Vec<ScenarioFile<C>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    ScenarioFile::read_all(&[folder]).expect("scenarios that can be read")
}

/// Runs tests, `at_a_time` of them at a time by default.
pub fn run(
    mut arguments: Arguments,
    at_a_time: Option<usize>,
    trials: impl IntoIterator<Item = Trial>,
) -> Conclusion {
    arguments.test_threads = arguments.test_threads.or(at_a_time);
    libtest_mimic::run(&arguments, trials.into_iter().collect())
}
